"""Fourier transforms, decoding, further operations of `ops` and spectrograms beside real Keras."""
import inspect

import numpy as np
import pytest
from keras_oracle import MARKS, assert_same, assert_same_signature, keras, ours, plain, torch

import fastnn
from fastnn.keras.layers.base import recorded

pytestmark = MARKS
RNG = np.random.default_rng(43)
SIGNAL, PLANE = RNG.normal(size=(2, 3, 40)).astype(np.float32), RNG.normal(size=(2, 6, 5)).astype(np.float32)
PAIR = (PLANE, RNG.normal(size=(2, 6, 5)).astype(np.float32))
HALF = tuple(RNG.normal(size=(2, 4, 5)).astype(np.float32) for _ in range(2))
NANS = np.where(RNG.random((4, 5, 3)) < 0.2, np.nan, RNG.normal(size=(4, 5, 3))).astype(np.float32)

TRANSFORMS = [
    ("fft", [PAIR], {}), ("fft2", [PAIR], {}), ("ifft2", [PAIR], {}), ("rfft", [PLANE], {}),
    ("rfft", [PLANE], dict(fft_length=4)), ("rfft", [PLANE], dict(fft_length=9)), ("irfft", [HALF], {}),
    ("irfft", [HALF], dict(fft_length=7)), ("irfft", [HALF], dict(fft_length=12)),
    *[("stft", [SIGNAL], dict(sequence_length=length, sequence_stride=stride, fft_length=size, window=window,
                              center=center))
      for length, stride, size, window, center in ((8, 4, 8, "hann", True), (6, 3, 8, "hamming", False),
                                                   (5, 5, 16, None, True), (4, 2, 4, np.arange(1.0, 5.0), True))],
]


def numbers(x):
    return [plain(each) for each in x] if isinstance(x, (list, tuple)) else [plain(x)]


@pytest.mark.parametrize(("name", "arguments", "options"), TRANSFORMS,
                         ids=[f"{case[0]}-{i}" for i, case in enumerate(TRANSFORMS)])
def test_transforms_and_their_gradients(name, arguments, options):
    x = arguments[0]
    flat = list(x) if isinstance(x, tuple) else [x]
    mine, theirs = [fastnn.tensor(a).requires_grad_() for a in flat], [torch.tensor(a).requires_grad_() for a in flat]
    given = [tuple(each) if isinstance(x, tuple) else each[0] for each in (mine, theirs)]
    with recorded():
        got = getattr(ours.ops, name)(given[0], **options)
    wanted = getattr(keras.ops, name)(given[1], **options)
    for a, b in zip(numbers(got), numbers(wanted), strict=True):
        assert a.dtype == b.dtype
        assert_same(a, b, rtol=1e-4, atol=1e-5)
    for outputs in (got, wanted):
        parts = outputs if isinstance(outputs, (tuple, list)) else [outputs]
        weights = np.random.default_rng(3)
        sum((part * (fastnn if outputs is got else torch).tensor(weights.normal(size=part.shape).astype("float32"))
             ).sum() for part in parts).backward()
    for a, b in zip(mine, theirs):
        assert_same(a.grad, b.grad, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("length", "stride", "size", "center"), [(8, 4, 8, True), (8, 2, 8, True), (6, 3, 8, True),
                                                                  (8, 4, 8, False), (8, 3, 8, True)])
def test_signals_come_back(length, stride, size, center):
    options = dict(sequence_length=length, sequence_stride=stride, fft_length=size, center=center)
    pair = tuple(plain(part) for part in keras.ops.stft(SIGNAL, **options))
    wanted = keras.ops.istft(pair, **options)
    got = ours.ops.istft(pair, **options)
    assert plain(got).shape == plain(wanted).shape
    inner = slice(None) if length == size and center else slice(length, -length)  # where all windows are
    assert_same(plain(got)[..., inner], plain(wanted)[..., inner], rtol=1e-4, atol=1e-5)
    if center:
        assert_same(plain(got)[..., length:-length], SIGNAL[..., length:plain(got).shape[-1] - length], atol=1e-4)
    assert_same(ours.ops.istft(pair, length=30, **options), keras.ops.istft(pair, length=30, **options), rtol=1e-3,
                atol=1e-4)


