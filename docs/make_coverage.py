"""Writes build/coverage.md: the names of PyTorch and of Keras that fastnn has and has not, read off both.

Run it from the root folder. What is absent needs PyTorch and Keras (``pip install -e .[torch,keras]``).
"""
import importlib
import inspect
import os
import re
import textwrap
from pathlib import Path

# Heading: (fastnn's module or class, PyTorch's, None where a comparison would take another package)
SECTIONS = {
    "torch": ("fastnn", "torch"),
    "torch.Tensor": ("fastnn.Tensor", "torch.Tensor"),
    "torch.autograd": ("fastnn.autograd", "torch.autograd"),
    "torch.linalg": ("fastnn.linalg", "torch.linalg"),
    "torch.special": ("fastnn.special", "torch.special"),
    "torch.fft": ("fastnn.fft", "torch.fft"),
    "torch.signal.windows": ("fastnn.signal.windows", "torch.signal.windows"),
    "torch.distributions": ("fastnn.distributions", "torch.distributions"),
    "torch.distributions.constraints": ("fastnn.distributions.constraints", "torch.distributions.constraints"),
    "torch.nn": ("fastnn.nn", "torch.nn"),
    "torch.nn.functional": ("fastnn.nn.functional", "torch.nn.functional"),
    "torch.nn.init": ("fastnn.nn.init", "torch.nn.init"),
    "torch.nn.utils": ("fastnn.nn.utils", "torch.nn.utils"),
    "torch.nn.utils.rnn": ("fastnn.nn.utils.rnn", "torch.nn.utils.rnn"),
    "torch.optim": ("fastnn.optim", "torch.optim"),
    "torch.optim.lr_scheduler": ("fastnn.optim.lr_scheduler", "torch.optim.lr_scheduler"),
    "torch.utils.data": ("fastnn.utils.data", "torch.utils.data"),
    "torch.distributed": ("fastnn.distributed", None),
    "torchvision.datasets": ("fastnn.vision.datasets", None),
    "torchvision.transforms": ("fastnn.vision.transforms", None),
    "torchvision.utils": ("fastnn.vision.utils", None),
}
# Names that are fastnn's own, and modules.
OWN = {
    "fastnn": {"config", "dtypes", "errors", "kernels", "ops", "random", "reference", "serialization", "show_config",
               "testing", "use_backend", "get_backend", "num_threads", "demo", "dropin", "vision", "nn", "optim",
               "utils", "autograd", "compat"},
    "fastnn.nn": {"Step", "functional", "init", "utils", "modules", "parameter"},
}
# Kinds of names that are not in fastnn's scope, and PyTorch's internals that happen to have public names.
BEYOND = re.compile(
    "sparse|crow|ccol|coalesce|quant|fake_|fbgemm|mkldnn|miopen|cudnn|cuda|xpu"
    "|mps|ipu|vulkan|mtia|hpu|meta|sym_|cond$|while_loop|vmap|compile|export|jit|fork|wait$"
    "|import_ir|parse_|merge_type|script|_copy$|native|infer_size|names?$|names?_|align_|refine|rename|autocast|half"
    "|bfloat|float8|uint16|uint32|uint64|torch_function|dispatch|storage|resize|symeig|_geqrf|lobpcg|vander|ormqr"
    "|batch_norm_|^unsafe|^segment|^channel|functional_|^get_|^set_|^is_|^init|^classproperty|^prepare|^typename"
    "|Type$|Error$|Warning$|^C[A-Z]|Stream|^Bool|^Any|^Call|^Opt|^Union|Storage$|Lazy|3d|Quant|Distributed"
    "|DataParallel|^threshold_|^parallel|^buffered|^boolean|^handle|^has_|^feature_|^assert|^adaptive_log"
    "|^in_projection|^softmin_|^Tensor$|^rnn|^lstm|^gru|Ref$|Sorted|Iter.?$|Datapipe|DataPipe|^DF|^guaranteed"
    "|^non_det|^runtime|^functional_dp|^argument_|^minimal|^_")
