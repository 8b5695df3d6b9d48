"""XOR with a 2-3-1 sigmoid network: the smallest problem that needs a hidden layer.

Mean squared error and gradient descent with momentum over the four rows. Not every start leads out: with three hidden
neurons some initial weights end in a local minimum, so a run that got stuck is started again from the next seed.
"""
import argparse

import fastnn
from fastnn import nn, optim

INPUTS = fastnn.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
TARGETS = fastnn.tensor([[0.0], [1.0], [1.0], [0.0]])


def train(seed, epochs, rate):
    """A trained network and its losses; stops early when the loss is below 0.001."""
    fastnn.manual_seed(seed)
    model = nn.Sequential(nn.Linear(2, 3), nn.Sigmoid(), nn.Linear(3, 1), nn.Sigmoid())
    criterion, optimizer = nn.MSELoss(), optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    losses = []
    for _ in range(epochs):
        loss = criterion(model(INPUTS), TARGETS)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if losses[-1] < 0.001:
            break
    return model, losses


def right(model):
    """How many of the four rows come out on the right side of 0.5."""
    with fastnn.no_grad():
        return ((model(INPUTS) > 0.5) == (TARGETS > 0.5)).sum().item()


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=5000)
    parser.add_argument("--rate", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--starts", type=int, default=5, help="how many seeds to try at most")
    args = parser.parse_args(argv)

    for seed in range(args.seed, args.seed + args.starts):
        model, losses = train(seed, args.epochs, args.rate)
        print(f"seed {seed}: loss {losses[0]:.4f} to {losses[-1]:.4f} ({len(losses)} steps), {right(model)} of 4 right")
        if right(model) == 4:
            break
    with fastnn.no_grad():
        for row, wanted, output in zip(INPUTS.tolist(), TARGETS, model(INPUTS), strict=True):
            print(f"{row[0]:.0f} xor {row[1]:.0f} = {wanted.item():.0f}   network: {output.item():.3f}")
    return model, losses


if __name__ == "__main__":
    main()
