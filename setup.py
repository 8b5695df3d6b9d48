"""Builds the C kernels once per instruction set and the Cython modules above them.

Metadata is in pyproject.toml; here is only what setuptools cannot say there. Environment:
FASTNN_BUILD_ISA   comma-separated variants to build (default: all that the compiler can)
FASTNN_OPENMP=0    build without OpenMP, with threads of its own (src_c/team.c)
FASTNN_SANITIZE=1  AddressSanitizer and UBSan (see `make asan`)
FASTNN_ANNOTATE=1  write Cython's annotated HTML beside each .pyx
FASTNN_SKIP_BUILD=1  compile nothing: an editable installation after `build_ext --inplace` (the Makefile's way)
"""
import glob
import os
import platform
import re
import runpy
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import Cython
import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext as _build_ext
from setuptools.modified import newer_group

# Variant -> flags for src_c/isa/<variant>_*.c; the first entry must run on every machine of its kind.
ISA_FLAGS = {
    "x86_64": {
        "baseline": ["-O2"],  # for processors from before 2013: half the size counts for more than its speed
        "avx2": ["-mavx2", "-mfma", "-mf16c", "-mbmi", "-mbmi2"],
        "avx512": ["-mavx512f", "-mavx512cd", "-mavx512vl", "-mavx512bw", "-mavx512dq", "-mfma", "-mf16c",
                   "-mbmi", "-mbmi2", "-mprefer-vector-width=512"],
    },
    "aarch64": {"baseline": []},  # NEON is part of the baseline
}
# Not -ffast-math: it changes the whole process' denormal mode and breaks NaN. gnu11 and fp-contract give FMA.
C_FLAGS = ["-std=gnu11", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden",
           "-fno-inline-functions",  # those that are not declared inline: 2 % of the wheel
           "-ffunction-sections",  # see join
           "-fno-asynchronous-unwind-tables",  # C raises no exceptions; they are 4 % of the wheel
           "-fopenmp-simd",  # the pragmas that need no run-time library, for builds without OpenMP
           "-Wall", "-Wextra", "-Wno-unused-function", "-Wno-unknown-pragmas",
           "-Wno-pass-failed", "-Wno-bitwise-conditional-parentheses",  # clang's; gcc ignores what it does not know
           "-Werror=incompatible-pointer-types", "-Werror=implicit-function-declaration"]
CYTHON_FLAGS = ["-O2", "-g0", "-ffp-contract=off", "-fvisibility=hidden", "-fno-asynchronous-unwind-tables", "-fno-plt",
                "--param=inline-unit-growth=25",  # of 40: a tenth of the size, for no more instructions
                "-fno-align-functions", "-fno-align-loops", "-fno-align-jumps", "-fno-align-labels",
                "-fno-schedule-insns2",  # processors order instructions themselves
                "-Wno-ignored-optimization-argument", "-Wno-unused-command-line-argument",  # clang's, of them
                "-Wno-unused-function"]
# Modules whose calls are rare or take far longer than their overhead: three quarters of the size, calls 12 % dearer.
SMALL = re.compile(r"fastnn\.(kernels\.(?!_core)|vision|utils|random|optim|_views|"
                   r"ops\.(_common|attention|clip|compare|conv|draws|dropout|incomplete|inplace|joining|logic|loss|"
                   r"normalization|pointwise|recurrent|reduce|remainder|shape|softmax|trigonometric)$)")
SANITIZE_FLAGS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer", "-g",
                  "-O1"]  # -O3 with these takes minutes to compile
DEBUG_FLAGS = SANITIZE_FLAGS if os.environ.get("FASTNN_SANITIZE") == "1" else ["-g0"]

DTYPES = ("f32", "f64")
CORE = "fastnn.kernels._core"  # the one extension that links the C kernels
C_HEADERS = [path for pattern in ("*.h", "*.def", "kernels/*.*", "kernels/conv/*.*")
             for path in glob.glob(f"src_c/{pattern}")] + ["setup.py"]