TEXT = """\
# What fastnn has of PyTorch

Made by `make coverage`. A name that is not here raises an error that says so; a program that needs it
cannot run on fastnn yet. Behaviour, defaults and errors are those of PyTorch 2.13; where fastnn differs is in
`docs/porting.md`.

The lists of absent names leave out what belongs to sparse and quantized tensors, other devices, compilers
and 3-d images, and PyTorch's internals.
"""


def owner_of(path):
    """The module or class of a dotted path, None if this installation lacks it."""
    parent, _, last = path.rpartition(".")
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        return getattr(importlib.import_module(parent), last, None) if parent else None


def names(path):
    """Public names of one of fastnn's modules or classes, None if it lacks it."""
    owner = owner_of(path)
    if owner is None:
        return None
    if inspect.isclass(owner):
        found = dir(owner)
    else:
        found = getattr(owner, "__all__", None) or [
            name for name, value in vars(owner).items()
            if path == "fastnn" or str(getattr(value, "__module__", "")).startswith("fastnn")
            or callable(value) and not inspect.isclass(value)]
    return sorted({name for name in found if not name.startswith("_")} - OWN.get(path, set()))


def absent(path, theirs):
    """Public callables of PyTorch's module or class `theirs` that fastnn's `path` lacks."""
    ours, owner = owner_of(path), owner_of(theirs)
    found = getattr(owner, "__all__", None) if theirs != "torch" else None
    internal = re.compile("[A-Z]|.*_$" if theirs == "torch" else "_")
    return sorted(name for name in found or dir(owner)
                  if not name.startswith("_") and not internal.match(name) and not hasattr(ours, name)
                  and not BEYOND.search(name) and (callable(getattr(owner, name, None)) or inspect.isclass(owner)))


def listing(found):
    return textwrap.fill(", ".join(f"`{name}`" for name in found), 120, break_on_hyphens=False)


KERAS_TEXT = """\
# What fastnn has of Keras

`fastnn.keras` beside Keras 3.15. Where behaviour differs is in [porting_keras.md](porting_keras.md). Names marked
with * are there and raise `NotImplementedError` when they are called.
"""
# Modules whose names are those of others.
KERAS_SAME = re.compile("^(legacy|utils.legacy|preprocessing|mixed_precision|ops.(numpy|nn|linalg)|src"
                        "|applications[.])")


def keras_modules(keras, path="", seen=None):
    """Paths of Keras' public modules, and the modules."""
    seen = {} if seen is None else seen
    owner = seen.setdefault(path, keras)
    for name in dir(owner):
        found, own = getattr(owner, name), f"{path}.{name}".strip(".")
        if inspect.ismodule(found) and not name.startswith("_") and found.__name__.startswith("keras.") \
                and own not in seen and not KERAS_SAME.search(own):
            keras_modules(found, own, seen)
    return seen


def raises(thing):
    """Whether it stands for something that does not exist here."""
    doc = (inspect.getdoc(thing) or "").split("\n")[0]
    return doc.startswith("Not implemented")


def keras_page():
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras, ours = importlib.import_module("keras"), importlib.import_module("fastnn.keras")
    parts = [KERAS_TEXT]
    for path, theirs in sorted(keras_modules(keras).items()):
        mine = ours
        for part in path.split(".") if path else ():
            mine = getattr(mine, part, None)
        names = [name for name in dir(theirs)
                 if not name.startswith("_") and not inspect.ismodule(getattr(theirs, name))]
        if not names:
            continue
        here = [name + "*" * raises(getattr(mine, name)) for name in names if hasattr(mine, name)]
        missing = [name for name in names if not hasattr(mine, name)]
        parts.append(f"## keras{'.' + path if path else ''}\n")
        parts += [f"{listing(here)}\n"] if here else []
        parts += [f"Not here: {listing(missing)}\n"] if missing else []
    return "\n".join(parts)


def page():
    parts = [TEXT]
    for heading, (path, theirs) in SECTIONS.items():
        found = names(path)
        if found:
            parts.append(f"## {heading}\n\n{listing(found)}\n")
            missing = absent(path, theirs) if theirs else []
            if missing:
                parts.append(f"Not here: {listing(missing)}\n")
    return "\n".join([*parts, keras_page()])


if __name__ == "__main__":
    target = Path(__file__).resolve().parent.parent / "build" / "coverage.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text(page())
    print(target)
