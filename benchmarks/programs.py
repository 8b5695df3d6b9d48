"""Programs that are timed as a whole: training steps of the networks fastnn is made for, and single small calls.

Each is written once, for fastnn and PyTorch alike, whose names are the same.
"""
import numpy as np

NUMPY_DTYPE = {"float32": np.float32, "float64": np.float64}


class Program:
    """One case: build(T, dtype, fused) returns the step to time; T is fastnn or torch, whose names are the same.

    A step of `repeat` calls is timed where one is too short for a clock; results are seconds of one.
    """

    def __init__(self, name, build, flops=0, optimizer=False, repeat=1):
        self.name, self.build, self.flops, self.optimizer, self.repeat = name, build, flops, optimizer, repeat


def data(T, dtype, *shape, seed=0):
    return T.from_numpy(np.random.default_rng(seed).random(shape).astype(NUMPY_DTYPE[dtype]))


def labels(T, n, classes):
    return T.from_numpy(np.random.default_rng(1).integers(0, classes, n))


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


def layers(T, sizes, activation, last=None):
    modules = []
    for i, (a, b) in enumerate(zip(sizes, sizes[1:], strict=False)):
        modules.append(T.nn.Linear(a, b))
        if i < len(sizes) - 2:
            modules.append(activation())
    return T.nn.Sequential(*modules, *([last()] if last else []))


def autoencoder(T, dtype, fused):
    model = made(T, layers(T, (784, 128, 64, 32, 64, 128, 784), T.nn.ReLU, T.nn.Sigmoid), dtype)
    x = data(T, dtype, 64, 784)
    return training_step(model, T.nn.MSELoss(), T.optim.Adam(model.parameters(), lr=1e-3, **fused), x, x)


def classifier(T, dtype, fused):
    model = made(T, layers(T, (784, 64, 10), T.nn.ReLU), dtype)
    return training_step(model, T.nn.CrossEntropyLoss(), T.optim.Adam(model.parameters(), lr=1e-3, **fused),
                         data(T, dtype, 32, 784), labels(T, 32, 10))


def xor(T, dtype, fused):
    model = made(T, layers(T, (2, 3, 1), T.nn.Tanh, T.nn.Sigmoid), dtype)
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], NUMPY_DTYPE[dtype])
    target = np.array([[0], [1], [1], [0]], NUMPY_DTYPE[dtype])
    return training_step(model, T.nn.MSELoss(), T.optim.SGD(model.parameters(), lr=0.1, **fused),
                         T.from_numpy(x), T.from_numpy(target))


def no_grad(T, call):
    def run():
        with T.no_grad():
            return call()
    return run


def dense_forward(T, dtype, fused):
    model = made(T, T.nn.Sequential(T.nn.Linear(784, 128), T.nn.ReLU()), dtype)
    x = data(T, dtype, 64, 784)
    return no_grad(T, lambda: model(x))


def predict_row(T, dtype, fused):
    model = made(T, layers(T, (784, 128, 10), T.nn.ReLU), dtype)
    x = data(T, dtype, 1, 784)
    return no_grad(T, lambda: model(x))


def matmul(n):
    def build(T, dtype, fused):
        a, b = data(T, dtype, n, n), data(T, dtype, n, n, seed=1)
        return no_grad(T, lambda: a @ b)
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


# ---- images ----

def cnn(T, dtype, fused):
    nn = T.nn
    model = made(T, nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1600, 64), nn.ReLU(), nn.Linear(64, 10)), dtype)
    return training_step(model, nn.CrossEntropyLoss(), T.optim.Adam(model.parameters(), **fused),
                         data(T, dtype, 32, 1, 28, 28), labels(T, 32, 10))


# ---- sequences ----

def recurrent(kind, length, width):
    """Two layers of 64 units and a linear one on the last state, batch 32."""
    def build(T, dtype, fused):
        class Classifier(T.nn.Module):
            def __init__(self):
                super().__init__()
                self.recurrence = getattr(T.nn, kind)(width, 64, 2, batch_first=True)
                self.output = T.nn.Linear(64, 10)

            def forward(self, x):
                return self.output(self.recurrence(x)[0][:, -1])

        model = made(T, Classifier(), dtype)
        return training_step(model, T.nn.CrossEntropyLoss(), T.optim.Adam(model.parameters(), **fused),
                             data(T, dtype, 32, length, width), labels(T, 32, 10))
    return build


def recurrent_flops(gates, length, width):
    forward = [2 * 32 * length * gates * 64 * inputs for inputs in (width, 64, 64, 64)]
    return 3 * sum(forward) - forward[0]


