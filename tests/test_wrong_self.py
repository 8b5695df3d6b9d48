"""Methods taken from the class, and functions, that get something else than their tensor: an exception, never a crash.

They run in a process of their own, which prints what it is about to do; a crash then names its call.
"""
import subprocess
import sys

import pytest

import fastnn

PROGRAM = """
import contextlib
import fastnn

def calls(owner, names, first):
    for name in names:
        for value in first:
            for rest in ((), (0,), (0, 1), (fastnn.ones(2),), (fastnn.ones(2), fastnn.eye(2).to_sparse())):
                print(name, repr(value), flush=True)
                with contextlib.suppress(Exception):
                    getattr(owner, name)(value, *rest)

calls(fastnn.Tensor, (name for name in dir(fastnn.Tensor)
                      if callable(getattr(fastnn.Tensor, name)) and name != "__class__"), ([1], None, "x"))
calls(fastnn, (name for name in dir(fastnn) if name.endswith("_") and not name.startswith("_")
               or name in ("abs", "ceil", "expm1", "asinh", "atan")), ([1], None))
print("end")
"""


def test_nothing_crashes():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=300)
    last = done.stdout.splitlines()[-1:]
    assert done.returncode == 0 and last == ["end"], f"{last}: {done.returncode}\n{done.stderr[-1000:]}"


@pytest.mark.parametrize("name", "detach detach_ numpy dim numel item tolist __complex__ __reduce__".split())
@pytest.mark.parametrize("value", [None, [1], 2.0])
def test_compiled_methods_say_what_they_got(name, value):
    with pytest.raises(TypeError, match=f"descriptor '{name}' requires a 'Tensor' object but received"):
        getattr(fastnn.Tensor, name)(value)


@pytest.mark.parametrize("call", [
    lambda x: fastnn.acos_(None, x), lambda x: fastnn.Tensor.copy_(None, x),
    lambda x: fastnn.Tensor.geometric_(None, 0.5), lambda x: fastnn.acos_(None, 1j),
    lambda x: fastnn.isnan(x, fastnn.eye(2).to_sparse()), lambda x: fastnn.ceil(None, fastnn.eye(2).to_sparse()),
    lambda x: x.nan_to_num(1j), lambda x: x.prod(1j), lambda x: x.prod(fastnn.tensor(1j))])
def test_arguments_of_wrong_types(call):
    with pytest.raises(TypeError):
        call(fastnn.ones(3))
