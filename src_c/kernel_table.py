"""Writes the table of kernels as Cython sees it, from kernels.def: python src_c/kernel_table.py <file>.

setup.py does it before it translates; fastnn/kernels/_core.pxd includes the file, which is not kept in git.
"""
import os
import re
import sys
import textwrap

HEAD = '''# Written by src_c/kernel_table.py from src_c/kernels.def, where formulas, shapes and aliasing are.
cdef extern from "fastnn.h" nogil:
    ctypedef struct fnn_kernels:
        const char *isa
'''


def table(text):
    """The declarations of all lines KERNEL(result, name, (parameters)) of `text`."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    lines = []
    for result, name, parameters in re.findall(r"KERNEL\((\w+), (\w+), \((.*?)\)\)", text, flags=re.DOTALL):
        parameters = " ".join(parameters.split()).replace("*const *", "**")  # Cython has no pointer to a const pointer
        head = f"        {result} (*{name})("
        lines.append(textwrap.fill(parameters.replace(" ", "\0").replace(",\0", ", ") + ")\0noexcept\0nogil", 120,
                                   initial_indent=head, subsequent_indent=" " * len(head)).replace("\0", " "))
    return HEAD + "\n".join(lines) + "\n"


def write(path):
    """Writes it to `path`, unless that is what stands there: what includes it is translated anew only if it changes."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernels.def")) as file:
        new = table(file.read())
    if os.path.exists(path):
        with open(path) as file:
            if file.read() == new:
                return
    with open(path, "w") as file:
        file.write(new)


if __name__ == "__main__":
    write(sys.argv[1])