@pytest.mark.parametrize("call", [
    lambda k: k.ops.fft(PLANE), lambda k: k.ops.fft((PLANE, PLANE[:1])), lambda k: k.ops.rfft,
    lambda k: k.ops.fft((np.ones(3, "int32"), np.ones(3, "int32"))),
    lambda k: k.ops.stft(SIGNAL, 8, 0, 8), lambda k: k.ops.stft(SIGNAL, 8, 4, 4),
    lambda k: k.ops.stft(SIGNAL, 8, 4, 8, window="nope"), lambda k: k.ops.stft(SIGNAL, 8, 4, 8, window=np.ones(3)),
    lambda k: k.ops.ctc_decode(SIGNAL, [3, 3], strategy="nope")])
def test_errors(call):
    try:
        call(keras)
    except Exception as error:
        with pytest.raises(type(error)):
            call(ours)


@pytest.mark.parametrize("name", ["nanmedian", "nanquantile", "nanpercentile"])
def test_quantiles_without_nan(name):
    more = [] if name == "nanmedian" else [[0.2, 0.5, 0.9]] if name == "nanquantile" else [30.0]
    for options in ({}, dict(axis=1), dict(axis=(0, 2)), dict(axis=-1, keepdims=True), dict(keepdims=True)):
        assert_same(getattr(ours.ops, name)(NANS, *more, **options), getattr(keras.ops, name)(NANS, *more, **options))


def test_lu_factor():
    for shape in ((4, 4), (2, 5, 5), (3, 5), (5, 3)):
        x = RNG.normal(size=shape).astype(np.float32)
        for got, wanted in zip(ours.ops.lu_factor(x), keras.ops.lu_factor(keras.ops.array(x))):
            assert_same(got, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", [{}, dict(merge_repeated=False), dict(mask_index=2), dict(mask_index=None),
                                     dict(strategy="beam_search", beam_width=5, top_paths=3),
                                     dict(strategy="beam_search", beam_width=30, mask_index=1)], ids=str)
def test_ctc_decode(options):
    x = 2 * RNG.normal(size=(3, 7, 4)).astype(np.float32)
    lengths = np.array([7, 4, 6], "int32")
    got, wanted = (k.ops.ctc_decode(x, lengths, **options) for k in (ours, keras))
    for a, b in zip(got, wanted):
        assert plain(a).dtype == plain(b).dtype
        assert_same(a, b, rtol=1e-4, atol=1e-4)


