"""PyTorch's own samples of modules as judge: initial values, repr, state_dict, outputs, gradients, buffers, errors.

FASTNN_PARITY=all runs every sample instead of a fixed spread. ``python -m parity.modules [name ...]`` tells what fails
(in tests/).
"""
from collections import Counter

import pytest
from parity import module_names as names

pytestmark = pytest.mark.torch
score = Counter()


@pytest.fixture(scope="module")
def judge():
    """PyTorch costs seconds to import: only when a test needs it."""
    pytest.importorskip("torch")
    pytest.importorskip("expecttest")
    from parity import modules
    modules.module_database()
    return modules


@pytest.mark.parametrize("name", names.compared())
def test_samples(judge, name):
    assert names.class_of(name) is not None, f"fastnn.nn has no {name}"
    found = judge.failures(name, score)
    assert not found, "\n".join([f"{len(found)} samples differ from PyTorch", *found[:5]])


@pytest.mark.parametrize("name", names.compared())
def test_errors(judge, name):
    found = judge.error_failures(name, score)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", ["Linear", "GELU", "MSELoss"])
def test_judge_sees_a_wrong_sign(judge, name):
    """The judge can fail: with the gradients' signs flipped in one backward, samples must be reported."""
    right = names.class_of(name)

    def forward(self, *args, **kwargs):
        out = right.forward(self, *args, **kwargs)
        if out.requires_grad:
            out.grad_fn.register_hook(lambda grads, _: tuple(None if g is None else -g for g in grads))
        return out
    found = judge.failures(name, Counter(), type(name, (right,), {"forward": forward}))
    assert found and all("gradient" in text for text in found)


def test_judge_sees_wrong_initial_values_and_names(judge):
    right = names.class_of("Linear")

    class Wrong(right):
        def reset_parameters(self):
            self.bias is None or self.bias.data.fill_(0)
            super().reset_parameters()
            self.weight.data.mul_(2)
    Wrong.__name__ = "Linear"
    assert any("initial state" in text for text in judge.failures("Linear", Counter(), Wrong))
    assert any("repr" in text for text in judge.failures("Linear", Counter(), names.class_of("Identity")))


def test_scoreboard(judge, capsys):
    """Not a check: prints how many samples passed in this run."""
    with capsys.disabled():
        print(f"\nPyTorch's module samples: {score['passed']} of {score['samples']} passed, error cases: "
              f"{score['raised']} of {score['errors']} raised, modules of the scope: "
              f"{len(names.SCOPE)}, others: {len(names.extra())}")
