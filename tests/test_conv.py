"""Convolution layers as users meet them: edge shapes, layouts, fusion, threads, both backends."""
import itertools

import numpy as np
import pytest

import fastnn
import fastnn.nn.functional as F
from fastnn import kernels, nn, reference
from fastnn.kernels import _core
from fastnn.testing.compare import assert_same, assert_same_bits
from fastnn.testing.parity import describe
from fastnn.testing.spec import all_specs


def images(*shape, seed=0):
    return fastnn.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def step(layer, x, grad=None):
    """The result and all gradients of a call, as arrays."""
    x = x.detach().clone().requires_grad_()
    layer.zero_grad()
    y = layer(x)
    y.backward(fastnn.ones_like(y) if grad is None else grad)
    return [t.detach().numpy() for t in (y, x.grad, *[p.grad for p in layer.parameters()])]


EDGES = {
    "no images": (nn.Conv2d(3, 4, 3), (0, 3, 5, 5)),
    "one pixel": (nn.Conv2d(3, 4, 1), (2, 3, 1, 1)),
    "one pixel, padded": (nn.Conv2d(3, 4, 3, padding=1), (2, 3, 1, 1)),
    "kernel as large as the image": (nn.Conv2d(2, 5, (6, 7)), (3, 2, 6, 7)),
    "stride > kernel": (nn.Conv2d(2, 3, 2, stride=5), (2, 2, 13, 11)),
    "no batch": (nn.Conv2d(2, 3, 3), (2, 6, 6)),
    "groups": (nn.Conv2d(6, 9, 3, groups=3, padding=2), (2, 6, 5, 8)),
    "depthwise": (nn.Conv2d(7, 14, 3, groups=7, stride=2), (2, 7, 9, 9)),
    "dilation": (nn.Conv2d(3, 2, 3, dilation=(3, 2), padding="same"), (2, 3, 9, 9)),
    "even kernel, same": (nn.Conv2d(3, 2, (4, 2), padding="same"), (2, 3, 9, 9)),
    "reflect": (nn.Conv2d(3, 2, 3, padding=(2, 1), padding_mode="reflect"), (2, 3, 5, 6)),
    "sequence": (nn.Conv1d(3, 5, 4, stride=2, padding=1), (2, 3, 11)),
    "sequence, circular": (nn.Conv1d(3, 5, 3, padding=2, padding_mode="circular"), (3, 11)),
    "sequence of one": (nn.Conv1d(3, 5, 1), (2, 3, 1)),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2), (2, 4, 5, 4)),
    "transposed, output_padding >= stride": (nn.ConvTranspose2d(2, 3, 2, output_padding=2, dilation=3), (2, 2, 4, 4)),
    "transposed, stride > kernel": (nn.ConvTranspose1d(2, 3, 2, stride=4), (2, 2, 5)),
    "transposed, no images": (nn.ConvTranspose2d(2, 3, 3), (0, 2, 5, 5)),
}


@pytest.mark.parametrize("name", EDGES)
def test_edges_on_both_backends(name):
    layer, shape = EDGES[name]
    x = images(*shape)
    found = step(layer, x)
    with fastnn.use_backend("reference"):
        expected = step(layer, x)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:Using padding=.same. with even kernel")
