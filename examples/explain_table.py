"""Which columns of a table does a network decide by?

A dense network tells three kinds of wine apart by scikit-learn's 13 measurements of each, beside which stand three
columns of noise. Shuffling a column shows how much the accuracy needs it (permutation importance); Shapley values
share out a single decision among the columns. Both must give the noise little.
"""
import argparse

import numpy as np

import fastnn
from fastnn import explain, nn, optim
from fastnn.training import ArrayBatches, CallbackList, train

NOISE = 3


def wines(seed):
    """Standardised measurements and noise, kinds, names of the columns."""
    from sklearn.datasets import load_wine
    data, rng = load_wine(), np.random.default_rng(seed)
    x = (data.data - data.data.mean(0)) / data.data.std(0)
    x = np.hstack([x, rng.standard_normal((len(x), NOISE))]).astype(np.float32)
    order = rng.permutation(len(x))
    return x[order], data.target[order].astype(np.int64), [*data.feature_names, *(f"noise {i}" for i in range(NOISE))]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--orders", type=int, default=25, help="orders of columns for Shapley values")
    parser.add_argument("--out", default="columns.png")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    x, y, names = wines(args.seed)
    fastnn.manual_seed(args.seed)
    model = nn.Sequential(nn.Linear(x.shape[1], 32), nn.ReLU(), nn.Linear(32, 3))
    criterion, optimizer = nn.CrossEntropyLoss(), optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.1)

    def step(batch):
        loss = criterion(model(batch[0]), batch[1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    train(model, step, ArrayBatches([x[:120], y[:120]], 20, shuffle=True), CallbackList(), lambda logs: {},
          epochs=args.epochs)
    model.eval()
    x, y = fastnn.from_numpy(x), fastnn.from_numpy(y)
    score = lambda x, y: (model(x).argmax(1) == y).float().mean()
    with fastnn.no_grad():
        print(f"{score(x[120:], y[120:]).item():.1%} of the held-out wines right")
    falls, _ = explain.permutation_importance(score, x, y, n_repeats=10)
    shares = explain.ShapleyValueSampling(model).attribute(x[120:], target=y[120:], n_samples=args.orders)
    sizes = shares.abs().mean(0)
    for i in sizes.argsort(descending=True).tolist():
        print(f"{names[i]:30} accuracy falls by {falls[i].item():6.1%}   Shapley value of {sizes[i].item():.2f}")
    from matplotlib.figure import Figure
    figure = Figure(figsize=(7, 5), layout="constrained")
    explain.bars(sizes, names, ax=figure.add_subplot())
    figure.savefig(args.out, dpi=120)
    print(f"saved {args.out}")
    return {"falls": falls, "shapley": sizes}


if __name__ == "__main__":
    main()
