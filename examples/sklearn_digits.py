"""A search for the best classifier of handwritten digits, in scikit-learn's pipeline, on all cores.

The pipeline scales the pixels and hands them to `fastnn.sklearn.MLPClassifier`, which takes the place of scikit-learn's
class by one changed import. The grid holds what scikit-learn's networks have (layers, alpha) and what theirs lack
(dropout). Searches on threads are quick, because training does not hold Python's lock.

    python examples/sklearn_digits.py --jobs 2
"""
import argparse
import warnings

import joblib
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from fastnn.sklearn import MLPClassifier

GRID = {"network__hidden_layer_sizes": [(32,), (64,)], "network__alpha": [1e-4, 1e-2], "network__dropout": [0.0, 0.2]}


def search(x, y, grid=GRID, epochs=60, jobs=1, seed=0):
    """The fitted search over `grid`."""
    network = MLPClassifier(max_iter=epochs, learning_rate_init=5e-3, dtype="float32", random_state=seed)
    pipeline = Pipeline([("scale", MinMaxScaler()), ("network", network)])
    with joblib.parallel_backend("threading"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is part of the plan
        return GridSearchCV(pipeline, grid, cv=3, n_jobs=jobs).fit(x, y)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=60, help="most epochs of a fit (default 60)")
    parser.add_argument("--jobs", type=int, default=-1, help="fits at a time (default: one a core)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.25, stratify=y, random_state=args.seed)
    found = search(x_train, y_train, GRID, args.epochs, args.jobs, args.seed)
    for settings, mean in zip(found.cv_results_["params"], found.cv_results_["mean_test_score"]):
        print("  ".join(f"{name.removeprefix('network__')}={value}" for name, value in settings.items()),
              f" {mean:.1%}")
    accuracy = found.score(x_test, y_test)
    print(f"best on rows that the search has not seen: {accuracy:.1%}")
    return found, accuracy


if __name__ == "__main__":
    main()
