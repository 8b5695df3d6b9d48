"""Rosenblatt's perceptron: one neuron with a step activation, and what it can and cannot learn.

    y = step(w.x + b)          w += rate (target - y) x,   b += rate (target - y)

The rule changes the weights only where the neuron is wrong. It reaches 100 % on every linearly separable set after a
finite number of corrections, and never on XOR, which no straight line separates.
"""
import argparse

import fastnn
from fastnn import nn


class Perceptron(nn.Module):
    """One output, 1 where the weighted sum is positive, else 0; learns without gradients, by Rosenblatt's rule."""

    def __init__(self, inputs):
        super().__init__()
        self.linear, self.step = nn.Linear(inputs, 1), nn.Step()
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x):
        return self.step(self.linear(x)).squeeze(1)

    @fastnn.no_grad()
    def fit(self, x, target, epochs=100, rate=1.0):
        """Go through the rows until none is wrong or `epochs` are over; returns the number of passes made."""
        weight, bias = self.linear.weight, self.linear.bias
        for epoch in range(1, epochs + 1):
            corrections = 0
            for row, wanted in zip(x, target, strict=True):
                error = (wanted - self(row.unsqueeze(0))).item()
                if error:
                    weight += rate * error * row
                    bias += rate * error
                    corrections += 1
            if not corrections:
                return epoch
        return epochs

    @fastnn.no_grad()
    def accuracy(self, x, target):
        return (self(x) == target).float().mean().item()


def separable(rows, seed=0, margin=0.1):
    """Points of the square [-1, 1]^2 on the two sides of a random line, none closer to it than `margin`."""
    fastnn.manual_seed(seed)
    angle = 6.283185307 * fastnn.rand(1)
    normal = fastnn.cat([angle.cos(), angle.sin()])
    points = 2 * fastnn.rand(4 * rows + 16, 2) - 1
    distance = points @ normal - 0.2
    keep = distance.abs() > margin
    return points[keep][:rows], (distance[keep][:rows] > 0).float()


CORNERS = fastnn.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
GATES = {"and": [0.0, 0.0, 0.0, 1.0], "or": [0.0, 1.0, 1.0, 1.0], "xor": [0.0, 1.0, 1.0, 0.0]}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200, help="size of the separable set")
    parser.add_argument("--epochs", type=int, default=1000, help="most passes over the data")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    cases = {f"{args.rows} separable points": separable(args.rows, args.seed)}
    cases.update({name: (CORNERS, fastnn.tensor(target)) for name, target in GATES.items()})
    scores = {}
    for name, (x, target) in cases.items():
        perceptron = Perceptron(2)
        passes = perceptron.fit(x, target, args.epochs)
        scores[name] = perceptron.accuracy(x, target)
        print(f"{name:>22}: {scores[name]:6.1%} correct, {passes} passes")
    return scores


if __name__ == "__main__":
    main()
