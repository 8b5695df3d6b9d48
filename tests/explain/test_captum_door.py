"""Captum itself on the PyTorch door: its methods, run by ``python -m fastnn``, beside `fastnn.explain`."""
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from explain_models import fitted

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROGRAM = """
import json, sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[1])
import torch
import captum.attr as captum
from captum.metrics import infidelity, sensitivity_max
from captum.attr._utils.lrp_rules import EpsilonRule
from explain_models import build, fitted
import fastnn
from fastnn import explain

assert torch is fastnn
found = {}

def note(name, ours, theirs):
    ours, theirs = (x if isinstance(x, tuple) else (x,) for x in (ours, theirs))
    found[name] = max(((a - b).abs().max() / b.abs().max()).item() for a, b in zip(ours, theirs))

class Flat(torch.nn.Module):  # Captum's LRP refuses nn.Flatten
    def forward(self, x):
        return x.flatten(1)

for kind in ("dense", "conv", "recurrent", "attention"):
    model, x, target = build(fastnn, kind)
    model = torch.nn.Sequential(*[Flat() if isinstance(m, torch.nn.Flatten) else m for m in model]) if kind == "conv" \
        else model
    # a mask that Captum's methods take: two features
    mask = (torch.arange(x[0].numel()) % 2).reshape(1, *x.shape[1:])

    def both(name, *args, make=(), **kwargs):
        values = []
        for package in (explain, captum):
            torch.manual_seed(2)
            values.append(getattr(package, name)(model, *make).attribute(x.clone(), *args, target=target, **kwargs))
        note(f"{kind}: {name}", *values)
    both("Saliency")
    both("InputXGradient")
    both("IntegratedGradients", n_steps=7)
    both("FeatureAblation", feature_mask=mask)
    both("ShapleyValueSampling", feature_mask=mask, n_samples=2)
    both("FeaturePermutation", feature_mask=mask)
    both("GuidedBackprop")
    both("Deconvolution")
    if kind in ("dense", "conv"):
        both("DeepLift", baselines=0.2)
        if kind == "conv":
            model[5].rule = EpsilonRule()
        both("LRP")
        both("LayerGradientXActivation", make=(model[0],))
        both("LayerIntegratedGradients", make=(model[0],), n_steps=6)
        both("LayerConductance", make=(model[2],), n_steps=6)
        both("LayerDeepLift", make=(model[2],), baselines=0.2)
    if kind == "conv":
        both("Occlusion", (1, 3, 3), strides=(1, 2, 2))
        both("LayerGradCam", make=(model[3],))
        both("GuidedGradCam", make=(model[3],))
    noise = 0.01 * torch.randn(x.shape[0] * 3, *x.shape[1:], dtype=x.dtype)
    a = explain.Saliency(model).attribute(x, target)
    note(f"{kind}: infidelity", *[measure(model, lambda y: (noise, y - noise), x, a, target=target,
                                          n_perturb_samples=3) for measure in (explain.infidelity, infidelity)])
json.dump([found, fitted(torch, captum)], sys.stdout)
"""


@pytest.fixture(scope="module")
def printed():
    if importlib.util.find_spec("captum") is None:
        pytest.skip("Captum is not installed (pip install fastnn-cpu[torch])")
    done = subprocess.run([sys.executable, "-m", "fastnn", "-c", PROGRAM, str(HERE)], cwd=ROOT, capture_output=True,
                          text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout[done.stdout.index("[{"):])


@pytest.mark.torch
def test_captums_methods_give_our_values(printed):
    distances = printed[0]
    assert len(distances) > 40
    assert not {name: distance for name, distance in distances.items() if not distance < 1e-4}


@pytest.mark.torch
def test_captums_fits_are_those_on_pytorch(printed):
    """KernelShap and LIME draw coalitions and fit lines to them: the same draws, and the same lines, in both."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install fastnn-cpu[torch])")
    captum = pytest.importorskip("captum.attr", reason="Captum is not installed (pip install fastnn-cpu[torch])")
    wanted = fitted(torch, captum)
    assert len(wanted) == 8
    for name, values in wanted.items():
        np.testing.assert_allclose(printed[1][name], values, rtol=1e-4, atol=1e-5, err_msg=name)
