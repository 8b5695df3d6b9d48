"""Times fits, predictions and searches of the scikit-learn door and of scikit-learn's own networks.

All run in this process, in turns; a search with processes runs in joblib's, which stay warm. `target` is the most that
the door's share of the other's time should be.
"""
import argparse
import re
import statistics
import time
import warnings

from common import cores, duration, machine, save

import joblib
import numpy as np
import sklearn.neural_network as original
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import GridSearchCV

import fastnn
from fastnn import kernels
from fastnn.sklearn import MLPClassifier, MLPEnsemble

GRID = {"alpha": [1e-5, 1e-3, 1e-1], "hidden_layer_sizes": [(32,), (64,)], "learning_rate_init": [1e-3, 1e-2]}
MEMBERS = 32


def digits(dtype):
    x, y = load_digits(return_X_y=True)
    return (x / 16).astype(dtype), y


def many_digits(dtype, rows):
    """As large as MNIST: random images, whose classes a random linear map says."""
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(rows, 784)).astype(dtype)
    return x, (x @ rng.normal(size=(784, 10)).astype(dtype)).argmax(1)


def fits(data, layers, epochs):
    return {name: lambda kind=kind: kind(layers, batch_size=200, max_iter=epochs, random_state=0).fit(*data)
            for name, kind in (("fastnn", MLPClassifier), ("scikit-learn", original.MLPClassifier))}


def predictions(data, method):
    x, y = data
    models = [kind((100,), max_iter=2, random_state=0).fit(x, y) for kind in (MLPClassifier, original.MLPClassifier)]
    calls = [lambda model=model: [getattr(model, method)(x[:1]) for _ in range(200)] for model in models]
    return dict(zip(("fastnn", "scikit-learn"), calls))


def searches(data, kind, jobs, backend):
    def search():
        with joblib.parallel_backend(backend):
            return GridSearchCV(kind(max_iter=20, random_state=0), GRID, cv=5, n_jobs=jobs).fit(*data)
    return search


def cases(dtype, quick):
    small = digits(dtype)
    x, y = load_breast_cancer(return_X_y=True)
    cancer = ((x - x.mean(0)) / x.std(0)).astype(dtype), y
    network = MLPClassifier((64,), max_iter=50, random_state=0)
    seeds = np.random.RandomState(0).randint(np.iinfo(np.int32).max, size=MEMBERS).tolist()
    yield "fit 64-100-10, digits, batch 200, 50 epochs", 1 / 6, lambda: fits(small, (100,), 50)
    yield "fit 784-64-10, 60000 rows, batch 200, 1 epoch", 1 / 3, \
        lambda: fits(many_digits(dtype, 6000 if quick else 60000), (64,), 1)
    yield "predict one row 64-100-10, 200 times", 1 / 4, lambda: predictions(small, "predict")
    yield "predict_proba one row 64-100-10, 200 times", 1 / 4, lambda: predictions(small, "predict_proba")
    for backend in ("loky", "threading"):
        yield f"grid search, 12 settings, 5 folds, n_jobs=2, {backend}", 1 / 4, lambda backend=backend: {
            "fastnn": searches(small, MLPClassifier, 2, backend),
            "scikit-learn": searches(small, original.MLPClassifier, 2, backend)}
        yield f"grid search, n_jobs=2 and n_jobs=1, {backend}", 1 / 1.7, lambda backend=backend: {
            "fastnn": searches(small, MLPClassifier, 2, backend),
            "n_jobs=1": searches(small, MLPClassifier, 1, backend)}
    yield f"ensemble of {MEMBERS} networks 30-64-1, and their fits", 1 / 3, lambda: {
        "fastnn": lambda: MLPEnsemble(network, MEMBERS, random_state=0).fit(*cancer),
        "one by one": lambda: [MLPClassifier((64,), max_iter=50, random_state=seed).fit(*cancer) for seed in seeds]}
    yield f"ensemble of {MEMBERS} networks 30-64-1, and scikit-learn's", 1 / 3, lambda: {
        "fastnn": lambda: MLPEnsemble(network, MEMBERS, random_state=0).fit(*cancer),
        "scikit-learn": lambda: [original.MLPClassifier((64,), max_iter=50, random_state=seed).fit(*cancer)
                                 for seed in seeds]}


def in_turns(contenders, rounds):
    """{name: [seconds, ...]}, of wall-clock time, and the same of this process' processor time."""
    wall, cpu = ({name: [] for name in contenders} for _ in range(2))
    for call in contenders.values():
        call()
    for _ in range(rounds):
        for name, call in contenders.items():
            begun = time.perf_counter(), time.process_time()
            call()
            wall[name].append(time.perf_counter() - begun[0])
            cpu[name].append(time.process_time() - begun[1])
    return wall, cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--filter", default="", metavar="PATTERN", help="only cases whose name matches this pattern")
    parser.add_argument("--dtype", choices=["float32", "float64", "both"], default="both")
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and rows")
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    fastnn.set_num_threads(args.threads)
    results = []
    print(f"{'':62} {'fastnn':>9} {'other':>9}  {'share':>6} {'target':>6}  share of processor time")
    for dtype in ("float32", "float64") if args.dtype == "both" else (args.dtype,):
        for name, target, make in cases(dtype, args.quick):
            if not re.search(args.filter, name):
                continue
            wall, cpu = in_turns(make(), 2 if args.quick else args.rounds)
            own, other = (statistics.median(times) for times in wall.values())
            share = statistics.median(a / b for a, b in zip(*wall.values()))
            used = statistics.median(a / b for a, b in zip(*cpu.values()))
            label = f"{name}, {dtype}"
            print(f"{label:62.62} {duration(own)} {duration(other)}  {share:6.3f} {target:6.3f}  {used:6.3f}",
                  flush=True)
            results.append({"name": label, "wall": wall, "cpu": cpu, "share": share, "target": target})
    save("sklearn", args.json, {"machine": machine(kernels.get_isa(), args.threads), "results": results})


if __name__ == "__main__":
    main()
