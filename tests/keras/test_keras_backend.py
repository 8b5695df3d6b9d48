"""The functions of tf.keras.backend: signatures as in Keras, whose own need TensorFlow; values as NumPy's or `ops`."""
import ast
import inspect
from pathlib import Path

import numpy as np
import pytest
from keras_oracle import MARKS, assert_same, keras, ours, plain

pytestmark = MARKS
RNG = np.random.default_rng(53)
K = ours.backend
SOURCE = ast.parse(Path(keras.__file__).parent.joinpath("src", "legacy", "backend.py").read_text())
DEFINED = {each.name: each for each in SOURCE.body if isinstance(each, ast.FunctionDef) and each.name[0] != "_"}


def data(*shape, low=-2.0, high=2.0):
    return RNG.uniform(low, high, shape).astype(np.float32)


@pytest.mark.parametrize("name", sorted(set(DEFINED) - {"name_scope"}))
def test_signature(name):
    wanted = ast.unparse(DEFINED[name].args).replace("0.001", "1e-3")
    found = str(inspect.signature(getattr(K, name)))
    assert found.replace("0.001", "1e-3") == f"({wanted})"


X, Y, POSITIVE = data(3, 4), data(3, 4), data(3, 4, low=0.1)
BATCH, OTHER = data(2, 3, 4), data(2, 4, 5)
IMAGES, KERNEL, BIAS = data(2, 6, 7, 3), data(3, 3, 3, 4), data(3)
PROBABLE = (lambda p: p / p.sum(-1, keepdims=True))(data(3, 4, low=0.1))
HOT = np.eye(4, dtype=np.float32)[[1, 0, 3]]
VALUES = [
    ("abs", (X,), np.abs(X)),
    ("all", (X > 0, 0), (X > 0).all(0)),
    ("any", (X > 0, 1), (X > 0).any(1)),
    ("arange", (5,), np.arange(5, dtype=np.int32)),
    ("arange", (-2,), np.arange(0, dtype=np.int32)),
    ("argmax", (X,), X.argmax(-1)),
    ("argmin", (X, 0), X.argmin(0)),
    ("batch_dot", (BATCH, OTHER), BATCH @ OTHER),
    ("batch_dot", (BATCH, OTHER, (2, 1)), BATCH @ OTHER),
    ("batch_dot", (BATCH, BATCH, 2), BATCH @ BATCH.transpose(0, 2, 1)),
    ("batch_dot", (X, Y), (X * Y).sum(1, keepdims=True)),
    ("batch_dot", (BATCH, BATCH[:, 0]), (BATCH * BATCH[:, :1]).sum(-1)),
    ("batch_dot", (BATCH[:, 0], OTHER, 1), np.einsum("bi,bij->bj", BATCH[:, 0], OTHER)),
    ("batch_flatten", (BATCH,), BATCH.reshape(2, 12)),
    ("batch_normalization", (IMAGES, BIAS, BIAS**2, BIAS, BIAS), (IMAGES - BIAS) / np.sqrt(BIAS**2 + 1e-3) * BIAS
     + BIAS),
    ("bias_add", (IMAGES, BIAS), IMAGES + BIAS),
    ("bias_add", (IMAGES.transpose(0, 3, 1, 2), BIAS, "channels_first"), (IMAGES + BIAS).transpose(0, 3, 1, 2)),
    ("cast_to_floatx", ([1, 2],), np.array([1, 2], np.float32)),
    ("clip", (X, -1, 1), X.clip(-1, 1)),
    ("clip", (X, None, 1), X.clip(None, 1)),
    ("clip", (X, 1, -1), np.ones_like(X)),
    ("concatenate", ([X, Y],), np.concatenate([X, Y], -1)),
    ("constant", (2, None, (2, 3)), np.full((2, 3), 2, np.float32)),
    ("cumprod", (X,), X.cumprod(0)),
    ("cumsum", (X,), X.cumsum(0)),
    ("dot", (X, Y.T), X @ Y.T),
    ("dot", (BATCH, OTHER), np.dot(BATCH, OTHER)),
    ("equal", (X, X), X == X),
    ("expand_dims", (X,), X[..., None]),
    ("flatten", (X,), X.ravel()),
    ("foldl", (lambda a, b: a * 2 + b, X), ((X[0] * 2 + X[1]) * 2 + X[2])),
    ("foldr", (lambda a, b: a * 2 + b, X), ((X[2] * 2 + X[1]) * 2 + X[0])),
    ("gather", (X, np.array([2, 0])), X[[2, 0]]),
    ("greater", (X, Y), X > Y),
    ("hard_sigmoid", (X,), (X * 0.2 + 0.5).clip(0, 1)),
    ("in_top_k", (X, X.argmax(-1).astype(np.int32), 1), np.ones(3, bool)),
    ("l2_normalize", (X, 1), X / np.linalg.norm(X, axis=1, keepdims=True)),
    ("less_equal", (X, Y), X <= Y),
    ("map_fn", (lambda x: x * 2, X), X * 2),
    ("max", (X, 1, True), X.max(1, keepdims=True)),
    ("maximum", (X, Y), np.maximum(X, Y)),
    ("mean", (X > 0, 0), (X > 0).mean(0).astype(np.float32)),
    ("min", (X,), X.min()),
    ("one_hot", (np.array([1, 0, 3]), 4), HOT),
    ("permute_dimensions", (BATCH, [2, 0, 1]), BATCH.transpose(2, 0, 1)),
    ("pow", (X, 2), X**2),
    ("prod", (X, 1), X.prod(1)),
    ("relu", (X,), X.clip(0)),
    ("relu", (X, 0.1), np.where(X > 0, X, 0.1 * X)),
    ("relu", (X, 0.1, 1.0, 0.5), np.where(X > 0.5, X.clip(None, 1), 0.1 * (X - 0.5))),
    ("repeat", (X, 2), X[:, None].repeat(2, 1)),
    ("repeat_elements", (X, 2, 1), X.repeat(2, 1)),
    ("resize_images", (IMAGES, 2, 3, "channels_last"), IMAGES.repeat(2, 1).repeat(3, 2)),
    ("resize_volumes", (IMAGES[..., None], 1, 2, 3, "channels_last"), IMAGES[..., None].repeat(2, 2).repeat(3, 3)),
    ("reverse", (X, 1), X[:, ::-1]),
    ("softmax", (X,), np.exp(X) / np.exp(X).sum(-1, keepdims=True)),
    ("spatial_2d_padding", (IMAGES,), np.pad(IMAGES, [(0, 0), (1, 1), (1, 1), (0, 0)])),
    ("spatial_3d_padding", (IMAGES[..., None],), np.pad(IMAGES[..., None], [(0, 0)] + [(1, 1)] * 3 + [(0, 0)])),
    ("sqrt", (X,), np.sqrt(X.clip(0))),
    ("squeeze", (X[:, None], 1), X),
    ("std", (X, 0), X.std(0)),
    ("sum", (X, 0), X.sum(0)),
    ("switch", (X[:, 0] > 0, X[:, 0], Y[:, 0]), np.where(X[:, 0] > 0, X[:, 0], Y[:, 0])),
    ("switch", (X[:, :1] > 0, X, Y), np.where(X[:, :1] > 0, X, Y)),
    ("switch", (np.array(True), lambda: X, lambda: Y), X),
    ("temporal_padding", (BATCH, (2, 0)), np.pad(BATCH, [(0, 0), (2, 0), (0, 0)])),
    ("tile", (X[0], 2), np.tile(X[0], 2)),
    ("transpose", (BATCH,), BATCH.T),
    ("binary_crossentropy", (HOT, PROBABLE), -np.where(HOT > 0, np.log(PROBABLE), np.log(1 - PROBABLE))),
    ("binary_crossentropy", (HOT, X, True), np.log1p(np.exp(np.where(HOT > 0, -X, X)))),
    ("categorical_crossentropy", (HOT, PROBABLE), -np.log((PROBABLE * HOT).sum(-1))),
    ("categorical_crossentropy", (HOT, np.log(PROBABLE), True), -np.log((PROBABLE * HOT).sum(-1))),
    ("sparse_categorical_crossentropy", (np.array([1, 0, 3]), PROBABLE), -np.log((PROBABLE * HOT).sum(-1))),
    ("sparse_categorical_crossentropy", (np.array([1, 0, 3]), PROBABLE, False, -1, 0),
     -np.log((PROBABLE * HOT).sum(-1)) * [1, 0, 1]),
]