# What every module's code depends on: the layout of the table of kernels, the numbers of maps, and the flags here.
C_INTERFACE = [path for pattern in ("*.h", "*.def", "kernels/*.def") for path in glob.glob(f"src_c/{pattern}")]
C_INTERFACE.append("setup.py")
KERNEL_TABLE = "fastnn/kernels/_table.pxi"  # of kernels.def, for Cython
STUB = os.path.join("fastnn", "__init__.pyi")  # the newest of the type stubs
C_COMMON = ["src_c/parallel.c", "src_c/team.c", "src_c/memory.c", "src_c/dispatch.c"]


def machine():
    name = platform.machine().lower()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(name, name)


def wanted_variants():
    variants = ISA_FLAGS.get(machine(), {"baseline": []})
    chosen = os.environ.get("FASTNN_BUILD_ISA")
    if chosen:
        unknown = set(chosen.split(",")) - set(variants)
        if unknown:
            sys.exit(f"FASTNN_BUILD_ISA: {sorted(unknown)} not among {list(variants)}")
        variants = {isa: flags for isa, flags in variants.items() if isa in chosen.split(",") or isa == "baseline"}
    return variants


def works(compiler, source, flags, link_flags=(), run=False):
    """Does the compiler accept `source` with these flags (and does the program run)?"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "probe.c")
        with open(path, "w") as file:
            file.write(source)
        try:
            objects = compiler.compile([path], output_dir=folder, extra_postargs=list(flags))
            if run:
                program = os.path.join(folder, "probe")
                compiler.link_executable(objects, program, extra_postargs=list(link_flags))
                return subprocess.run([program], timeout=60).returncode == 0
            return True
        except Exception:  # whatever a compiler driver raises means "no"
            return False


OPENMP_PROBE = """#include <omp.h>
int main(void) { int n = 0;
#pragma omp parallel num_threads(2) reduction(+:n)
    n += 1;
    return n < 1 || omp_get_max_threads() < 1; }
