"""Categorical beside PyTorch's: draws, probabilities, shapes, errors."""
import fastnn
import numpy as np
import pytest
from fastnn.distributions import Categorical, Distribution


@pytest.mark.torch
@pytest.mark.parametrize("name", ["probs", "logits"])
@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
def test_categorical_is_pytorchs(name, batch):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install fastnn-cpu[torch])")
    values = np.random.default_rng(0).random((*batch, 5)).astype("float32")
    mine = Categorical(**{name: fastnn.tensor(values)})
    theirs = torch.distributions.Categorical(**{name: torch.tensor(values)})
    fastnn.manual_seed(1)
    torch.manual_seed(1)
    for shape in ((), (4,), (2, 3)):
        drawn = mine.sample(shape)
        assert np.array_equal(drawn.numpy(), theirs.sample(shape).numpy())
        wanted = theirs.log_prob(torch.tensor(drawn.numpy())).numpy()
        assert np.allclose(mine.log_prob(drawn).numpy(), wanted, atol=1e-6)
    for attribute in ("probs", "logits", "mode"):
        assert np.allclose(getattr(mine, attribute).numpy(), getattr(theirs, attribute).numpy(), atol=1e-6)
    assert np.allclose(mine.entropy().numpy(), theirs.entropy().numpy(), atol=1e-6)
    assert np.allclose(mine.perplexity().numpy(), theirs.perplexity().numpy(), atol=1e-5)
    assert mine.mean.isnan().all() and mine.mean.shape == theirs.mean.shape
    assert mine.batch_shape == tuple(theirs.batch_shape) and mine.event_shape == tuple(theirs.event_shape)
    assert mine.param_shape == tuple(theirs.param_shape)
    for expand in (True, False):
        assert np.array_equal(mine.enumerate_support(expand).numpy(), theirs.enumerate_support(expand).numpy())
    larger = mine.expand((6, *batch))
    assert larger.batch_shape == (6, *batch) and larger.sample().shape == (6, *batch)


def test_gradients_of_log_prob_and_entropy():
    logits = fastnn.tensor([0.1, 0.7, -0.2], requires_grad=True, dtype=fastnn.float64)
    assert fastnn.autograd.gradcheck(lambda x: Categorical(logits=x).log_prob(fastnn.tensor([0, 2])), logits)
    assert fastnn.autograd.gradcheck(lambda x: Categorical(logits=x).entropy(), logits)
    probs = fastnn.tensor([0.1, 0.7, 0.2], requires_grad=True, dtype=fastnn.float64)
    assert fastnn.autograd.gradcheck(lambda x: Categorical(x).log_prob(fastnn.tensor(1)), probs)


@pytest.mark.parametrize("call, error, text", [
    (lambda: Categorical(), ValueError, "Either"),
    (lambda: Categorical(fastnn.ones(2), fastnn.ones(2)), ValueError, "not both"),
    (lambda: Categorical(fastnn.tensor(1.0)), ValueError, "one-dimensional"),
    (lambda: Categorical(fastnn.tensor([0.5, -0.5])), ValueError, "Expected parameter probs"),
    (lambda: Categorical(logits=fastnn.tensor([float("nan"), 0.0])), ValueError, "Expected parameter logits"),
    (lambda: Categorical(fastnn.ones(3)).log_prob(fastnn.tensor(3)), ValueError, "within the support"),
    (lambda: Categorical(fastnn.ones(2, 3)).log_prob(fastnn.tensor([0, 1, 2])), ValueError, "not broadcastable"),
    (lambda: Categorical(fastnn.ones(2, 3)).log_prob(1), ValueError, "must be a Tensor"),
    (lambda: Categorical(fastnn.ones(2)).rsample(), NotImplementedError, "no gradient"),
    (lambda: Distribution(validate_args=False).log_prob(fastnn.ones(1)), NotImplementedError, "log_prob"),
])
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_checks_can_be_switched_off():
    assert Categorical(fastnn.tensor([0.5, -0.1]), validate_args=False).probs.shape == (2,)
    Distribution.set_default_validate_args(False)
    try:
        Categorical(fastnn.tensor([0.5, -0.1]))
    finally:
        Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError, match="True or False"):
        Distribution.set_default_validate_args("no")