@pytest.mark.parametrize("name, arguments, wanted", VALUES, ids=[f"{i}-{row[0]}" for i, row in enumerate(VALUES)])
def test_values(name, arguments, wanted):
    own = [ours.ops.convert_to_tensor(each) if isinstance(each, np.ndarray) else each for each in arguments]
    own = [[ours.ops.convert_to_tensor(part) for part in each] if isinstance(each, list) and isinstance(
        each[0], np.ndarray) else each for each in own]
    found = np.asarray(plain(getattr(K, name)(*own)))
    assert found.shape == np.shape(wanted)
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", ["binary", "categorical"])
@pytest.mark.parametrize("from_logits", [False, True])
def test_focal(name, from_logits):
    arguments = HOT, X if from_logits else PROBABLE
    theirs = getattr(keras.losses, f"{name}_focal_crossentropy")(*arguments, from_logits=from_logits)
    found = getattr(K, f"{name}_focal_crossentropy")(*map(ours.ops.convert_to_tensor, arguments),
                                                     from_logits=from_logits)
    assert_same(ours.ops.mean(found, -1) if name == "binary" else found, theirs)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_convolutions(padding):
    volumes, cube = data(1, 4, 5, 4, 2), data(2, 2, 2, 2, 3)
    line, short = data(2, 8, 3), data(3, 3, 4)
    convert = ours.ops.convert_to_tensor
    for name, plainer, arguments, options in [
            ("conv1d", "conv", (line, short), {"strides": 2}),
            ("conv2d", "conv", (IMAGES, KERNEL), {"strides": (2, 2)}),
            ("conv3d", "conv", (volumes, cube), {}),
            ("depthwise_conv2d", "depthwise_conv", (IMAGES, KERNEL[..., :2]), {}),
            ("separable_conv2d", "separable_conv", (IMAGES, KERNEL[..., :2], data(1, 1, 6, 5)), {}),
            ("pool2d", "max_pool", (IMAGES, (2, 2)), {"strides": (2, 2)}),
            ("pool3d", "max_pool", (volumes, (2, 2, 2)), {"strides": (1, 1, 1)})]:
        found = getattr(K, name)(*(convert(x) if isinstance(x, np.ndarray) else x for x in arguments),
                                 padding=padding, **options)
        theirs = getattr(keras.ops, plainer)(*arguments, padding=padding, data_format="channels_last", **options)
        assert_same(found, theirs)
    found = K.pool2d(convert(IMAGES), (2, 2), padding=padding, pool_mode="avg")
    assert_same(found, keras.ops.average_pool(IMAGES, (2, 2), 1, padding))


