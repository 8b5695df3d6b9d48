"""``fastnn demo``: an autoencoder learns features of handwritten digits, and shows how good and how fast.

It trains on real digits (MNIST where it is at hand, else scikit-learn's), saves the features and two pictures, compares
the features with raw pixels, and times the same training step on the C kernels and on the NumPy reference.
``examples/autoencoder.py`` shows the training alone and takes the rest from here.
"""
import argparse
import importlib.util
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np

import fastnn
from fastnn import nn, optim
from fastnn.bench.peers import scope
from fastnn.bench.timing import is_spoilt, time_in_turns
from fastnn.training import Callback, fit, gradient_step, plot_history
from fastnn.utils.data import DataLoader, TensorDataset
from fastnn.vision.digits import Digits, load_digits  # noqa: F401

BATCH = 64
NEIGHBOURS = 5
EXTRAS = {"sklearn": "scikit-learn", "threadpoolctl": "threadpoolctl", "matplotlib": "matplotlib",
          "tqdm": "tqdm"}  # the package extra `demo`


class Autoencoder(nn.Module):
    """pixels-128-64-`code`-64-128-pixels with ReLU between the layers and tanh at the end; rows in, rows out."""

    def __init__(self, pixels=28 * 28, code=32):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(pixels, 128), nn.ReLU(),
            nn.Linear(128, 64), nn.ReLU(),
            nn.Linear(64, code), nn.ReLU())
        self.decoder = nn.Sequential(
            nn.Linear(code, 64), nn.ReLU(),
            nn.Linear(64, 128), nn.ReLU(),
            nn.Linear(128, pixels), nn.Tanh())

    def forward(self, x):
        return self.decoder(self.encoder(x))


def training_step(model):
    """A function that does one step of Adam on the reconstruction error of a batch and returns that loss."""
    criterion = nn.MSELoss()
    return gradient_step(lambda batch: criterion(model(batch), batch), optim.Adam(model.parameters(), lr=1e-3))


def apply(model, rows):
    """`model` over a NumPy array without gradients, a thousand rows at a time; a NumPy array."""
    with fastnn.no_grad():
        return np.concatenate([model(fastnn.from_numpy(rows[i:i + 1000])).numpy() for i in range(0, len(rows), 1000)])


def reconstruction_loss(model, rows):
    """Mean squared error between `rows` and what the model makes of them."""
    return float(np.mean((apply(model, rows) - rows) ** 2))


def unit_range(codes):
    """`codes` scaled to 0..1 by their least and greatest value (all 0 when they are equal)."""
    low, high = codes.min(), codes.max()
    return (codes - low) / (high - low) if high > low else np.zeros_like(codes)


def neighbour_score(features, labels, known):
    """Share of the rows from `known` on that their five nearest neighbours among the first `known` name rightly."""
    from sklearn.neighbors import KNeighborsClassifier
    classifier = KNeighborsClassifier(NEIGHBOURS, algorithm="brute").fit(features[:known], labels[:known])
    return float(classifier.score(features[known:], labels[known:]))


class Bar(Callback):
    """One bar for the whole training."""

    def on_train_begin(self, logs=None):
        from tqdm import tqdm
        self.bar = tqdm(total=self.params["epochs"] * self.params["steps"], unit=" steps", desc="Training",
                        dynamic_ncols=True)

    def on_epoch_end(self, epoch, logs=None):
        self.bar.set_postfix_str(f"epoch {epoch + 1}/{self.params['epochs']}, loss {logs['loss']:.4f}", refresh=False)
        self.bar.update(self.params["steps"])

    def on_train_end(self, logs=None):
        self.bar.close()


def train(model, digits, epochs):
    """Train with a progress bar; mean training loss and held-out loss of every epoch."""
    known, held_out = digits.images[:digits.known], digits.images[digits.known:]
    batches = DataLoader(TensorDataset(fastnn.from_numpy(known)), batch_size=BATCH, shuffle=True)
    step = training_step(model)
    history = fit(lambda batch: step(batch[0]), batches, epochs, callbacks=[Bar()],
                  validate=lambda: {"held_out": reconstruction_loss(model, held_out)}).history
    return np.array([history["loss"], history["held_out"]]).T


def compare_speed(images, **effort):
    """A training step on the C kernels and on the reference: what `time_in_turns` finds of "c" and "reference".

    The reference is timed with one thread of NumPy's BLAS and with as many as it takes by itself; the better counts.
    """
    batch = fastnn.from_numpy(np.ascontiguousarray(images[:BATCH]))
    scopes = {"c": partial(fastnn.use_backend, "c"), "all": partial(scope, "reference", None),
              "one": partial(scope, "reference", 1)}
    steps = {}
    for contender in scopes:
        fastnn.manual_seed(0)
        steps[contender] = partial(training_step(Autoencoder(images.shape[1])), batch)
    times = time_in_turns(steps, scopes, **effort or {"rounds": 15, "block": 0.02})
    return {"c": times["c"], "reference": min(times["all"], times["one"], key=lambda found: found["median"])}


