"""Second derivatives of layers: convolutions, max pooling, normalisation, attention, beside PyTorch's."""
import numpy as np
import pytest

import fastnn

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]


def conv(name, **options):
    return lambda t, x, w, b: getattr(t.nn.functional, name)(x, w, b, **options)


def norm(name, *args):
    return lambda t, x, w, b: getattr(t.nn.functional, name)(x, *args, w, b)


def batch(t, x, w, b, training=True):
    return t.nn.functional.batch_norm(x, t.full((4,), 0.1, dtype=t.float64), t.full((4,), 0.9, dtype=t.float64), w, b,
                                      training)


def attend(**options):
    return lambda t, *given: t.nn.functional.scaled_dot_product_attention(*given, **options)


def masked(t, q, k, v, mask):
    return t.nn.functional.scaled_dot_product_attention(q, k, v, mask)


def hidden(t, q, k, v):
    seen = t.tensor([[True, False, True], [False, False, False], [True, True, True]])
    return t.nn.functional.scaled_dot_product_attention(q, k, v, seen)


IMAGE, ROW = (2, 4, 6, 5), (2, 4, 7)
CASES = {
    "conv2d": (conv("conv2d", padding=1), IMAGE, (3, 4, 3, 2), (3,)),
    "conv2d strided": (conv("conv2d", stride=(2, 1), padding=(1, 0), dilation=(1, 2)), IMAGE, (3, 4, 3, 2), (3,)),
    "conv2d grouped": (conv("conv2d", groups=2, stride=2), IMAGE, (6, 2, 3, 3), (6,)),
    "conv2d depthwise": (conv("conv2d", groups=4, padding=1), IMAGE, (4, 1, 3, 3), (4,)),
    "conv2d pointwise": (conv("conv2d"), IMAGE, (3, 4, 1, 1), (3,)),
    "conv2d unbatched": (conv("conv2d"), IMAGE[1:], (3, 4, 3, 2), (3,)),
    "conv2d same": (conv("conv2d", padding="same"), IMAGE, (3, 4, 2, 3), (3,)),
    "conv1d": (conv("conv1d", stride=2, padding=2), ROW, (3, 4, 3), (3,)),
    "conv1d unbatched": (conv("conv1d", dilation=2), ROW[1:], (3, 4, 3), (3,)),
    "conv_transpose2d": (conv("conv_transpose2d", stride=2, padding=1), IMAGE, (4, 3, 3, 2), (3,)),
    "conv_transpose2d dilated": (conv("conv_transpose2d", dilation=2), IMAGE, (4, 3, 3, 2), (3,)),
    "conv_transpose2d grouped": (conv("conv_transpose2d", groups=2, stride=(1, 2)), IMAGE, (4, 3, 2, 2), (6,)),
    "conv_transpose1d": (conv("conv_transpose1d", stride=3, padding=1), ROW, (4, 2, 4), (2,)),
    "max_pool2d": (lambda t, x: t.nn.functional.max_pool2d(x, 3, 2, 1), IMAGE),
    "max_pool2d dilated": (lambda t, x: t.nn.functional.max_pool2d(x, (2, 3), 1, 1, (2, 1)), IMAGE),
    "max_pool2d indices": (lambda t, x: t.nn.functional.max_pool2d(x, 2, return_indices=True)[0], IMAGE),
    "max_pool1d": (lambda t, x: t.nn.functional.max_pool1d(x, 3, 2), ROW),
    "adaptive_max_pool2d": (lambda t, x: t.nn.functional.adaptive_max_pool2d(x, (3, 2)), IMAGE),
    "layer_norm": (norm("layer_norm", (6, 5)), IMAGE, (6, 5), (6, 5)),
    "layer_norm of a row": (norm("layer_norm", (7,)), ROW, (7,), (7,)),
    "layer_norm plain": (lambda t, x: t.nn.functional.layer_norm(x, (5,)), IMAGE),
    "rms_norm": (lambda t, x, w: t.nn.functional.rms_norm(x, (5,), w), IMAGE, (5,)),
    "group_norm": (norm("group_norm", 2), IMAGE, (4,), (4,)),
    "instance_norm": (lambda t, x, w, b: t.nn.functional.instance_norm(x, None, None, w, b), IMAGE, (4,), (4,)),
    "batch_norm": (batch, IMAGE, (4,), (4,)),
    "batch_norm of rows": (batch, (5, 4), (4,), (4,)),
    "batch_norm in evaluation": (lambda *given: batch(*given, training=False), IMAGE, (4,), (4,)),
    "attention": (attend(), (2, 2, 3, 4), (2, 2, 5, 4), (2, 2, 5, 3)),
    "attention causal": (attend(is_causal=True, scale=0.3), (2, 2, 3, 4), (2, 2, 3, 4), (2, 2, 3, 4)),
    "attention of groups": (attend(enable_gqa=True), (1, 4, 3, 4), (1, 2, 5, 4), (1, 2, 5, 3)),
    "attention of rows": (attend(), (3, 4), (5, 4), (5, 3)),
    "attention with a mask": (masked, (2, 2, 3, 4), (2, 2, 5, 4), (2, 2, 5, 3), (3, 5)),
    "attention hidden": (hidden, (1, 2, 3, 4), (1, 2, 3, 4), (1, 2, 3, 4)),
}


