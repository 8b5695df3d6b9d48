"""Builds the C programs of this folder with a sanitizer: ``python tests/c/build.py thread kernels`` prints the program.

    kind       address (with UBSan), thread (without OpenMP, whose runtime it does not understand), plain
    program    kernels (all kernels, minutes of compilation), faults (the library without its kernels)

Flags are setup.py's, but -O1. Objects and programs are kept in build/c-<kind>.
"""
import argparse
import ast
import os
import platform
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SANITIZERS = {"address": ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"],
              "thread": ["-fsanitize=thread", "-DFNN_ONE_SHARE_EACH=1"], "plain": []}


def constants(*names):
    """Literals of setup.py, which cannot be imported."""
    found = {node.targets[0].id: node.value for node in ast.parse((ROOT / "setup.py").read_text()).body
             if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)}
    return [ast.literal_eval(found[name]) for name in names]


def build(program, kind, compiler="cc", isas=None, out=None):
    """The path of the program; `isas`: instruction sets to build, default all."""
    flags, variants, common = constants("C_FLAGS", "ISA_FLAGS", "C_COMMON")
    flags = [flag for flag in flags if flag != "-O3"] + ["-O1", "-g", "-fno-omit-frame-pointer", *SANITIZERS[kind]]
    out = Path(out or ROOT / "build" / f"c-{kind}")
    out.mkdir(parents=True, exist_ok=True)
    jobs = [(ROOT / path, []) for path in common]
    if program == "kernels":
        variants = variants.get(platform.machine(), {"baseline": []})
        variants = {isa: more for isa, more in variants.items() if isas is None or isa in isas or isa == "baseline"}
        flags += [f"-DFNN_HAVE_{isa.upper()}=1" for isa in variants]
        jobs += [(ROOT / f"src_c/isa/{isa}_{dtype}.c", more) for isa, more in variants.items()
                 for dtype in ("f32", "f64")]
    else:
        jobs = [job for job in jobs if job[0].name != "dispatch.c"]
    jobs.append((HERE / f"{program}.c", []))

    def compiled(job):
        path, more = job
        subprocess.run([*compiler.split(), "-c", "-I", ROOT / "src_c", *flags, *more, path, "-o",
                        out / (path.stem + ".o")], check=True)
        return out / (path.stem + ".o")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compiled, jobs))
    subprocess.run([*compiler.split(), *SANITIZERS[kind], *objects, "-o", out / program, "-lm", "-pthread"], check=True)
    return out / program


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=list(SANITIZERS))
    parser.add_argument("program", choices=["kernels", "faults"])
    parser.add_argument("--isa", help="instruction sets to build, separated by commas; default: all")
    options = parser.parse_args()
    isas = options.isa.split(",") if options.isa else None
    print(build(options.program, options.kind, os.environ.get("CC", "cc"), isas))
