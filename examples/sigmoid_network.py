"""A 10-5-1 sigmoid network learns a known one by plain gradient descent.

    a1 = sigmoid(x W1^T + b1)     a2 = sigmoid(a1 W2^T + b2)     loss = mean((a2 - y)^2)

A "teacher" of the same shape makes the targets, so that a loss near 0 exists. With d2 = 2 (a2 - y) a2 (1 - a2) / n the
gradients are dW2 = d2^T a1, d1 = (d2 W2) a1 (1 - a1), dW1 = d1^T x: `by_hand` writes them out in NumPy, and autograd
must give the same numbers.
"""
import argparse

import numpy as np

import fastnn
from fastnn import nn, optim


def network():
    return nn.Sequential(nn.Linear(10, 5), nn.Sigmoid(), nn.Linear(5, 1), nn.Sigmoid())


def problem(rows=100, seed=0):
    """Inputs, targets of a random teacher, and a student that starts elsewhere."""
    fastnn.manual_seed(seed)
    teacher, x = network(), fastnn.randn(rows, 10)
    with fastnn.no_grad():
        for parameter in teacher.parameters():
            parameter.copy_(fastnn.randn(*parameter.shape))
        target = teacher(x)
    return x, target, network()


def train(model, x, target, epochs, rate):
    """Gradient descent with all rows in each step; returns the loss before every step."""
    criterion, optimizer = nn.MSELoss(), optim.SGD(model.parameters(), lr=rate)
    losses = []
    for _ in range(epochs):
        loss = criterion(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def by_hand(model, x, target, epochs, rate):
    """The same in NumPy, from the model's weights, which stay as they are."""
    w1, b1, w2, b2 = (parameter.detach().numpy().copy() for parameter in model.parameters())
    x, target = x.numpy(), target.numpy()
    losses = []
    for _ in range(epochs):
        a1 = sigmoid(x @ w1.T + b1)
        a2 = sigmoid(a1 @ w2.T + b2)
        losses.append(float(np.mean((a2 - target) ** 2)))
        d2 = 2 * (a2 - target) * a2 * (1 - a2) / target.size
        d1 = d2 @ w2 * a1 * (1 - a1)
        w2 -= rate * d2.T @ a1
        b2 -= rate * d2.sum(axis=0)
        w1 -= rate * d1.T @ x
        b1 -= rate * d1.sum(axis=0)
    return losses


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    x, target, model = problem(seed=args.seed)
    expected = by_hand(model, x, target, args.epochs, args.rate)
    losses = train(model, x, target, args.epochs, args.rate)
    for epoch in range(0, args.epochs, max(1, args.epochs // 10)):
        print(f"epoch {epoch:5}: loss {losses[epoch]:.6f}, by hand {expected[epoch]:.6f}")
    print(f"     last  : loss {losses[-1]:.6f}, by hand {expected[-1]:.6f}")
    return losses, expected


if __name__ == "__main__":
    main()