def test_causal():
    x, kernel = data(2, 8, 3), data(3, 3, 4)
    found = K.conv1d(*map(ours.ops.convert_to_tensor, (x, kernel)), padding="causal", dilation_rate=2)
    assert_same(found, keras.ops.conv(np.pad(x, [(0, 0), (4, 0), (0, 0)]), kernel, dilation_rate=2))


@pytest.mark.parametrize("padding, sizes", [("same", (6, 7)), ("same", (5, 7)), ("valid", (7, 9)), ("valid", (8, 10))])
@pytest.mark.parametrize("first", [False, True])
def test_conv2d_transpose(padding, sizes, first):
    """It is the gradient of the convolution, which is linear."""
    x, kernel = data(1, *sizes, 2), data(3, 3, 2, 4)
    x = ours.ops.convert_to_tensor(x).requires_grad_()
    made = ours.ops.conv(x, ours.ops.convert_to_tensor(kernel), 2, padding)
    given = data(*made.shape)
    (made * ours.ops.convert_to_tensor(given)).sum().backward()
    axes = (0, 3, 1, 2) if first else (0, 1, 2, 3)
    shape = np.zeros(x.shape).transpose(axes).shape
    found = K.conv2d_transpose(ours.ops.convert_to_tensor(np.ascontiguousarray(given.transpose(axes))),
                               ours.ops.convert_to_tensor(kernel), shape, (2, 2), padding,
                               "channels_first" if first else "channels_last")
    np.testing.assert_allclose(plain(found), plain(x.grad).transpose(axes), rtol=1e-4, atol=1e-5)


def test_variables():
    x = K.variable([[1.0, 2.0]], name="x", constraint=abs)
    assert K.dtype(x) == "float32" and K.int_shape(x) == (1, 2) and K.ndim(x) == 2 and K.count_params(x) == 2
    assert x.constraint is abs and not K.is_sparse(x) and K.to_dense(x) is x and x.name == "x"
    K.set_value(x, [[3, 4]])
    K.update_add(x, 1)
    K.update_sub(x, np.float32([[0, 2]]))
    assert K.get_value(x).tolist() == K.eval(x).tolist() == [[4, 3]]
    K.moving_average_update(x, np.float32([[0, 0]]), 0.5)
    K.batch_set_value([(K.zeros((2,)), np.ones(2))])
    assert K.batch_get_value([x, K.update(K.ones(2), np.float32([5, 6])), K.eye(2)])[1].tolist() == [5, 6]
    assert K.get_value(x).tolist() == [[2, 1.5]] and K.get_value(3) == 3
    assert plain(K.zeros_like(x)).tolist() == [[0, 0]] and plain(K.ones_like(x, "int32")).dtype == np.int32
    with pytest.raises(RuntimeError, match="GradientTape"):
        K.gradients(x, [x])
    with pytest.raises(NotImplementedError, match="ctc_label_dense_to_sparse"):
        K.ctc_label_dense_to_sparse(x, x)
    with pytest.raises(ValueError, match="rank < 2"):
        K.batch_dot(x[0], x[0])
    with pytest.raises(ValueError, match="1D"):
        K.softmax(x[0])
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        K.nothing  # noqa: B018


