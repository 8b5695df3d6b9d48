"""Epochs of dense stacks: without Python between batches and batch by batch they give the same bits."""
import signal
import threading

import numpy as np
import pytest

import fastnn
from fastnn import kernels
from fastnn.errors import DTypeError, ShapeError
from fastnn.kernels.dense import DenseTrainer
from fastnn.training.dense import BatchNorm, DenseOptimizer, DenseStack, train_side_by_side

ROWS, SIZES = 103, (13, 17, 9, 5)
OPTIMIZERS = [("sgd", {}), ("sgd", {"momentum": 0.9, "nesterov": True}), ("adam", {}),
              ("adam", {"outer_eps": True, "weight_decay": 0.1, "decoupled": True}),
              ("rmsprop", {"weight_decay": 0.1, "decay_biases": True}), ("adagrad", {})]


class Ordinary(DenseStack):
    compiled = False


def make(kind, dtype, activation="relu", loss="mse", sizes=SIZES, **settings):
    rng = np.random.RandomState(0)
    weights = [rng.randn(a, b).astype(dtype) / a ** 0.5 for a, b in zip(sizes, sizes[1:])]
    biases = [rng.randn(b).astype(dtype) * 0.1 for b in sizes[1:]]
    activations = [activation] * (len(weights) - 1) + [None]
    return kind(weights, biases, activations, loss, a=0.7, grad_scale=2.5, loss_scale=0.5, **settings)


def data(dtype, loss, sparse=False):
    rng = np.random.RandomState(1)
    x = rng.randn(ROWS, SIZES[0]).astype(dtype)
    y = rng.randint(0, 5, ROWS) if loss == "cross_entropy" else (rng.rand(ROWS, 5) > 0.5).astype(dtype)
    if sparse:
        x[x < 0.5] = 0
        rows, columns = np.nonzero(x)
        x = x[rows, columns], columns.astype(np.int64), np.searchsorted(rows, np.arange(ROWS + 1)).astype(np.int64)
    return x, y, rng.rand(ROWS).astype(dtype)


def train(kind, dtype, activation, loss, name, settings, weighted=False, sparse=False):
    stack = make(kind, dtype, activation, loss, l2=0.3)
    optimizer = DenseOptimizer(name, stack.params, lr=0.01, **settings)
    x, y, weight = data(dtype, loss, sparse)
    rng = np.random.RandomState(2)
    seen = [stack.epoch(optimizer, x, y, rng.permutation(ROWS) if epoch else None, 32, weight if weighted else None,
                        count=loss in ("cross_entropy", "bce_with_logits")) for epoch in range(3)]
    return seen, [param.tobytes() for param in stack.params]