"""


class Progress:
    """Counts finished compilations and estimates the time left, a line on stderr every few seconds.

    `work` maps each file to the seconds that its compilation takes on some machine: only their ratios matter.
    """

    EVERY = 5  # seconds between two lines

    def __init__(self, work):
        self.work, self.done, self.count = work, 0.0, 0
        self.start = self.shown = time.monotonic()
        self.lock = threading.Lock()

    def finished(self, path):
        with self.lock:
            self.done, self.count = self.done + self.work.get(path, 0.0), self.count + (path in self.work)
            now = time.monotonic()
            if path in self.work and (now - self.shown >= self.EVERY or self.count == len(self.work)):
                self.shown = now
                left = (now - self.start) * (sum(self.work.values()) / self.done - 1)
                print(f"fastnn: compiled {self.count} of {len(self.work)} files, "
                      f"about {left:.0f} s left" if left >= 1 else
                      f"fastnn: compiled {self.count} files in {now - self.start:.0f} s", file=sys.stderr, flush=True)


COMPILER_MISSING = """fastnn: no working C compiler ({reason}).
Install one (Debian, Ubuntu: `apt install gcc libc6-dev python3-dev`; Fedora: `dnf install gcc python3-devel`; macOS:
`xcode-select --install`), or name yours in the environment variable CC. A wheel needs none."""


class build_ext(_build_ext):
    """Compiles the C kernels into the core extension, each variant with flags of its own."""

    def finalize_options(self):
        if sys.platform == "win32":
            self.compiler = self.compiler or "mingw32"  # kernels are GNU C11, which MSVC cannot compile
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def build_extensions(self):
        outdated = [ext for ext in self.extensions if self.is_outdated(ext)]
        if outdated:
            self.check_compiler()
        self.progress = Progress({ext.sources[0]: os.path.getsize(ext.sources[0]) / 420_000 for ext in outdated} | {
            f"src_c/isa/{isa}_{dtype}.c": 8.0 if isa == "baseline" else 16.0
            for isa in wanted_variants() for dtype in DTYPES if CORE in [ext.name for ext in outdated]})
        if outdated:
            print(f"fastnn: {len(self.progress.work)} files to compile", file=sys.stderr, flush=True)
        super().build_extensions()

    def is_outdated(self, ext):
        return self.force or newer_group(ext.sources + ext.depends, self.get_ext_fullpath(ext.name))

    def check_compiler(self):
        """Ends the build with a plain sentence where nothing compiles, or Python's headers are missing."""
        try:
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "probe.c")
                with open(path, "w") as file:
                    file.write("#include <Python.h>\nint main(void) { return 0; }\n")
                self.compiler.compile([path], output_dir=folder, include_dirs=self.include_dirs)
        except Exception as error:  # whatever a compiler driver raises
            sys.exit(COMPILER_MISSING.format(reason=str(error).splitlines()[0]))

    def run(self):
        super().run()
        self.write_stubs()

    def write_stubs(self):
        """Type stubs beside the modules just built, which are imported to see what they hold."""
        folder = os.path.dirname(os.path.dirname(os.path.abspath(self.get_ext_fullpath("fastnn._tensor"))))
        made, sources = os.path.join(folder, STUB), glob.glob("tools/*.py")
        sources += [path for kind in ("py", "so", "pyd") for path in
                    glob.glob(os.path.join(folder, "fastnn", "**", f"*.{kind}"), recursive=True)]
        if DEBUG_FLAGS is SANITIZE_FLAGS or not (self.force or newer_group(sources, made)):
            return
        # -B: its bytecode would get into the wheel. PYTHONOPTIMIZE takes docstrings away.
        try:
            subprocess.run([sys.executable, "-B", "tools/make_stubs.py", folder], capture_output=True, text=True,
                           env={**os.environ, "PYTHONOPTIMIZE": ""}, check=True)
        except (OSError, subprocess.CalledProcessError) as error:  # a build for another machine cannot be imported
            text = (getattr(error, "stderr", None) or str(error)).strip()
            self.warn(f"no type stubs: {text.splitlines()[-1]}")
        else:
            os.utime(made)

    def build_extension(self, ext):
        ext.extra_compile_args = CYTHON_FLAGS + (["-Os"] if SMALL.match(ext.name) else []) + DEBUG_FLAGS
        # Nothing but code: neither symbols nor a build id, which no compression makes smaller.
        strip = ["-Wl,-s", "-Wl,--build-id=none"] if sys.platform == "linux" else []
        ext.extra_link_args = DEBUG_FLAGS if DEBUG_FLAGS is SANITIZE_FLAGS else strip
        if ext.name == CORE and self.is_outdated(ext):
            self.add_kernels(ext)
        super().build_extension(ext)
        self.progress.finished(ext.sources[0])

    def add_kernels(self, ext):
        openmp = []
        if os.environ.get("FASTNN_OPENMP", "1") != "0":
            if works(self.compiler, OPENMP_PROBE, ["-fopenmp"], ["-fopenmp"], run=True):
                openmp = ["-fopenmp"]
            else:
                self.warn("the compiler has no working OpenMP: fastnn uses threads of its own")
        ext.extra_link_args = ext.extra_link_args + (openmp or ["-pthread"] * (os.name == "posix")) + ["-lm"]
        macros, variants = [], {}
        for isa, flags in wanted_variants().items():
            if works(self.compiler, "int main(void) { return 0; }\n", flags):
                variants[isa] = flags
                macros.append((f"FNN_HAVE_{isa.upper()}", "1"))
            else:
                self.warn(f"the compiler cannot build for {isa}: left out")
        jobs = [(f"src_c/isa/{isa}_{dtype}.c", flags) for isa, flags in variants.items() for dtype in DTYPES]
        each = (f"[{isa}: {' '.join(flags)}]" for isa, flags in variants.items() if flags)
        told = " ".join([*C_FLAGS, *openmp, *each])
        jobs += [(path, [f'-DFNN_FLAGS="{told}"'] if path.endswith("dispatch.c") else []) for path in C_COMMON]

        def build(job):
            path, flags = job
            objects = self.compiler.compile([path], output_dir=self.build_temp, macros=macros, include_dirs=["src_c"],
                                            depends=C_HEADERS, extra_postargs=C_FLAGS + DEBUG_FLAGS + openmp + flags)
            self.progress.finished(path)
            return objects

        with ThreadPoolExecutor(os.cpu_count()) as pool:  # the slowest part of the build by far
            objects = [path for paths in pool.map(build, jobs) for path in paths]
        units = len(DTYPES) * len(variants)
        for i, isa in enumerate(variants):
            ext.extra_objects = ext.extra_objects + self.join(isa, objects[len(DTYPES) * i:len(DTYPES) * (i + 1)])
        ext.extra_objects = ext.extra_objects + objects[units:]

    def join(self, isa, objects):
        """One object of the units of an instruction set, with a function of one type beside that of the other, which it
        resembles: the wheel is 5 % smaller."""
        if sys.platform != "linux":
            return objects
        joined = os.path.join(self.build_temp, "src_c", "isa", f"{isa}.o")
        subprocess.check_call([*self.compiler.linker_exe, "-r", "-nostdlib", "-o", joined, *objects])
        return [joined]