def picture(path, originals, reconstructions, labels):
    """PNG of two held-out images of every digit, each above its reconstruction."""
    from matplotlib.figure import Figure
    side = round(originals.shape[1] ** 0.5)
    gap = max(1, side // 8)
    pitch, tops = side + gap, [gap * (line // 2) + (side + gap) * line for line in range(4)]
    mosaic = np.full((tops[-1] + side, 10 * pitch - gap), np.nan)
    for digit in range(10):
        for pair, row in enumerate(np.flatnonzero(labels == digit)[:2]):
            for top, images in zip(tops[2 * pair:], (originals, reconstructions), strict=False):
                mosaic[top:top + side, digit * pitch:digit * pitch + side] = images[row].reshape(side, side)
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    figure.suptitle("Held-out digits and what the autoencoder makes of them", fontsize=11)
    axes = figure.add_subplot()
    axes.imshow(mosaic, cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([top + side / 2 for top in tops], ["original", "reconstruction"] * 2)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.savefig(path, dpi=150)


def run(digits, epochs=None, out="out", seed=0):
    """Train, judge, time and save, printing what comes out; returns the same figures."""
    out = Path(out)
    rows, pixels = digits.images.shape
    held_out, held_out_labels = digits.images[digits.known:], digits.labels[digits.known:]
    fastnn.manual_seed(seed)
    model = Autoencoder(pixels)
    widths = [layer.in_features for layer in model.modules() if isinstance(layer, nn.Linear)]
    print(f"Data      {digits.source}: {rows:,} images of {digits.side} x {digits.side} pixels, "
          f"{len(held_out):,} of them held out")
    print(f"Network   {'-'.join(map(str, [*widths, pixels]))}, "
          f"{sum(parameter.numel() for parameter in model.parameters()):,} parameters", flush=True)

    start = time.perf_counter()
    history = train(model, digits, epochs or digits.epochs)
    seconds = time.perf_counter() - start
    print(f"Loss      {history[0, 0]:.4f} after the first epoch, {history[-1, 0]:.4f} after {len(history)} "
          f"(held out {history[-1, 1]:.4f}), in {seconds:.1f} s", flush=True)

    features = unit_range(apply(model.encoder, digits.images))
    scores = {"codes": neighbour_score(features, digits.labels, digits.known),
              "pixels": neighbour_score(digits.images, digits.labels, digits.known)}
    print(f"Features  {NEIGHBOURS} nearest neighbours name {scores['codes']:.1%} of the held-out digits by "
          f"{features.shape[1]} codes, {scores['pixels']:.1%} by {pixels} pixels", flush=True)

    speed = compare_speed(digits.images)
    print(f"Speed     a training step of {BATCH} images on the C kernels and on the NumPy reference, in turns:")
    for kind, key in (("median", "median"), ("fastest", "min")):
        ours, numpy = speed["c"][key] * 1e3, speed["reference"][key] * 1e3
        print(f"{'':10}{kind:8}{ours:.3f} ms and {numpy:.3f} ms, {numpy / ours:.1f} times as long")
    if is_spoilt(*speed.values()):
        print(f"{'':10}Something else kept the processors busy meanwhile: do not trust these figures, repeat them on a "
              "quiet machine")

    files = [out / name for name in ("features.npz", "reconstructions.png", "loss.png")]
    np.savez_compressed(files[0], features=features, labels=digits.labels)
    picture(files[1], held_out, apply(model, held_out), held_out_labels)
    plot_history({"loss": history[:, 0], "val_loss": history[:, 1]}, files[2], log=True)
    print(f"Saved     {', '.join(map(str, files))}")
    return {"loss": history, "scores": scores, "seconds": speed}


def main(argv=None):
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="fastnn demo", description="train an autoencoder on real handwritten digits")
    parser.add_argument("--epochs", type=int, help="passes over the data (default: 300, MNIST 20)")
    parser.add_argument("--root", help="folder that holds MNIST/raw (default: FASTNN_DATA, else scikit-learn's digits)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="where to put the results (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    if args.epochs is not None and args.epochs < 1:
        parser.error(f"--epochs: expected at least 1, got {args.epochs}")
    missing = " ".join(package for module, package in EXTRAS.items() if importlib.util.find_spec(module) is None)
    if missing:
        parser.exit(1, f"fastnn demo: missing {missing}; install by: {sys.executable} -m pip install {missing}\n")
    try:
        digits = load_digits(args.root, args.seed)
        args.out.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError, ValueError) as error:  # the last two: MNIST's files are missing or damaged
        parser.exit(1, f"fastnn demo: {error}\n")
    fastnn.show_config()
    print()
    run(digits, args.epochs, args.out, args.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
