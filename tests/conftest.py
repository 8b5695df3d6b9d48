"""Fixtures and what every test run needs: settings restored, the choice of specs."""
import os
import signal
import sys

import pytest

# A shell's background job ignores Ctrl-C, and so would the programs that tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests start threads for tiny arrays too, thousands of times. On a machine that others use, waiting threads that spin
# would keep those they wait for from running; sleeping ones cost microseconds. Read when OpenMP's library is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from fastnn import kernels, random

SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")  # under `make asan`

if os.environ.get("FASTNN_TEST_TORCH") == "0":  # `make asan`: PyTorch is not built for it
    class NoTorch:
        """Importing it fails (None in sys.modules would do that too, but SciPy looks there)."""

        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] == "torch":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    sys.meta_path.insert(0, NoTorch())


@pytest.fixture(autouse=True)
def seed():
    """Every test draws the same numbers in every run, whichever tests run before it."""
    random.manual_seed(0)


@pytest.fixture
def kernel_settings():
    """Restores instruction set, threads and denormal mode after a test that changes them."""
    from fastnn.kernels import _core
    saved = kernels.get_isa(), kernels.get_num_threads(), kernels.get_flush_denormal()
    cost = _core.set_thread_cost(0)
    _core.set_thread_cost(cost)
    yield kernels
    kernels.set_isa(saved[0])
    kernels.set_num_threads(saved[1])
    kernels.set_flush_denormal(saved[2])
    _core.set_thread_cost(cost)
