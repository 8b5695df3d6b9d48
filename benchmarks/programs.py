"""Programs that bench_train.py times as a whole: the networks of `fastnn.bench.programs`, and single small calls."""
from fastnn.bench.programs import (
    AUTOENCODER, Program, adam, attention, attention_flops, autoencoder, classifier, cnn, data, dense_forward, labels,
    layers, made, matmul, optimizer_step, predict, recurrent, recurrent_flops, sgd, transformer_layer, xor,
)

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


PROGRAMS = [
    Program("autoencoder 784-128-64-32-64-128-784, batch 64, Adam", autoencoder(64), optimizer=True,
            flops=6 * 64 * 2 * (784 * 128 + 128 * 64 + 64 * 32) - 2 * 64 * 784 * 128),
    Program("MLP 784-64-10, batch 32, Adam", classifier(32), optimizer=True,
            flops=6 * 32 * (784 * 64 + 64 * 10) - 2 * 32 * 784 * 64),
    Program("XOR 2-3-1, 4 rows, SGD", xor, optimizer=True),
    Program("dense forward (64,784)x(784,128)+bias+ReLU", dense_forward(64), flops=2 * 64 * 784 * 128),
    Program("predict 784-128-10, one row", predict(1), flops=2 * (784 * 128 + 128 * 10)),
    Program("matmul 1024^3", matmul(1024), flops=2 * 1024 ** 3),
    Program("matmul 256^3", matmul(256), flops=2 * 256 ** 3),
    Program("Adam step, autoencoder's parameters", optimizer_step(adam, *AUTOENCODER), optimizer=True),
    Program("Adam step, 10 million parameters", optimizer_step(adam, (10_000_000,)), optimizer=True),
    Program("CNN 32-64-dense 64, batch 32, Adam", cnn(32), optimizer=True,
            flops=2 * 32 * (2 * 26 ** 2 * 32 * 9 + 3 * (11 ** 2 * 64 * 32 * 9 + 1600 * 64 + 640))),
    Program("LSTM(64) x 2 over (32, 28, 28), Adam", recurrent("LSTM", 28, 28), optimizer=True,
            flops=recurrent_flops(4, 28, 28)),
    Program("LSTM(64) x 2 over (32, 784, 1), Adam", recurrent("LSTM", 784, 1), optimizer=True,
            flops=recurrent_flops(4, 784, 1)),
    Program("GRU(64) x 2 over (32, 28, 28), Adam", recurrent("GRU", 28, 28), optimizer=True,
            flops=recurrent_flops(3, 28, 28)),
    Program("attention, 4 heads, (32, 64, 64), Adam", attention(32), optimizer=True,
            flops=attention_flops(32, 64, 64, 0)),
    Program("transformer layer 128/512, (16, 64, 128), Adam", transformer_layer(16), optimizer=True,
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