@pytest.mark.parametrize("name, settings", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("loss", ["cross_entropy", "mse", "bce_with_logits", "pinball"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_same_bits(dtype, loss, name, settings, kernel_settings):
    from fastnn.kernels import _core
    _core.set_thread_cost(0)
    for activation in ("relu", "gelu", ("leaky_relu", 0.1, 0.0)):
        for weighted in (False, True):
            for sparse in (False, True):
                kernels.set_num_threads(1)
                expected = train(Ordinary, dtype, activation, loss, name, settings, weighted, sparse)
                kernels.set_num_threads(3)
                assert train(DenseStack, dtype, activation, loss, name, settings, weighted, sparse) == expected


@pytest.mark.parametrize("loss", ["cross_entropy", "huber"])
def test_reference_backend(loss):
    expected, _ = train(DenseStack, np.float64, "tanh", loss, "adam", {}, True)
    with fastnn.use_backend("reference"):
        found, _ = train(DenseStack, np.float64, "tanh", loss, "adam", {}, True)
    np.testing.assert_allclose([value for value, _ in found], [value for value, _ in expected], rtol=1e-10)


@pytest.mark.parametrize("activation", ["tanh", "silu"])
@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("loss", ["cross_entropy", "poisson_nll_log_input"])
def test_gradients(activation, norm, loss):
    """Of all parameters, against differences of the loss."""
    stack = make(DenseStack, np.float64, activation, loss)
    stack.loss_scale = stack.grad_scale = 1.0
    if norm:
        stack.norms = [BatchNorm(17, np.float64), BatchNorm(9, np.float64), None]
    x, y, weight = data(np.float64, loss)
    _, grads, _, _ = stack.gradients(x, y, weight)
    for param, grad in zip(stack.params, grads):
        flat, step = param.reshape(-1), 1e-6
        for i in range(0, flat.size, 7):
            before = flat[i]
            flat[i] = before + step
            above = stack.gradients(x, y, weight)[0]
            flat[i] = before - step
            below = stack.gradients(x, y, weight)[0]
            flat[i] = before
            np.testing.assert_allclose(grad.reshape(-1)[i], (above - below) / (2 * step), rtol=1e-5, atol=1e-8)


def test_called_loss_is_the_named_one():
    named, called = make(Ordinary, np.float64), make(Ordinary, np.float64)
    called.loss = lambda prediction, target: (prediction - target) ** 2
    x, y, weight = data(np.float64, "mse")
    for sample_weight in (None, weight):
        for a, b in zip(named.gradients(x, y, sample_weight)[1], called.gradients(x, y, sample_weight)[1]):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)
    called.loss = lambda prediction, target: ((prediction - target) ** 2).mean()
    with pytest.raises(ValueError, match="the losses of rows"):
        called.gradients(x, y, weight)


def test_dropout_leaves_out():
    drawn = np.random.RandomState(0)
    stack = make(DenseStack, np.float32, dropout=0.5, draw=drawn.random_sample)
    x, y, _ = data(np.float32, "mse")
    record = []
    stack.forward(x, record)
    shares = [1 - entry[6].mean() for entry in record[:-1]]
    assert record[-1][6] is None and all(0.4 < share < 0.6 for share in shares)
    assert np.array_equal(stack.forward(x), make(DenseStack, np.float32).forward(x))
    first, _ = stack.epoch(DenseOptimizer("adam", stack.params, lr=0.01), x, y)
    assert np.isfinite(first)


def test_epochs_share_threads():
    """Many at a time, with the bits of one alone."""
    expected = train(DenseStack, np.float32, "relu", "mse", "adam", {})
    found = [None] * 4

    def work(i):
        found[i] = train(DenseStack, np.float32, "relu", "mse", "adam", {})
    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer signals here")
def test_signals_end_an_epoch():
    """Although none of its kernels is long."""
    stack = make(DenseStack, np.float32)
    optimizer = DenseOptimizer("sgd", stack.params, lr=1e-6)
    x, y, _ = data(np.float32, "mse")
    order = np.zeros(50_000_000, np.int64)
    before = signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            stack.epoch(optimizer, x, y, order, 8)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert np.isfinite(stack.epoch(optimizer, x, y)[0])


def test_empty_and_bad_input():
    stack = make(DenseStack, np.float32)
    optimizer = DenseOptimizer("adam", stack.params)
    x, y, weight = data(np.float32, "mse")
    loss, right = stack.epoch(optimizer, x[:0], y[:0])
    assert np.isnan(loss) and right == 0
    for error, arguments, message in [
            (DTypeError, (x.astype(np.float64), y), "x of dtype float32, got float64"),
            (ShapeError, (x[:, :3].copy(), y), r"x \(rows, 13\), got \(103, 3\)"),
            (ShapeError, (x, y[:, :2].copy()), r"y \(103, 5\), got \(103, 2\)"),
            (ValueError, (x[:, ::-1], y), "x C-contiguous"),
            (IndexError, (x, y, np.array([0, 103])), r"rows in \[0, 103\)"),
            (ValueError, (x, y, None, 0), "batch_size of at least 1"),
            (ZeroDivisionError, (x, y, None, 32, 0 * weight), "sum to zero"),
            (IndexError, ((np.ones(1, np.float32), np.array([13]), np.array([0] + [1] * ROWS)), y), "indices of x"),
            (ValueError, ((np.ones(1, np.float32), np.array([1]), np.array([0] + [2] * ROWS)), y), "indptr")]:
        with pytest.raises(error, match=message):
            stack.epoch(optimizer, *arguments)
    w = [np.ones((2, 3), np.float32)]
    for error, arguments, message in [
            (ValueError, (w, [None], ["nothing"], "mse", "sgd", ()), "unknown activation 'nothing'"),
            (ValueError, (w, [None], [None], "nothing", "sgd", ()), "unknown loss 'nothing'"),
            (ValueError, (w, [None], [None], "mse", "nothing", ()), "unknown optimizer 'nothing'"),
            (ShapeError, (w, [np.ones(2, np.float32)], [None], "mse", "sgd", ()), r"biases\[0\] \(3,\), got \(2,\)"),
            (ShapeError, (w * 2, [None] * 2, [None] * 2, "mse", "sgd", ()), r"weights\[1\] \(3, out\), got \(2, 3\)"),
            (ShapeError, (w, [None], [None], "mse", "adam", ()), "adam has 2 lists of state, got 0")]:
        with pytest.raises(error, match=message):
            DenseTrainer(*arguments)
    classes = make(DenseStack, np.float32, loss="cross_entropy")
    with pytest.raises(IndexError, match=r"classes in \[0, 5\) as y"):
        classes.epoch(DenseOptimizer("sgd", classes.params), x, np.full(ROWS, 5))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_side_by_side(threads, kernel_settings):
    """Several trainers in one call have the bits of each alone, on any number of threads."""
    kernels.set_num_threads(threads)

    def prepared():
        stacks = [make(DenseStack, np.float32, sizes=(13, hidden, 5), l2=0.1) for hidden in (4, 8, 8, 16, 3)]
        return stacks, [DenseOptimizer("adam", stack.params, lr=0.01) for stack in stacks]
    x, y, weight = data(np.float32, "mse")
    orders = [np.random.RandomState(i).permutation(ROWS)[:50 + i] for i in range(5)]
    weights = [None, weight, None, weight, weight]
    stacks, optimizers = prepared()
    expected = [stack.epoch(optimizer, x, y, order, 32, w)
                for stack, optimizer, order, w in zip(stacks, optimizers, orders, weights)]
    together, optimizers = prepared()
    found = train_side_by_side(together, optimizers, [x] * 5, [y] * 5, orders, [32] * 5, weights)
    assert found == [[each] for each in expected]
    for one, other in zip(stacks, together):
        assert all(a.tobytes() == b.tobytes() for a, b in zip(one.params, other.params))
    with fastnn.use_backend("reference"):
        found = train_side_by_side(together, optimizers, [x] * 5, [y] * 5, orders, [32] * 5, weights)
    assert np.isfinite([loss for (loss, _), in found]).all()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer signals here")
def test_signals_end_epochs_side_by_side(kernel_settings):
    kernels.set_num_threads(2)
    stacks = [make(DenseStack, np.float32) for _ in range(4)]
    optimizers = [DenseOptimizer("sgd", stack.params, lr=1e-6) for stack in stacks]
    x, y, _ = data(np.float32, "mse")
    order = np.zeros(20_000_000, np.int64)
    before = signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            train_side_by_side(stacks, optimizers, [x] * 4, [y] * 4, [order] * 4, [8] * 4)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert all(np.isfinite(stack.epoch(optimizer, x, y)[0]) for stack, optimizer in zip(stacks, optimizers))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer signals here")
def test_results_of_epochs_that_were_ended(kernel_settings):
    """They are there, as many as parameters have seen."""
    kernels.set_num_threads(2)
    stacks = [make(DenseStack, np.float32) for _ in range(4)]
    optimizers = [DenseOptimizer("sgd", stack.params, lr=1e-6) for stack in stacks]
    x, y, _ = data(np.float32, "mse")
    results = [[] for _ in stacks]
    before = signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)  # some epochs, on a busy machine too
        with pytest.raises(KeyboardInterrupt):
            train_side_by_side(stacks, optimizers, [x] * 4, [y] * 4, [np.arange(ROWS) for _ in stacks], [8] * 4,
                               numbers=[1_000_000] * 4, results=results)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert any(results) and all(len(found) < 1_000_000 and np.isfinite(found).all() for found in results)


@pytest.mark.parametrize("kind", [DenseStack, Ordinary])
def test_several_epochs_in_one_call(kind):
    """Shuffled as a RandomState does it, with the bits of epochs one by one; none, too, and of no rows."""
    rows, numbers, x_y_w = [1, 2, 103, 0, 64], [3, 1, 5, 2, 0], data(np.float32, "mse")

    def prepared():
        stacks = [make(kind, np.float32, l2=0.1) for _ in rows]
        states = [np.random.RandomState(i) for i in range(5)]
        return stacks, [DenseOptimizer("adam", stack.params, lr=0.01) for stack in stacks], states, \
            [np.arange(n) for n in rows]
    x, y, w = x_y_w
    expected = []
    stacks, optimizers, states, orders = prepared()
    for stack, optimizer, state, order, number in zip(stacks, optimizers, states, orders, numbers):
        expected.append([])
        for _ in range(number):
            state.shuffle(order)
            expected[-1].append(stack.epoch(optimizer, x, y, order, 32, w))
    together, optimizers, again, same = prepared()
    results = train_side_by_side(together, optimizers, [x] * 5, [y] * 5, same, [32] * 5, [w] * 5, numbers=numbers,
                                 shuffles=again)
    assert repr(results) == repr(expected)
    for stack, other, order, shuffled, state, used in zip(stacks, together, orders, same, states, again):
        assert all(a.tobytes() == b.tobytes() for a, b in zip(stack.params, other.params))
        assert np.array_equal(order, shuffled) and state.randint(2 ** 31) == used.randint(2 ** 31)


def test_bad_epochs_side_by_side():
    stacks = [make(DenseStack, np.float32) for _ in range(2)]
    optimizers = [DenseOptimizer("sgd", stack.params) for stack in stacks]
    x, y, _ = data(np.float32, "mse")
    state, fixed = np.random.RandomState(0), np.arange(ROWS)
    fixed.flags.writeable = False
    for error, message, settings in [
            (ValueError, "each RandomState once", {"shuffles": [state, state]}),
            (AttributeError, "int.*_bit_generator", {"shuffles": [1, None]}),
            (ValueError, "an order that can be shuffled", {"shuffles": [None, state]}),
            (TypeError, "number of epochs that is not negative", {"numbers": [1, -1]}),
            (ShapeError, "2 numbers.* got 3", {"numbers": [1] * 3}),
            (ShapeError, "2 results.* got 0", {"results": []})]:
        with pytest.raises(error, match=message):
            train_side_by_side(stacks, optimizers, [x] * 2, [y] * 2, [np.arange(ROWS), fixed], [32] * 2, **settings)


def test_without_memory():
    from fastnn.kernels import _core
    stack = make(DenseStack, np.float32)
    optimizer = DenseOptimizer("sgd", stack.params)
    x, y, _ = data(np.float32, "mse")
    stack.epoch(optimizer, x, y)
    _core.set_guard(True)
    try:
        _core.fail_after(0)
        with pytest.raises(MemoryError, match="dense: no memory"):
            stack.epoch(optimizer, x, y)
        _core.fail_after(-1)
        assert np.isfinite(stack.epoch(optimizer, x, y)[0]) and _core.guard_damage() == 0
    finally:
        _core.fail_after(-1)
        _core.set_guard(False)


def test_one_epoch_at_a_time():
    """A trainer's buffers are one epoch's; another one at the same time is refused, not let in."""
    stack = make(DenseStack, np.float32)
    optimizer = DenseOptimizer("sgd", stack.params, lr=1e-6)
    x, y, _ = data(np.float32, "mse")
    stack.epoch(optimizer, x, y)
    trainer, errors = stack._compiled_trainer(optimizer), []

    def work():
        try:
            for _ in range(50):
                trainer.epoch(x, y, np.zeros(20_000, np.int64), 8, lr=1e-6)
        except RuntimeError as error:
            errors.append(str(error))
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(errors) <= {"dense: an epoch of this trainer is running"}
    assert np.isfinite(trainer.epoch(x, y, lr=1e-6)[0])


def test_trainers_that_were_not_made():
    from fastnn.kernels.dense import DenseTrainer, epochs
    x, y = np.ones((4, 2), np.float32), np.ones((4, 3), np.float32)
    with pytest.raises(TypeError, match="DenseTrainer"):
        epochs([(None, x, y, None, 2, None, 0.1, 1, None, [])])
    trainer = DenseTrainer.__new__(DenseTrainer)
    weights = [np.ones((2, 3), np.float32), np.ones((3, 3), np.float32)]
    for _ in range(2):
        with pytest.raises((ValueError, RuntimeError)):
            trainer.__init__(weights, [None, None], ["relu", "relu"], "mse", "adam", [[], []], [])
    with pytest.raises(RuntimeError, match="making"):
        trainer.epoch(x, y)