def attention(T, dtype, fused):
    class Attention(T.nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = T.nn.MultiheadAttention(64, 4, batch_first=True)

        def forward(self, x):
            return self.attention(x, x, x, need_weights=False)[0]

    model = made(T, Attention(), dtype)
    x = data(T, dtype, 32, 64, 64)
    return training_step(model, T.nn.MSELoss(), T.optim.Adam(model.parameters(), **fused), x, x)


def transformer_layer(T, dtype, fused):
    model = made(T, T.nn.TransformerEncoderLayer(128, 4, 512, batch_first=True), dtype)
    x = data(T, dtype, 16, 64, 128)
    return training_step(model, T.nn.MSELoss(), T.optim.Adam(model.parameters(), **fused), x, x)


def attention_flops(batch, length, width, hidden):
    """Projections (4 width^2), feed-forward layers, and the two products of all heads; the input needs no gradient."""
    rows = batch * length
    forward = 2 * rows * (4 * width ** 2 + 2 * width * hidden) + 2 * 2 * batch * length ** 2 * width
    return 3 * forward - 2 * rows * 3 * width ** 2


# ---- overhead ----

SMALL = 100  # calls in a step: the loop around them must not be what is timed


def small_add(grad):
    def build(T, dtype, fused):
        a, b = data(T, dtype, 2, 3).requires_grad_(grad), data(T, dtype, 2, 3, seed=1)

        def step():
            for _ in range(SMALL):
                a + b
        return step
    return build


def small_relu(grad):
    def build(T, dtype, fused):
        relu, a = T.relu, data(T, dtype, 2, 3).requires_grad_(grad)

        def step():
            for _ in range(SMALL):
                relu(a)
        return step
    return build


def small_linear(T, dtype, fused):
    x, w = data(T, dtype, 4, 8), data(T, dtype, 8, 8, seed=1)
    linear = T.nn.functional.linear

    def step():
        for _ in range(SMALL):
            linear(x, w)
    return step


def small_backward(T, dtype, fused):
    model = made(T, layers(T, (8, 8, 8, 1), T.nn.ReLU), dtype)
    loss = model(data(T, dtype, 4, 8)).sum()
    return lambda: loss.backward(retain_graph=True)


def loader(T, dtype, fused):
    utils = T.utils.data
    dataset = utils.TensorDataset(data(T, dtype, 60_000, 20), labels(T, 60_000, 10))
    batches = utils.DataLoader(dataset, batch_size=64, shuffle=True)

    def epoch():
        for _ in batches:
            pass
    return epoch


def sgd(T, parameters, fused):
    return T.optim.SGD(parameters, lr=1e-3, **fused)


AUTOENCODER = [shape for inputs, outputs in [(784, 128), (128, 64), (64, 32), (32, 64), (64, 128), (128, 784)]
               for shape in [(outputs, inputs), (outputs,)]]
PROGRAMS = [
    Program("autoencoder 784-128-64-32-64-128-784, batch 64, Adam", autoencoder, optimizer=True,
            flops=6 * 64 * 2 * (784 * 128 + 128 * 64 + 64 * 32) - 2 * 64 * 784 * 128),
    Program("MLP 784-64-10, batch 32, Adam", classifier, optimizer=True,
            flops=6 * 32 * (784 * 64 + 64 * 10) - 2 * 32 * 784 * 64),
    Program("XOR 2-3-1, 4 rows, SGD", xor, optimizer=True),
    Program("dense forward (64,784)x(784,128)+bias+ReLU", dense_forward, flops=2 * 64 * 784 * 128),
    Program("predict 784-128-10, one row", predict_row, flops=2 * (784 * 128 + 128 * 10)),
    Program("matmul 1024^3", matmul(1024), flops=2 * 1024 ** 3),
    Program("matmul 256^3", matmul(256), flops=2 * 256 ** 3),
    Program("Adam step, autoencoder's parameters", optimizer_step(adam, *AUTOENCODER), optimizer=True),
    Program("Adam step, 10 million parameters", optimizer_step(adam, (10_000_000,)), optimizer=True),
    Program("CNN 32-64-dense 64, batch 32, Adam", cnn, optimizer=True,
            flops=2 * 32 * (2 * 26 ** 2 * 32 * 9 + 3 * (11 ** 2 * 64 * 32 * 9 + 1600 * 64 + 640))),
    Program("LSTM(64) x 2 over (32, 28, 28), Adam", recurrent("LSTM", 28, 28), optimizer=True,
            flops=recurrent_flops(4, 28, 28)),
    Program("LSTM(64) x 2 over (32, 784, 1), Adam", recurrent("LSTM", 784, 1), optimizer=True,
            flops=recurrent_flops(4, 784, 1)),
    Program("GRU(64) x 2 over (32, 28, 28), Adam", recurrent("GRU", 28, 28), optimizer=True,
            flops=recurrent_flops(3, 28, 28)),
    Program("attention, 4 heads, (32, 64, 64), Adam", attention, optimizer=True,
            flops=attention_flops(32, 64, 64, 0)),
    Program("transformer layer 128/512, (16, 64, 128), Adam", transformer_layer, optimizer=True,
            flops=attention_flops(16, 64, 128, 512)),
    Program("overhead: a + b, (2, 3)", small_add(False), repeat=SMALL),
    Program("overhead: a + b, (2, 3), recorded", small_add(True), repeat=SMALL),
    Program("overhead: relu, (2, 3)", small_relu(False), repeat=SMALL),
    Program("overhead: relu, (2, 3), recorded", small_relu(True), repeat=SMALL),
    Program("overhead: F.linear, (4, 8) x (8, 8)", small_linear, repeat=SMALL),
    Program("overhead: backward of three layers", small_backward),
    Program("overhead: SGD step, 200 x 100 numbers", optimizer_step(sgd, *[(100,)] * 200), optimizer=True),
    Program("overhead: Adam step, 200 x 100 numbers", optimizer_step(adam, *[(100,)] * 200), optimizer=True),
    Program("overhead: DataLoader, 60,000 rows by 64", loader),
]
