"""An LSTM reads a digit row by row, or pixel by pixel, and says which one it is.

Each row of pixels is one step; after the last one the state of the second layer goes through a linear layer. With
--pixels a step is one pixel, so the first must be remembered for hundreds of steps: the gates start so that each unit
keeps what it sees for a time of its own, between one step and all of them (Tallec and Ollivier, "Can recurrent neural
networks warp time?", 2018), and the gradient's norm is limited. Digits are MNIST's if FASTNN_DATA holds them, else
scikit-learn's of 8 x 8 pixels.
"""
import argparse
import time

import fastnn
from fastnn import nn, optim
from fastnn.training import LambdaCallback, fit, gradient_step
from fastnn.utils.data import DataLoader, TensorDataset
from fastnn.vision.digits import load_digits


class Reader(nn.Module):
    """(batch, steps, numbers) -> scores of ten classes."""

    def __init__(self, numbers, hidden=64, layers=2, horizon=None):
        super().__init__()
        self.lstm = nn.LSTM(numbers, hidden, layers, batch_first=True)
        self.output = nn.Linear(hidden, 10)
        if horizon:
            with fastnn.no_grad():  # gates stand in the order i, f, g, o
                for layer in range(layers):
                    bias = getattr(self.lstm, f"bias_ih_l{layer}")
                    bias[hidden:2 * hidden] = fastnn.empty(hidden).uniform_(1, horizon - 1).log()
                    bias[:hidden] = -bias[hidden:2 * hidden]

    def forward(self, x):
        return self.output(self.lstm(x)[0][:, -1])


def accuracy(model, images, labels):
    """The share of digits that the model gets right."""
    model.eval()
    right = 0
    with fastnn.no_grad():
        for start in range(0, len(images), 500):
            right += (model(images[start:start + 500]).argmax(1) == labels[start:start + 500]).sum().item()
    model.train()
    return right / len(images)


def train(model, loader, epochs, lr, clip=1.0, report=print):
    """Adam with a rate that falls to 0 along a cosine; returns the mean loss of every epoch."""
    criterion, optimizer = nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=lr)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(loader))
    step = gradient_step(lambda batch: criterion(model(batch[0]), batch[1]), optimizer, schedule=schedule,
                         before=lambda: nn.utils.clip_grad_norm_(model.parameters(), clip))
    start = time.perf_counter()
    tell = LambdaCallback(on_epoch_end=lambda epoch, logs: report(
        f"epoch {epoch + 1}: loss {logs['loss']:.4f}, {time.perf_counter() - start:.1f} s"))
    return fit(step, loader, epochs, callbacks=tell).history["loss"]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pixels", action="store_true", help="one pixel a step instead of one row")
    parser.add_argument("--epochs", type=int, help="passes over the data (default: what suits the data)")
    parser.add_argument("--root", help="folder that holds MNIST/raw (default: FASTNN_DATA, else scikit-learn's digits)")
    parser.add_argument("--count", type=int, help="train on so many digits only")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    fastnn.manual_seed(args.seed)
    digits = load_digits(args.root, args.seed)
    side = round(digits.images.shape[1] ** 0.5)
    shape = (side * side, 1) if args.pixels else (side, side)
    images = fastnn.from_numpy(digits.images).reshape(-1, *shape)
    labels = fastnn.from_numpy(digits.labels)
    known = slice(min(digits.known, args.count or digits.known))
    large = digits.source == "MNIST"
    epochs = args.epochs or (6 if large else 40)
    loader = DataLoader(TensorDataset(images[known], labels[known]), batch_size=64 if large else 32, shuffle=True)
    model = Reader(images.shape[2], horizon=images.shape[1] if args.pixels else None)
    history = train(model, loader, epochs, lr=2e-3 if args.pixels else 3e-3)
    score = accuracy(model, images[digits.known:], labels[digits.known:])
    print(f"{digits.source}, {images.shape[1]} steps of {images.shape[2]}: {score:.2%} of the held-out digits right")
    return history, score


if __name__ == "__main__":
    main()