@pytest.mark.parametrize("name", EDGES)
def test_edges_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    layer, shape = EDGES[name]
    kind, text = type(layer).__name__, repr(layer)
    words = {word: word for word in ("same", "reflect", "circular")}  # a repr shows them without quotes
    theirs = eval(f"torch.nn.{text}", {"torch": torch, **words})
    assert repr(theirs) == text and isinstance(theirs, getattr(torch.nn, kind))
    theirs.load_state_dict({key: torch.from_numpy(value.numpy()) for key, value in layer.state_dict().items()})
    x = images(*shape)
    y = torch.from_numpy(x.numpy()).clone().requires_grad_()
    out = theirs(y)
    out.backward(torch.ones_like(out))
    expected = [out, y.grad, *[p.grad for p in theirs.parameters()]]
    for a, b in zip(step(layer, x), expected, strict=True):
        np.testing.assert_allclose(a, b.detach().numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("c, o, k, stride, size, n", [
    (1, 8, 3, 1, (28, 28), 5), (16, 24, 3, 2, (15, 15), 3), (64, 10, 1, 1, (9, 9), 2), (40, 70, 3, 1, (7, 7), 1),
    (3, 2, 5, 1, (20, 20), 17), (40, 70, 5, 1, (1, 90), 1), (24, 70, 5, 2, (1, 9), 9), (64, 40, 1, 2, (8, 9), 2),
    (32, 1, 3, 1, (12, 13), 9)])
def test_same_bits_for_any_number_of_threads(c, o, k, stride, size, n):
    layer, x = nn.Conv2d(c, o, k, stride=stride, padding=k // 2), images(n, c, *size)
    with fastnn.no_grad():
        grad = images(*layer(x).shape, seed=1)
    old, found = _core.set_thread_cost(0), []
    try:
        for threads in (1, 2, 3):
            with fastnn.num_threads(threads):
                found.append(step(layer, x, grad))
    finally:
        _core.set_thread_cost(old)
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            assert a.tobytes() == b.tobytes()


def test_channels_last_gives_the_same():
    layer, x = nn.Conv2d(5, 7, 3, padding=1), images(3, 9, 8, 5)
    last = x.permute(0, 3, 1, 2)
    assert last.clone().stride() == last.stride()
    for a, b in zip(step(layer, last.contiguous()), step(layer, last), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)  # another layout, another order of sums


@pytest.mark.parametrize("dtype", [fastnn.float32, fastnn.float64])
def test_sequential_fuses_relu(dtype):
    for layer, shape in ((nn.Conv2d(3, 8, 3, padding=1), (2, 3, 9, 9)), (nn.Conv1d(3, 8, 3), (3, 9))):
        model, x = nn.Sequential(layer, nn.ReLU(inplace=True)).to(dtype), images(*shape).to(dtype)
        fused = step(model, x)
        seen = []
        handle = layer.register_forward_hook(lambda module, args, out, seen=seen: seen.append(out))
        apart = step(model, x)
        handle.remove()
        assert len(seen) == 1, "with a hook they run one after the other"
        assert (fused[0] >= 0).all() and (fused[0] == 0).any()
        for a, b in zip(fused, apart, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    with_sigmoid = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Sigmoid())
    assert 0 < with_sigmoid(images(1, 1, 2, 2)).min() < 1


def test_training_is_the_same_on_both_backends():
    def losses():
        fastnn.manual_seed(3)
        model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.ConvTranspose2d(4, 1, 3))
        optimizer = fastnn.optim.SGD(model.parameters(), lr=0.05)
        x, found = images(8, 1, 6, 6), []
        for _ in range(10):
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), x)
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        return found
    own = losses()
    with fastnn.use_backend("reference"):
        np.testing.assert_allclose(own, losses(), rtol=1e-4)
    assert own[-1] < own[0]


def test_frozen_parts_get_no_gradient():
    layer, x = nn.Conv2d(2, 3, 3), images(1, 2, 5, 5)
    layer.weight.requires_grad_(False)
    layer(x).sum().backward()
    assert layer.weight.grad is None and layer.bias.grad.shape == (3,) and x.grad is None


