"""Self-attention reads digits: the rows of an image are a sequence, and every row looks at all others.

A row of pixels becomes a vector, a learned position is added, four heads of self-attention mix the rows, and their mean
says which digit it is. With `--layers` encoder layers of a transformer stand in place of the one attention layer. In
the end the program prints how much each row of some digits is looked at.
"""
import argparse
import math

import fastnn
from fastnn import nn, optim
from fastnn.training import fit, gradient_step
from fastnn.utils.data import DataLoader, TensorDataset
from fastnn.vision.digits import load_digits


class RowAttention(nn.Module):
    """(batch, rows * columns) -> scores of 10 digits."""

    def __init__(self, rows, columns, width=64, heads=4, layers=0):
        super().__init__()
        self.rows, self.columns = rows, columns
        self.embed = nn.Linear(columns, width)
        self.position = nn.Parameter(0.1 * fastnn.randn(rows, width))
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.encoder = None
        if layers:
            layer = nn.TransformerEncoderLayer(width, heads, 2 * width, dropout=0.1, batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, layers)
        self.out = nn.Linear(width, 10)

    def tokens(self, x):
        return self.embed(x.reshape(-1, self.rows, self.columns)) + self.position

    def forward(self, x):
        x = self.tokens(x)
        if self.encoder is not None:
            x = self.encoder(x)
        else:
            x = self.norm(x + self.attention(x, x, x, need_weights=False)[0])
        return self.out(x.mean(1))

    def looked_at(self, x):
        """How much all rows together look at each row, 1 on average: (batch, rows)."""
        with fastnn.no_grad():
            x = self.tokens(x)
            return self.attention(x, x, x)[1].sum(1)


def accuracy(model, images, labels):
    """Share of digits recognised."""
    model.eval()
    with fastnn.no_grad():
        right = (model(images).argmax(1) == labels).sum().item()
    model.train()
    return right / len(labels)


def train(model, images, labels, epochs, batch_size=32):
    """Adam on the cross-entropy; returns the mean loss of every epoch."""
    loader = DataLoader(TensorDataset(images, labels), batch_size=batch_size, shuffle=True)
    criterion, optimizer = nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=3e-3)
    step = gradient_step(lambda batch: criterion(model(batch[0]), batch[1]), optimizer)
    return fit(step, loader, epochs).history["loss"]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--layers", type=int, default=0, help="encoder layers instead of one attention layer")
    parser.add_argument("--root", help="folder that holds MNIST/raw (default: FASTNN_DATA, else scikit-learn's digits)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    digits = load_digits(args.root, args.seed)
    images, labels = fastnn.from_numpy(digits.images), fastnn.tensor(digits.labels, dtype=fastnn.int64)
    side = math.isqrt(images.shape[1])
    fastnn.manual_seed(args.seed)
    model = RowAttention(side, side, layers=args.layers)
    history = train(model, images[:digits.known], labels[:digits.known], args.epochs)
    score = accuracy(model, images[digits.known:], labels[digits.known:])
    print(f"{digits.source}: loss {history[0]:.3f} in the first epoch, {history[-1]:.3f} in the last; "
          f"{score:.1%} of the held-out digits right")
    if not args.layers:
        for label, row in zip(labels[:3].tolist(), model.looked_at(images[:3]).tolist()):
            print(f"rows of a {label} are looked at: " + " ".join(f"{value:.1f}" for value in row))
    return history, score


if __name__ == "__main__":
    main()