def remove_foreign():
    """Let be translated anew what another Cython translated, or with the declarations of another NumPy."""
    versions, stamp = f"Cython {Cython.__version__}, NumPy {numpy.__version__}\n", "build/translated-with"
    if os.path.exists(stamp):
        with open(stamp) as file:
            if file.read() == versions:
                return
    for path in glob.glob("fastnn/**/*.pyx", recursive=True):
        if os.path.exists(path[:-len("pyx")] + "c"):
            os.remove(path[:-len("pyx")] + "c")
    os.makedirs("build", exist_ok=True)
    with open(stamp, "w") as file:
        file.write(versions)


def remove_outdated(path):
    """Cython overlooks that `from package cimport module` depends on module.pxd: let it translate such a file anew."""
    generated = path[:-len("pyx")] + "c"
    if os.path.exists(generated):
        with open(path) as file:
            words = re.findall(r"\w+", " ".join(re.findall(r"cimport (.*)", file.read())))
        declarations = [pxd for pxd in glob.glob("fastnn/**/*.pxd", recursive=True)
                        if os.path.basename(pxd)[:-len(".pxd")] in words]
        if newer_group(declarations + [KERNEL_TABLE] * ("_core" in words), generated):
            os.remove(generated)


def extensions():
    if os.environ.get("FASTNN_SKIP_BUILD") == "1":
        return
    runpy.run_path("src_c/kernel_table.py")["write"](KERNEL_TABLE)
    remove_foreign()
    for path in sorted(glob.glob("fastnn/**/*.pyx", recursive=True)):
        remove_outdated(path)
        name = path[:-len(".pyx")].replace(os.sep, ".")
        yield Extension(name, [path], include_dirs=["src_c", numpy.get_include()],
                        depends=C_HEADERS + C_COMMON + glob.glob("src_c/isa/*.c") if name == CORE else C_INTERFACE,
                        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
                                       ("NPY_TARGET_VERSION", "NPY_2_0_API_VERSION")])


def description():
    """README.md for a package index: pictures and links to the repository's own files lead nowhere there."""
    with open("README.md", encoding="utf-8") as file:
        text = re.sub(r"!\[[^]]*\]\((?!https?:)[^)]*\)\n*", "", file.read())
    return re.sub(r"\[([^]]*)\]\((?!https?:|#)[^)]*\)", r"\1", text)


setup(
    long_description=description(), long_description_content_type="text/markdown",
    ext_modules=cythonize(
        list(extensions()), annotate=os.environ.get("FASTNN_ANNOTATE") == "1",
        nthreads=os.cpu_count() if sys.platform == "linux" else 0,  # elsewhere its processes would run this file again
        compiler_directives={"language_level": 3, "binding": True, "cdivision": True, "auto_pickle": False}),
    cmdclass={"build_ext": build_ext},
)
