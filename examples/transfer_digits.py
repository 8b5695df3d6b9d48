"""Transfer learning: what a network learned on the digits 0 to 4 helps with 5 to 9, of which few are labelled.

A convolutional network learns 0 to 4. Its convolutions then serve as features for 5 to 9 with ten labels each: frozen, so
that two dense layers alone are trained, and fine-tuned, so that all is. Beside it the same network learns from scratch.
Means over draws of the few images.
"""
import argparse

import numpy as np
from _data import digits, spread

import fastnn
from fastnn import keras
from fastnn.keras import layers


def features(side):
    """Convolutions, from images (side, side, 1) to rows of numbers; small images are padded."""
    padding = "valid" if side >= 28 else "same"
    return keras.Sequential([
        keras.Input((side, side, 1)),
        layers.Conv2D(16, 3, activation="relu", padding=padding), layers.MaxPooling2D(2),
        layers.Conv2D(32, 3, activation="relu", padding=padding), layers.MaxPooling2D(2), layers.Flatten()])


def classifier(base, rate=1e-3):
    """Two dense layers on `base` for five classes."""
    model = keras.Sequential([base, layers.Dense(64, activation="relu"), layers.Dense(5, activation="softmax")])
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def copy(base, side):
    """Features with the same weights."""
    again = features(side)
    again.set_weights(base.get_weights())
    return again


def learn(model, x, y, test_x, test_y, epochs):
    """Accuracy on the test images after `epochs` over the few."""
    model.fit(x, y, epochs=epochs, batch_size=10, verbose=0)
    return model.evaluate(test_x, test_y, verbose=0)[1]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", help="folder that holds MNIST/raw (default: FASTNN_DATA, else scikit-learn's digits)")
    parser.add_argument("--labels", type=int, default=10, help="labelled images of each new digit")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--epochs", type=int, help="over the first digits (default: 3 of MNIST, 30 of the small ones)")
    parser.add_argument("--few-epochs", type=int, default=40, help="over the few images")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    data = digits(args.root)
    (x, y), (test_x, test_y) = ((images[..., None], labels) for images, labels in (data.train, data.test))
    side = x.shape[1]
    keras.utils.set_random_seed(args.seed)
    base = features(side)
    source, old, few = classifier(base), y < 5, test_y >= 5
    source.fit(x[old], y[old], epochs=args.epochs or (3 if side >= 28 else 30), batch_size=64, verbose=0)
    accuracy = source.evaluate(test_x[test_y < 5], test_y[test_y < 5], verbose=0)[1]
    print(f"{data.source}: 0 to 4 learned from {old.sum()} images, {accuracy:.1%} of the test images right", flush=True)

    rng = np.random.default_rng(args.seed)
    scores = {"frozen": [], "fine-tuned": [], "from scratch": []}
    for draw in range(args.draws):
        chosen = np.concatenate([rng.choice(np.flatnonzero(y == digit), args.labels, False) for digit in range(5, 10)])
        fastnn.manual_seed(draw)
        frozen = copy(base, side)
        frozen.trainable = False
        for name, model in (("frozen", classifier(frozen)), ("fine-tuned", classifier(copy(base, side), 5e-4)),
                            ("from scratch", classifier(features(side)))):
            scores[name].append(learn(model, x[chosen], y[chosen] - 5, test_x[few], test_y[few] - 5, args.few_epochs))
    for name, found in scores.items():
        print(f"{name:14} {spread(found)} of 5 to 9 right ({args.labels} labels of each, {args.draws} draws)")
    return scores


if __name__ == "__main__":
    main()
