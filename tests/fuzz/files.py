"""Damaged files for every reader: each is read as something valid or refused by a documented error that names it,
most often a ValueError.

    python -m fuzz.files --count 50000 --seed 0        # in tests/, with fastnn on the path
    python -m fuzz.files --seed 0 --case 123 --keep x  # one of them, kept as the file x

A forked process, whose memory and time for a file are bounded, reads many; when it dies, the file that it read is a
finding and another goes on behind it. The cases of a seed are always the same.
"""
import argparse
import collections
import ctypes
import gc
import os
import resource
import signal
import sys
import tempfile
import traceback
import warnings

import numpy as np

import fastnn
from fastnn.serialization import load, load_file
from fastnn.vision.datasets import CIFAR10, CIFAR100
from fastnn.vision.datasets.idx import read_idx
from fuzz import damage, model_files
from fuzz.file_samples import samples, torch_stream

SECONDS = 10  # of processor time for one file
MEMORY = 256 << 20  # beyond what the process has when it begins
WARM = 1000  # files, after which a process has what it keeps;
GROWTH = 32 << 20  # more than so much with all others is a finding
CRAFTED = 0.01  # of the others
LIMITED = "libasan" not in os.environ.get("LD_PRELOAD", "")  # a sanitizer's own memory takes terabytes


def cifar(kind):
    """A reader that has the file as the first part of a data set."""
    def read(path):
        folder = os.path.join(os.path.dirname(path), kind.base_folder)
        os.makedirs(folder, exist_ok=True)
        for i, name in enumerate(kind.train_list):
            link = os.path.join(folder, name)
            if not os.path.islink(link):
                os.symlink(path if i == 0 else path + ".good", link)
        with open(path + ".good", "wb") as file:
            file.write(bytes(3073))
        return kind(os.path.dirname(path)).data
    return read


READERS = {"safetensors": [load_file, lambda path: load_file(path, as_numpy=True), load], "checkpoint": [load],
           "zip": [load], "stream": [load], "idx": [read_idx], "gz": [read_idx], "cifar": [cifar(CIFAR10)],
           "cifar100": [cifar(CIFAR100)], **model_files.READERS}
NAMED = {READERS["cifar"][0]: CIFAR10.train_list[0],  # the name by which a reader knows the file
         READERS["cifar100"][0]: CIFAR100.train_list[0]}
BY_FORMAT = damage.BY_FORMAT | model_files.BY_FORMAT


class Cases:
    """The files of a seed by number: first those that are made by hand, then damaged ones without end."""

    def __init__(self, seed, formats=None):
        self.seed = seed
        self.samples = samples() | model_files.samples()
        self.formats = sorted(formats or self.samples.keys() - model_files.APART)
        self.all = [data for files in self.samples.values() for data in files]
        self.crafted = [case for case in self._crafted() if case[0] in self.formats]

    def _crafted(self):
        for name, text in damage.crafted_pickles():
            yield "stream", torch_stream(text, {}), name
            yield "zip", damage.rezipped(self.samples["zip"][0], lambda member, content, text=text:
                                         text if member.endswith("data.pkl") else content), name
        yield "zip", damage.overlapping, "overlapping members"
        yield "gz", damage.bomb, "a bomb"
        yield "idx", b"\0\0\x08\4" + bytes(4) + b"\xff" * 12, "no images of a huge size"

    def crafted_case(self, number):
        kind, data, name = self.crafted[number]
        if callable(data):  # large ones are made when first wanted
            data = data()
            self.crafted[number] = kind, data, name
        return kind, data, name

    def case(self, number):
        """(format, bytes, what was done)."""
        if number < len(self.crafted):
            return self.crafted_case(number)
        rng = np.random.default_rng([self.seed, number])
        if self.crafted and rng.random() < CRAFTED:
            kind, data, name = self.crafted_case(rng.integers(0, len(self.crafted)))
            return kind, damage.blind(data, rng, self.all), f"{name}, damaged blindly"
        kind = self.formats[rng.integers(0, len(self.formats))]
        if kind not in model_files.BY_FORMAT_ALONE and rng.random() < 0.03:
            return kind, damage.foreign(rng), "another format"
        files = self.samples[kind]
        data = files[rng.integers(0, len(files))]
        if kind in model_files.BY_FORMAT_ALONE or kind in BY_FORMAT and rng.random() < 0.6:
            return kind, BY_FORMAT[kind](data, rng, self.all), "damaged by its format"
        return kind, damage.blind(data, rng, self.all), "damaged blindly"


# ---- judging ----

PLAIN = (type(None), bool, int, float, complex, str, bytes, bytearray, np.generic, fastnn.dtype, fastnn.device)