def second_derivatives(t, name, which):
    """The first gradients of a nonlinear function of the layer, and those of a nonlinear function of them."""
    function, *shapes = CASES[name]
    rng = np.random.default_rng(len(name))
    given = [t.from_numpy(rng.standard_normal(shape)).requires_grad_(i in which) for i, shape in enumerate(shapes)]
    hidden_layer = [x * 1 if i % 2 else x for i, x in enumerate(given)]  # leaves and results
    leaves = [x for x in given if x.requires_grad]
    made = function(t, *hidden_layer)
    weights = t.from_numpy(rng.standard_normal(tuple(made.shape)))
    first = t.autograd.grad((made ** 3 * weights).sum(), leaves, create_graph=True)
    second = t.autograd.grad(sum((g ** 2).sum() for g in first), leaves, create_graph=True)
    if any(word in name for word in ("layer_norm", "batch_norm", "instance_norm")):
        return [x.detach().numpy() for x in (*first, *second)]  # PyTorch's third ones take mean and deviation as fixed
    third = t.autograd.grad(sum((g ** 2).sum() for g in second), leaves[:1])
    return [x.detach().numpy() for x in (*first, *second, *third)]


@pytest.mark.parametrize("which", [(0, 1, 2, 3), (0,), (1,)], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_second_and_third_derivatives(name, which):
    torch = pytest.importorskip("torch", reason="compared with PyTorch")
    if not any(i < len(CASES[name]) - 1 for i in which):
        pytest.skip("one input")
    if name == "attention hidden":  # PyTorch's rule for rows that see nothing gives NaN
        for x in second_derivatives(fastnn, name, which):
            assert np.isfinite(x).all()
        return
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        theirs = second_derivatives(torch, name, which)
    for a, b in zip(second_derivatives(fastnn, name, which), theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9 * max(1, np.abs(b).max(initial=0)))


@pytest.mark.parametrize("options", [{"stride": 2, "padding": 1, "output_padding": 1},
                                     {"dilation": 2, "output_padding": 1},
                                     {"stride": (2, 1), "output_padding": (1, 0)}])
def test_output_padding(options):
    """Which PyTorch cannot differentiate twice."""
    rng = np.random.default_rng(0)
    given = [fastnn.from_numpy(rng.standard_normal(shape)).requires_grad_()
             for shape in ((1, 2, 3, 2), (2, 2, 2, 3), (2,))]
    assert fastnn.autograd.gradgradcheck(lambda *given: fastnn.nn.functional.conv_transpose2d(*given, **options), given)


@pytest.mark.parametrize("name", ["layer_norm", "batch_norm", "instance_norm"])
def test_third_derivatives_of_norms(name):
    rng = np.random.default_rng(0)
    x = fastnn.from_numpy(rng.standard_normal((2, 2, 3))).requires_grad_()

    def slope(x):
        y = {"layer_norm": lambda: fastnn.nn.functional.layer_norm(x, (3,)),
             "batch_norm": lambda: fastnn.nn.functional.batch_norm(x, None, None, training=True),
             "instance_norm": lambda: fastnn.nn.functional.instance_norm(x)}[name]()
        return fastnn.autograd.grad((y ** 3).sum(), x, create_graph=True)[0]
    assert fastnn.autograd.gradgradcheck(slope, [x])


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("kind", ["self", "cross", "all"])
def test_multihead_attention(kind, batch_first):
    """The projections that hold all heads side by side."""
    torch = pytest.importorskip("torch", reason="compared with PyTorch")
    rng = np.random.default_rng(3)
    arrays = [rng.standard_normal((3, 3, 4)) for _ in range(3)]

    def run(t):
        t.manual_seed(0)
        layer = t.nn.MultiheadAttention(4, 2, batch_first=batch_first).double()
        q, k, v = [t.from_numpy(x.copy()).requires_grad_() for x in arrays]
        given = {"self": (q, q, q), "cross": (q, k, k), "all": (q, k, v)}[kind]
        y = layer(*given, need_weights=False)[0]
        leaves = [q, *layer.parameters()]
        first = t.autograd.grad((y ** 2).sum(), leaves, create_graph=True)
        return [g.numpy() for g in t.autograd.grad(sum((g ** 2).sum() for g in first), leaves)]
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        theirs = run(torch)
    for a, b in zip(run(fastnn), theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


def test_gradient_penalty():
    """A convolutional critic whose gradient has norm 1: what Wasserstein networks train."""
    torch = pytest.importorskip("torch", reason="compared with PyTorch")

    def run(t):
        t.manual_seed(0)
        critic = t.nn.Sequential(t.nn.Conv2d(1, 4, 3, padding=1), t.nn.ReLU(), t.nn.MaxPool2d(2), t.nn.Conv2d(4, 4, 3),
                                 t.nn.LayerNorm([4, 2, 2]), t.nn.LeakyReLU(0.2), t.nn.Flatten(), t.nn.Linear(16, 1))
        x = t.randn(3, 1, 8, 8, requires_grad=True)
        slope, = t.autograd.grad(critic(x).sum(), x, create_graph=True)
        ((slope.flatten(1).norm(2, 1) - 1) ** 2).mean().backward()
        return [np.zeros(1) if p.grad is None else p.grad.numpy() for p in critic.parameters()]
    for a, b in zip(run(fastnn), run(torch), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)
