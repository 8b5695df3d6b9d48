"""``__torch_function__`` of classes and modes. Each program has a process of its own: a class overrides for good."""
import subprocess
import sys

import pytest

PROGRAM = """
import fastnn as torch
x, seen = torch.ones(2, 2), []

class Foreign:
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return func.__name__, types == (cls,)

class Logged(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        seen.append(func.__name__)
        return super().__torch_function__(func, types, args, kwargs or {})

class Mode(torch.overrides.TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        seen.append(func.__name__)
        return func(*args, **(kwargs or {}))
"""


@pytest.mark.parametrize("lines", [
    "assert torch.add(x, Foreign()) == ('add', True) and x.matmul(Foreign()) == ('matmul', True)\n"
    "assert torch.sum(Foreign(), dim=0) == ('sum', True)",
    "y = (1 - x.as_subclass(Logged)) @ x; y[0]; torch.nn.functional.linear(y, x)\n"
    "assert type(y) is Logged and seen == ['__rsub__', 'matmul', '__getitem__', 'linear'], seen",
    "with Mode():\n    y = (x + x).sum(); torch.relu(x)\n"
    "x + x\nassert seen == ['add', 'sum', 'relu'], seen"])
def test_calls_are_taken_over(lines):
    done = subprocess.run([sys.executable, "-c", PROGRAM + lines], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
