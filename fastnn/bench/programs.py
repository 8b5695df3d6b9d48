"""Programs that are timed as a whole: operations, training steps and predictions of the networks fastnn is made for.

Each is written once, for fastnn and PyTorch alike, whose names are the same: ``build(T, dtype, fused)`` gives the call
to time; T is the library, `fused` keyword arguments for its optimizer.
"""
import numpy as np

NUMPY_DTYPE = {"float32": np.float32, "float64": np.float64}
CODES = (784, 128, 64, 32, 64, 128, 784)  # units of the autoencoder
AUTOENCODER = [shape for inputs, outputs in zip(CODES, CODES[1:]) for shape in [(outputs, inputs), (outputs,)]]


class Program:
    """One case: build(T, dtype, fused) returns the step to time; T is fastnn or torch, whose names are the same.

    A step of `repeat` calls is timed where one is too short for a clock; results are seconds of one.
    """

    def __init__(self, name, build, flops=0, optimizer=False, repeat=1):
        self.name, self.build, self.flops, self.optimizer, self.repeat = name, build, flops, optimizer, repeat


def random(dtype, *shape, seed=0):
    return np.random.default_rng(seed).random(shape).astype(NUMPY_DTYPE[dtype])


def classes(n, of, seed=1):
    return np.random.default_rng(seed).integers(0, of, n)


def data(T, dtype, *shape, seed=0):
    return T.from_numpy(random(dtype, *shape, seed=seed))


def labels(T, n, of):
    return T.from_numpy(classes(n, of))


def made(T, module, dtype):
    """The module with parameters of `dtype`."""
    return module.double() if dtype == "float64" else module


def training_step(model, loss, optimizer, x, target):
    def step():
        optimizer.zero_grad()
        value = loss(model(x), target)
        value.backward()
        optimizer.step()
        return value
    return step


def no_grad(T, call):
    def run():
        with T.no_grad():
            return call()
    return run


# ---- operations ----

def operation(function, *shapes):
    """``function(T, *tensors of these shapes)`` without gradients."""
    def build(T, dtype, fused):
        tensors = [data(T, dtype, *shape, seed=seed) for seed, shape in enumerate(shapes)]
        return no_grad(T, lambda: function(T, *tensors))
    return build


def matmul(n):
    return operation(lambda T, a, b: a @ b, (n, n), (n, n))


def dense_forward(batch):
    def build(T, dtype, fused):
        model = made(T, T.nn.Sequential(T.nn.Linear(784, 128), T.nn.ReLU()), dtype)
        x = data(T, dtype, batch, 784)
        return no_grad(T, lambda: model(x))
    return build


def optimizer_step(build_optimizer, *shapes):
    """One step with gradients that stay."""
    def build(T, dtype, fused):
        parameters = [T.nn.Parameter(data(T, dtype, *shape)) for shape in shapes]
        for parameter in parameters:
            parameter.grad = data(T, dtype, *parameter.shape, seed=1)
        return build_optimizer(T, parameters, fused).step
    return build


def adam(T, parameters, fused):
    return T.optim.Adam(parameters, lr=1e-3, **fused)


def sgd(T, parameters, fused):
    return T.optim.SGD(parameters, lr=1e-3, **fused)


# ---- dense networks ----

def layers(T, sizes, activation, last=None):
    modules = []
    for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
        modules.append(T.nn.Linear(a, b))
        if i < len(sizes) - 2:
            modules.append(activation())
    return T.nn.Sequential(*modules, *([last()] if last else []))


def autoencoder_network(T):
    return layers(T, CODES, T.nn.ReLU, T.nn.Sigmoid)


def classifier_network(T):
    return layers(T, (784, 64, 10), T.nn.ReLU)


def autoencoder(batch):
    def build(T, dtype, fused):
        model = made(T, autoencoder_network(T), dtype)
        x = data(T, dtype, batch, 784)
        return training_step(model, T.nn.MSELoss(), adam(T, model.parameters(), fused), x, x)
    return build


