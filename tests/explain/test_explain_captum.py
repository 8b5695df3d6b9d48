"""Captum on PyTorch as second oracle: the same network, inputs and arguments, for every method that both have."""
import fastnn
import numpy as np
import pytest
from explain_models import build
from fastnn import explain

torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install fastnn[torch])")
captum_attr = pytest.importorskip("captum.attr", reason="Captum is not installed (pip install fastnn[explain-test])")
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore:::captum.*")]

NETWORKS = ["dense", "conv", "recurrent", "attention"]


@pytest.fixture(scope="module")
def pair():
    """A function that gives (fastnn's model, PyTorch's with the same weights, inputs and targets of both)."""
    made = {}

    def get(kind):
        if kind not in made:
            ours, x, target = build(fastnn, kind)
            theirs, _, _ = build(torch, kind)
            theirs.load_state_dict({name: torch.from_numpy(value.numpy()) for name, value in ours.state_dict().items()})
            made[kind] = ours, theirs, x, torch.from_numpy(x.numpy()), target, torch.from_numpy(target.numpy())
        return made[kind]
    return get


def close(ours, theirs):
    theirs = theirs.detach().numpy()
    assert tuple(ours.shape) == theirs.shape
    np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=1e-4, atol=1e-4 * np.abs(theirs).max())


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("name, arguments", [
    ("Saliency", {}), ("Saliency", dict(abs=False)), ("InputXGradient", {}), ("IntegratedGradients", {}),
    ("IntegratedGradients", dict(n_steps=12, method="riemann_left", baselines=0.2, internal_batch_size=9)),
])
def test_attributions(pair, kind, name, arguments):
    ours, theirs, x, tx, target, ttarget = pair(kind)
    close(getattr(explain, name)(ours).attribute(x, target=target, **arguments),
          getattr(captum_attr, name)(theirs).attribute(tx, target=ttarget, **arguments))


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("name", ["DeepLift", "GuidedBackprop", "Deconvolution", "LRP"])
def test_changed_gradients(pair, kind, name):
    """Only networks whose layers Captum's method covers (see `DeepLift`'s notes)."""
    if kind in ("recurrent", "attention") and name != "GuidedBackprop":
        pytest.skip("Captum has no rule for the layers within")
    ours, theirs, x, tx, target, ttarget = pair(kind)
    if name == "LRP" and kind == "conv":
        theirs = torch.nn.Sequential(*list(theirs)[:5], Flat(), theirs[6])
    baselines = dict(baselines=0.1) if name == "DeepLift" else {}
    close(getattr(explain, name)(ours).attribute(x, target=target, **baselines),
          getattr(captum_attr, name)(theirs).attribute(tx, target=ttarget, **baselines))


class Flat(torch.nn.Module):
    """Captum's LRP refuses `nn.Flatten`, but lets layers be that have a rule of their own."""

    def __init__(self):
        super().__init__()
        from captum.attr._utils.lrp_rules import EpsilonRule
        self.rule = EpsilonRule()

    def forward(self, x):
        return x.flatten(1)