def test_random():
    for name, arguments, low, high in [("random_normal", (), -9, 9), ("random_uniform", (1.0, 2.0), 1, 2),
                                       ("truncated_normal", (), -2, 2), ("random_bernoulli", (0.3,), 0, 1),
                                       ("random_normal_variable", (0.0, 1.0), -9, 9),
                                       ("random_uniform_variable", (0.0, 1.0), 0, 1)]:
        first, second = (plain(getattr(K, name)((1000,), *arguments, seed=5)) for _ in range(2))
        assert np.array_equal(first, second) and first.dtype == np.float32
        assert low <= first.min() < first.max() <= high and len(np.unique(first)) > 1
        if name == "random_bernoulli":
            assert 0.2 < first.mean() < 0.4
    dropped = plain(K.dropout(ours.ops.ones((1000,)), 0.5, seed=1))
    assert set(dropped.tolist()) == {0.0, 2.0}


def test_ctc():
    labels, lengths = np.array([[1, 2, 0], [0, 1, 1]]), np.array([[2], [3]])
    probable = PROBABLE[:, None].repeat(2, 1).repeat(3, 0).transpose(1, 0, 2).copy()
    probable = (lambda p: p / p.sum(-1, keepdims=True))(probable * data(2, 9, 4, low=0.5))
    steps = np.array([[9], [7]])
    convert = ours.ops.convert_to_tensor
    found = K.ctc_batch_cost(*map(convert, (labels, probable, steps, lengths)))
    theirs = keras.ops.ctc_loss(labels, np.log(probable + 1e-7), lengths[:, 0], steps[:, 0], mask_index=3)
    assert_same(found, plain(theirs)[:, None])
    paths, scores = K.ctc_decode(convert(probable), convert(steps[:, 0]))
    assert len(paths) == 1 and tuple(paths[0].shape) == (2, 9) and tuple(scores.shape) == (2, 1)
    paths, scores = K.ctc_decode(convert(probable), convert(steps[:, 0]), greedy=False, top_paths=2)
    assert len(paths) == 2 and tuple(scores.shape) == (2, 2)


@pytest.mark.parametrize("options", [{}, {"go_backwards": True}, {"zero_output_for_mask": True},
                                     {"return_all_outputs": False}, {"unroll": True}])
@pytest.mark.parametrize("masked", [False, True])
def test_rnn(options, masked):
    x, start = data(2, 5, 3), data(2, 3)
    mask = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]], bool) if masked else None

    def results(door, run):
        def step(inputs, states):
            made = door.ops.tanh(inputs + states[0] * 0.5)
            return made, [made + states[1]]
        convert = door.ops.convert_to_tensor
        return run(step, convert(x), [convert(start)], mask=None if mask is None else convert(mask),
                   constants=[convert(start)], **options)
    from keras.src.backend import rnn
    last, outputs, states = results(ours, K.rnn)
    for found, wanted in zip((last, outputs, states[0]), (lambda a, b, c: (a, b, c[0]))(*results(keras, rnn))):
        assert_same(found, wanted)


def test_rnn_lengths():
    x = data(2, 4, 3)
    last, _, _ = K.rnn(lambda inputs, states: (inputs + states[0], [inputs + states[0]]),
                       ours.ops.convert_to_tensor(x), [ours.ops.zeros((2, 3))], input_length=np.array([4, 2]))
    np.testing.assert_allclose(plain(last), [x[0].sum(0), x[1, :2].sum(0)], rtol=1e-5)


def test_variational_autoencoder():
    """The pattern that older programs use it for: draws in a Lambda layer, a loss of sums and means."""
    keras_inputs = ours.Input((6,))
    mean, spread = (ours.layers.Dense(2)(keras_inputs) for _ in range(2))

    def draw(parts):
        noise = K.random_normal(shape=(K.shape(parts[0])[0], K.int_shape(parts[0])[1]))
        return parts[0] + K.exp(0.5 * parts[1]) * noise
    code = ours.layers.Lambda(draw, output_shape=(2,))([mean, spread])
    model = ours.Model(keras_inputs, ours.layers.Dense(6)(code))
    model.compile("adam", lambda true, made: K.sum(K.square(true - made), axis=-1) + K.mean(K.abs(made)))
    losses = model.fit(data(32, 6), data(32, 6), epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
