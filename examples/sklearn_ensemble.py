"""How sure is a network? Many of them, trained side by side, disagree where the data say nothing.

Each of the networks sees other rows (drawn with replacement) and starts from other weights. Where there are points, all
have learned the same curve; between and beside them each has its own opinion, and the spread grows.

    python examples/sklearn_ensemble.py
"""
import argparse
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from fastnn.sklearn import MLPEnsemble, MLPRegressor


def points(rows, seed):
    """Noisy points of a sine, with a gap in the middle."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.uniform(-3, -1, rows // 2), rng.uniform(1, 3, rows - rows // 2)])
    return x[:, None], np.sin(2 * x) + rng.normal(scale=0.1, size=rows)


def fit(x, y, members=32, epochs=200, seed=0):
    """An ensemble that has learned the points."""
    network = MLPRegressor(hidden_layer_sizes=(32, 32), activation="tanh", learning_rate_init=0.01, batch_size=50,
                           max_iter=epochs, tol=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is the plan
        return MLPEnsemble(network, members, samples="bootstrap", random_state=seed).fit(x, y)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--members", type=int, default=32, help="networks (default 32)")
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--rows", type=int, default=200, help="points to learn from (default 200)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    x, y = points(args.rows, args.seed)
    ensemble = fit(x, y, args.members, args.epochs, args.seed)
    places = np.linspace(-4, 4, 17)
    mean, spread = ensemble.predict(places[:, None], return_std=True)
    print("    x   mean  spread")
    for place, middle, width in zip(places, mean, spread):
        print(f"{place:5.1f}  {middle:5.2f}  {width:5.2f}  {'#' * round(40 * min(1.5, width))}")
    near = (np.abs(places) >= 1) & (np.abs(places) <= 3)
    print(f"spread where there are points: {spread[near].mean():.2f}; elsewhere: {spread[~near].mean():.2f}")
    return spread[near].mean(), spread[~near].mean()


if __name__ == "__main__":
    main()