def classifier(batch):
    def build(T, dtype, fused):
        model = made(T, classifier_network(T), dtype)
        return training_step(model, T.nn.CrossEntropyLoss(), adam(T, model.parameters(), fused),
                             data(T, dtype, batch, 784), labels(T, batch, 10))
    return build


def xor(T, dtype, fused):
    model = made(T, layers(T, (2, 3, 1), T.nn.Tanh, T.nn.Sigmoid), dtype)
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], NUMPY_DTYPE[dtype])
    target = np.array([[0], [1], [1], [0]], NUMPY_DTYPE[dtype])
    return training_step(model, T.nn.MSELoss(), T.optim.SGD(model.parameters(), lr=0.1, **fused),
                         T.from_numpy(x), T.from_numpy(target))


def prediction(network, *shape):
    """What ``network(T)`` makes of random numbers of this shape."""
    def build(T, dtype, fused):
        model, x = made(T, network(T), dtype).eval(), data(T, dtype, *shape)
        return no_grad(T, lambda: model(x))
    return build


def dense_network(T):
    return layers(T, (784, 128, 10), T.nn.ReLU)


def predict(batch):
    return prediction(dense_network, batch, 784)


# ---- images ----

def image_network(T):
    nn = T.nn
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1600, 64), nn.ReLU(), nn.Linear(64, 10))


def cnn(batch):
    def build(T, dtype, fused):
        model = made(T, image_network(T), dtype)
        return training_step(model, T.nn.CrossEntropyLoss(), adam(T, model.parameters(), fused),
                             data(T, dtype, batch, 1, 28, 28), labels(T, batch, 10))
    return build


# ---- sequences ----

def recurrent_network(T, kind, width):
    """Two layers of 64 units and a linear one on the last state."""
    class Classifier(T.nn.Module):
        def __init__(self):
            super().__init__()
            self.recurrence = getattr(T.nn, kind)(width, 64, 2, batch_first=True)
            self.output = T.nn.Linear(64, 10)

        def forward(self, x):
            return self.output(self.recurrence(x)[0][:, -1])
    return Classifier()


def recurrent(kind, length, width, batch=32):
    def build(T, dtype, fused):
        model = made(T, recurrent_network(T, kind, width), dtype)
        return training_step(model, T.nn.CrossEntropyLoss(), adam(T, model.parameters(), fused),
                             data(T, dtype, batch, length, width), labels(T, batch, 10))
    return build


def recurrent_flops(gates, length, width):
    forward = [2 * 32 * length * gates * 64 * inputs for inputs in (width, 64, 64, 64)]
    return 3 * sum(forward) - forward[0]


def attention(batch):
    def build(T, dtype, fused):
        class Attention(T.nn.Module):
            def __init__(self):
                super().__init__()
                self.attention = T.nn.MultiheadAttention(64, 4, batch_first=True)

            def forward(self, x):
                return self.attention(x, x, x, need_weights=False)[0]

        model = made(T, Attention(), dtype)
        x = data(T, dtype, batch, 64, 64)
        return training_step(model, T.nn.MSELoss(), adam(T, model.parameters(), fused), x, x)
    return build


def transformer_network(T, dropout=0.1):
    return T.nn.TransformerEncoderLayer(128, 4, 512, dropout, batch_first=True)


def transformer_layer(batch, dropout=0.1):
    def build(T, dtype, fused):
        model = made(T, transformer_network(T, dropout), dtype)
        x = data(T, dtype, batch, 64, 128)
        return training_step(model, T.nn.MSELoss(), adam(T, model.parameters(), fused), x, x)
    return build


def attention_flops(batch, length, width, hidden):
    """Projections (4 width^2), feed-forward layers, and the two products of all heads; the input needs no gradient."""
    rows = batch * length
    forward = 2 * rows * (4 * width ** 2 + 2 * width * hidden) + 2 * 2 * batch * length ** 2 * width
    return 3 * forward - 2 * rows * 3 * width ** 2
