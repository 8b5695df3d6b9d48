"""The sanitizers of `make asan-c` and `make tsan` find what is wrong in the library's memory and on its threads."""
import shutil
import subprocess
import sys

import pytest

from c.build import build

REPORTS = {("address", "address"): "heap-buffer-overflow", ("address", "freed"): "heap-use-after-free",
           ("address", "undefined"): "signed integer overflow", ("thread", "thread"): "data race"}


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Builds of faults.c by kind, each once."""
    if sys.platform != "linux" or not shutil.which("cc"):
        pytest.skip("needs Linux and a C compiler")
    built = {}

    def of(kind):
        if kind not in built:
            try:
                built[kind] = build("faults", kind, out=tmp_path_factory.mktemp(kind))
            except subprocess.CalledProcessError:
                pytest.skip(f"the compiler has no sanitizer for {kind}")
        return built[kind]
    return of


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


@pytest.mark.parametrize(("kind", "fault"), REPORTS)
def test_faults_are_found(program, kind, fault):
    done = run(program(kind), fault)
    assert done.returncode != 0 and REPORTS[kind, fault] in done.stderr


@pytest.mark.parametrize("kind", ["address", "thread", "plain"])
def test_nothing_else_is(program, kind):
    done = run(program(kind))
    assert done.returncode == 0 and not done.stderr, done.stderr
