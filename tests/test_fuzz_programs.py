"""Random tensor programs and modules beside PyTorch: a short fixed spread of what ``python -m fuzz.programs`` runs.

Every difference that rounding does not explain needs a line in fuzz/explained.txt.
"""
import pytest

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]  # PyTorch's, of what it is asked

PROGRAMS, MODULES, SEED = 1150, 150, 20


@pytest.fixture(scope="module")
def judged():
    """PyTorch costs seconds to import: only when a test needs it. Settings are restored afterwards."""
    pytest.importorskip("torch", reason="random programs are compared with PyTorch")
    pytest.importorskip("expecttest", reason="PyTorch's samples need it")
    from fastnn.kernels import _core
    saved = _core.get_num_threads(), _core.get_flush_denormal(), _core.set_thread_cost(0)
    from fuzz.programs import Judge
    yield Judge()
    _core.set_guard(False)
    _core.set_num_threads(saved[0])
    _core.set_flush_denormal(saved[1])
    _core.set_thread_cost(saved[2])


def test_every_operation_has_arguments():
    """A new public operation needs a description of its arguments or a written reason."""
    from fuzz import operations
    assert not operations.uncovered(), "fuzz/operations.py lacks these"
    assert not operations.unused(), "fuzz/operations.py has names that fastnn lacks"


def test_every_module_has_arguments():
    pytest.importorskip("torch", reason="they are those of PyTorch's samples")
    from fuzz import modules
    assert not modules.uncovered(), "fuzz/modules.py lacks these"


def test_a_missing_operation_is_seen(monkeypatch):
    import fastnn
    from fuzz import operations
    monkeypatch.setattr(fastnn, "new_operation", lambda x: x, raising=False)
    operations.public.cache_clear()
    try:
        assert "torch.new_operation" in operations.uncovered()
    finally:
        operations.public.cache_clear()


def test_programs(judged):
    """The first call of these programs goes once through all public operations."""
    from fuzz.explain import Explained
    from fuzz.ir import source
    from fuzz.programs import keys, unexplained
    assert len(keys()) <= PROGRAMS
    found = unexplained(SEED, range(PROGRAMS), judged, Explained())
    assert not found, "\n\n".join(f"{finding}\n{source(program)}" for program, finding in found[:5])


def test_modules(judged):
    from fuzz import modules
    from fuzz.explain import Explained
    found = [(trial, finding) for _, trial, finding, line in
             modules.findings(SEED, range(MODULES), judged, Explained()) if line is None]
    assert not found, "\n\n".join(f"{finding}\n{trial.source()}" for trial, finding in found[:5])


@pytest.mark.parametrize("name, wrong", [
    ("sin", lambda x, **options: x + 0.0),  # values
    ("neg", lambda x, **options: (-x).double()),  # dtype
    ("floor", lambda x, **options: x.floor().unsqueeze(0)),  # shape
    ("exp", lambda x, **options: x.detach().exp() * 1),  # no gradient
    ("log", lambda x, **options: x.log() * (1 + 1e-5)),  # a few digits
])
def test_a_wrong_operation_is_found(judged, name, wrong, monkeypatch):
    """The judge can fail, and a finding becomes a program of one call."""
    from fuzz.programs import one
    monkeypatch.setattr(judged.libraries[1].module, name, wrong)
    for index in range(60):
        program, found = one(index, 1, judged, False, [f"torch.{name}"])
        if found:
            program, found = judged.small(program, found)
            assert len(program.steps) == 1 and program.last_key() == f"torch.{name}"
            return
    pytest.fail("not found")