def test_a_change_between_forward_and_backward_is_an_error():
    layer, x = nn.Conv2d(2, 3, 3), images(1, 2, 5, 5)
    y = layer(x)
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_errors():
    x = images(2, 3, 8, 8)
    for arguments, options, error, text in [
            ((4, 2, 3), {"groups": 3}, ValueError, "in_channels must be divisible by groups"),
            ((3, 2, 3), {"groups": 3}, ValueError, "out_channels must be divisible by groups"),
            ((3, 2, 3), {"groups": 0}, ValueError, "groups must be a positive integer"),
            ((3, 2, 3), {"padding": "some"}, ValueError, "Invalid padding string"),
            ((3, 2, 3), {"padding": "same", "stride": 2}, ValueError, "not supported for strided"),
            ((3, 2, 3), {"padding_mode": "mirror"}, ValueError, "padding_mode must be one of")]:
        with pytest.raises(error, match=text):
            nn.Conv2d(*arguments, **options)
    with pytest.raises(RuntimeError, match="to have 5 channels, but got 3"):
        nn.Conv2d(5, 2, 3)(x)
    with pytest.raises(RuntimeError, match="Kernel size can't be greater"):
        nn.Conv2d(3, 2, 9)(x)
    with pytest.raises(RuntimeError, match=r"Expected 3D \(unbatched\) or 4D \(batched\) input to conv2d"):
        nn.Conv2d(3, 2, 3)(x[0, 0])
    with pytest.raises(RuntimeError, match="one dtype"):
        nn.Conv2d(3, 2, 3)(x.double())
    with pytest.raises(ValueError, match="valid sizes range"):
        nn.ConvTranspose2d(3, 2, 3, stride=2)(x, output_size=(30, 30))
    with pytest.raises(RuntimeError, match="output padding must be smaller"):
        F.conv_transpose2d(x, fastnn.ones(3, 2, 3, 3), output_padding=1)
    with pytest.raises(RuntimeError, match="conv_transpose3d: expected a weight of 5 dimensions"):
        F.conv_transpose3d(x, x)


def test_output_size_of_transposed():
    layer = nn.ConvTranspose2d(3, 2, 3, stride=2, padding=1)
    for size in itertools.product((15, 16), (15, 16)):
        assert layer(images(2, 3, 8, 8), output_size=size).shape == (2, 2, *size)


# ---- implementations (src_c/kernels/conv/) ----

PASSES = ("conv_forward", "conv_backward_input", "conv_backward_weight")


@pytest.fixture(scope="module")
def samples():
    """(spec, dtype, sample, the reference's result in float64) of all three kernels."""
    found = []
    for spec in all_specs():
        for dtype in spec.dtypes if spec.name in PASSES else ():
            for sample in spec.samples(np.random.default_rng(5), dtype):
                if min(x.size for x in sample.args if isinstance(x, np.ndarray)):  # else nobody is asked
                    wide = [x.astype(np.float64) if isinstance(x, np.ndarray) else x for x in sample.args]
                    with np.errstate(invalid="ignore"):
                        found.append((spec, dtype, sample, getattr(reference, spec.name)(*wide, **sample.kwargs)))
    return found


@pytest.mark.parametrize("name", kernels.conv_implementations())
def test_every_implementation_on_every_case_that_it_fits(name, samples, kernel_settings):
    """Not only where it pays: the reference's results, with the same bits for any number of threads."""
    done = dict.fromkeys(PASSES, 0)
    for isa in kernels.available_isas():
        kernels.set_isa(isa)
        for spec, dtype, sample, expected in samples:
            results = []
            try:
                for threads in (1, 3):
                    kernels.set_num_threads(threads)
                    with kernels.conv_implementation(name):
                        results.append(getattr(kernels, spec.name)(*sample.args, **sample.kwargs))
            except ValueError as error:
                assert f"{name} does not fit" in str(error) and not results
                continue
            done[spec.name] += 1
            rtol, atol = spec.tolerance(dtype, sample)
            where = f"{spec.name} by {name}, {isa}, {describe(sample)}"
            assert_same(results[0], expected.astype(dtype), rtol, 4 * atol, where)  # as Winograd's cases have it
            assert_same_bits(results[1], results[0], where)
    lacks = {"im2col": "conv_forward", "kn2row": "conv_backward_input"}
    assert all((count > 0) == (lacks.get(name) != key) for key, count in done.items()), done


def test_an_implementation_that_does_not_fit():
    x, weight = np.ones((2, 3, 5, 5), np.float32), np.ones((4, 3, 2, 2), np.float32)
    assert kernels.conv_implementations()[-1] == "implicit_gemm"
    with pytest.raises(ValueError, match="unknown implementation 'fft'; known: depthwise, "):
        kernels.conv_implementation("fft")
    with kernels.conv_implementation("winograd"), pytest.raises(ValueError, match="forward: winograd does not fit"):
        kernels.conv_forward(x, weight)
    with kernels.conv_implementation("winograd"), kernels.conv_implementation("implicit_gemm"):
        kernels.conv_forward(x, weight)
    assert (kernels.conv_forward(x, weight) == 12).all()