def fault_of_value(value):
    """What is wrong with what a reader returned; None if it is valid."""
    seen, waiting, elements = set(), [value], 0
    while waiting:
        item = waiting.pop()
        if isinstance(item, PLAIN) or id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, dict):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, (list, tuple, set, frozenset)):
            waiting += item
        elif isinstance(item, (fastnn.Tensor, np.ndarray)):
            array = item.detach().numpy() if isinstance(item, fastnn.Tensor) else item
            if isinstance(item, fastnn.Tensor):
                item.dtype  # noqa: B018 (there must be one)
            if array.dtype == bool and array.size and array.size < 1e6 and array.view(np.uint8).max() > 1:
                return "a bool that is neither 0 nor 1"
            if array.size < 1e6:
                elements += array.size
                array.copy()
        else:
            return f"loads a {type(item).__name__}"
    return None


def fault(read, path):
    """What is wrong with reading a file, in a few words that others of its kind share; None if nothing is."""
    try:
        value = read(path)
    except model_files.ERRORS.get(read, ValueError) as error:
        if read not in model_files.UNNAMED and NAMED.get(read, os.path.basename(path)) not in str(error):
            return f"a {type(error).__name__} does not name the file"
        return "a message of more than 2000 characters" if len(str(error)) > 2000 else None
    except Exception as error:
        return f"raises {type(error).__name__}"
    try:
        return fault_of_value(value)
    except Exception as error:
        return f"loads what raises {type(error).__name__}"


def resident():
    """Bytes of memory that this process holds, and those of its address space."""
    with open("/proc/self/statm") as file:
        pages = file.read().split()
    return int(pages[1]) * resource.getpagesize(), int(pages[0]) * resource.getpagesize()


def held():
    """Bytes of memory that are in use: without what allocators keep for later."""
    gc.collect()
    fastnn.kernels.empty_cache()
    getattr(ctypes.CDLL(None), "malloc_trim", int)(0)  # glibc's
    return resident()[0]


def read_all(cases, begin, end, path, seconds, out):
    """Read the files from `begin` to `end`, telling the number of each before and its fault after."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    if LIMITED:
        resource.setrlimit(resource.RLIMIT_AS, (resident()[1] + MEMORY,) * 2)
    for number in range(begin, end):
        if number == begin + WARM:
            os.write(out, b"memory %d\n" % held())
        kind, data, _ = cases.case(number)
        with open(path, "wb") as file:
            file.write(data)
        for read in READERS[kind]:
            os.write(out, b"%d\n" % number)
            signal.setitimer(signal.ITIMER_PROF, seconds)  # ends the process
            found = fault(read, path)
            signal.setitimer(signal.ITIMER_PROF, 0)
            if found:
                os.write(out, f"{number} {kind}: {found}\n".encode())
    os.write(out, b"memory %d\n" % held())


def findings(count, seed, seconds=SECONDS, formats=None):
    """[(number of the case, what was found)] of `count` files. Forks: to be called in a process without threads."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        return _findings(Cases(seed, formats), count, seconds, os.path.join(folder, "damaged-file"))


def _findings(cases, count, seconds, path):
    found, begin = [], 0
    while begin < count:
        source, out = os.pipe()
        pid = os.fork()
        if not pid:
            code = 1
            try:
                os.close(source)
                read_all(cases, begin, count, path, seconds, out)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        os.close(out)
        with open(source) as file:
            lines = file.read().splitlines()
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        sizes = [int(line.split()[1]) for line in lines if line.startswith("memory")]
        lines = [line for line in lines if not line.startswith("memory")]
        if len(sizes) == 2:
            print(f"memory from {sizes[0] >> 20} MiB to {sizes[1] >> 20} MiB in files {begin + WARM} to {count}")
            if sizes[1] - sizes[0] > GROWTH:
                found.append((count, "memory grows"))
        found += [(int(number), text) for number, _, text in (line.partition(" ") for line in lines) if text]
        if code >= 0:
            if code:
                raise RuntimeError("the harness itself failed")
            break
        number, name = int(lines[-1].partition(" ")[0]), signal.Signals(-code).name
        found.append((number, f"{cases.case(number)[0]}: "
                      + ("takes longer than its time" if name == "SIGPROF" else f"dies of {name}")))
        begin = number + 1
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="processor time for one file")
    parser.add_argument("--formats", type=lambda text: text.split(","), help="some of " + ", ".join(READERS))
    parser.add_argument("--case", type=int, help="one file alone, in this process")
    parser.add_argument("--keep", help="where to write it")
    options = parser.parse_args()
    if options.case is not None:
        kind, data, how = Cases(options.seed, options.formats).case(options.case)
        path = options.keep or os.path.join(tempfile.mkdtemp(), "damaged-file")
        with open(path, "wb") as file:
            file.write(data)
        print(f"{kind}, {how}, {len(data)} bytes")
        for read in READERS[kind]:
            print(fault(read, path))
        return None
    found = findings(options.count, options.seed, options.seconds, options.formats)
    numbers = {}
    for number, text in found:
        numbers.setdefault(text, []).append(number)
    for text, count in collections.Counter(text for _, text in found).most_common():
        print(f"{count:6d}  {text}  (cases {', '.join(map(str, numbers[text][:3]))})")
    print(f"{options.count} files, {len({number for number, _ in found})} with a finding")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