def test_ctc_loss():
    x, target = RNG.normal(size=(3, 8, 5)).astype(np.float32), RNG.integers(1, 5, (3, 3))
    arguments = target, x, np.array([3, 1, 2]), np.array([8, 5, 7])
    assert_same(ours.ops.ctc_loss(*arguments), keras.ops.ctc_loss(*arguments), rtol=1e-4)
    arguments = target - 1, x, np.array([3, 1, 2]), np.array([8, 5, 7])
    assert_same(ours.ops.ctc_loss(*arguments, mask_index=4), keras.ops.ctc_loss(*arguments, mask_index=4), rtol=1e-4)
    model = ours.Sequential([ours.Input((8, 5)), ours.layers.Dense(5)])
    model.compile("adam", ours.losses.CTC())
    history = model.fit(x, target, epochs=30, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_custom_gradient():
    @ours.ops.custom_gradient
    def soft(x):
        e = ours.ops.exp(x)

        def grad(*args, upstream=None):
            return upstream * (1 - 1 / (1 + e))
        return ours.ops.log(1 + e), grad

    @ours.ops.custom_gradient
    def turned(x, y):
        return x * y, lambda upstream: (-upstream, upstream * 2)
    x, y = fastnn.tensor([1.0, 100.0]).requires_grad_(), fastnn.tensor([3.0, 4.0]).requires_grad_()
    soft(x).sum().backward()
    assert_same(x.grad, np.array([1 / (1 + np.exp(-1.0)), 1.0]))
    x.grad = None
    turned(x, y).sum().backward()
    assert x.grad.tolist() == [-1, -1] and y.grad.tolist() == [2, 2]


def test_jvp():
    x, v = RNG.normal(size=(3,)).astype(np.float32), RNG.normal(size=(3,)).astype(np.float32)
    got, slope = ours.ops.jvp(lambda x, y: (x * x * y).sum(), (x, x), (v, v))
    assert_same(got, (x ** 3).sum())
    assert_same(slope, (3 * x * x * v).sum(), rtol=1e-4)
    got, slope, more = ours.ops.jvp(lambda x: (x.sin(), 7), (x,), (v,), has_aux=True)
    assert_same(slope, np.cos(x) * v, rtol=1e-4)
    assert more == 7
    with pytest.raises(ValueError, match="tangents"):
        ours.ops.jvp(lambda x: x, (x,), ())


@pytest.mark.parametrize("name", ["view_as_complex", "view_as_real", "polar", "eig"])
def test_complex_numbers_are_named(name):
    with pytest.raises(NotImplementedError, match=name):
        getattr(ours.ops, name)(*[SIGNAL] * len(inspect.signature(getattr(keras.ops, name)).parameters))


MODULES = ["ops", "ops.numpy", "ops.nn", "ops.linalg", "ops.image"]
OPERATIONS = [(module, name) for module in MODULES for name in dir(__import__("operator").attrgetter(module)(keras))
              if inspect.isfunction(getattr(__import__("operator").attrgetter(module)(keras), name))]


@pytest.mark.parametrize(("module", "name"), OPERATIONS, ids=[".".join(each) for each in OPERATIONS])
def test_every_operation_is_there_with_keras_arguments(module, name):
    mine, theirs = ours, keras
    for part in module.split("."):
        mine, theirs = getattr(mine, part), getattr(theirs, part)
    assert_same_signature(getattr(mine, name), getattr(theirs, name))


@pytest.mark.parametrize("options", [dict(fft_length=16, sequence_stride=5, num_mel_bins=4, sampling_rate=100,
                                          min_freq=1.0),
                                     dict(fft_length=16, sequence_length=10, sequence_stride=4, num_mel_bins=3,
                                          sampling_rate=100, min_freq=2.0, max_freq=40, power_to_db=False, mag_exp=1.0),
                                     dict(fft_length=8, sequence_stride=2, window="hamming", num_mel_bins=2,
                                          sampling_rate=80, top_db=20.0, ref_power=2.0)], ids=str)
def test_mel_spectrogram(options):
    mine, theirs = (k.layers.MelSpectrogram(name="mel", **options) for k in (ours, keras))
    for x in (SIGNAL[:, 0], SIGNAL[0, 0]):
        got, wanted = mine(x), theirs(x)
        assert_same(got, wanted, rtol=1e-3, atol=1e-3)
        assert mine.compute_output_shape(x.shape) == tuple(theirs.compute_output_shape(x.shape))
    record = mine.get_config()
    assert {key: value for key, value in record.items() if key != "dtype"} == {
        key: value for key, value in theirs.get_config().items() if key != "dtype"}
    assert ours.layers.MelSpectrogram.from_config(record).get_config() == record
    assert_same_signature(ours.layers.MelSpectrogram.__init__, keras.layers.MelSpectrogram.__init__)
    with pytest.raises(ValueError, match="fft_length"):
        ours.layers.MelSpectrogram(fft_length=8, sequence_length=9)
