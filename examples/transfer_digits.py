"""Transfer learning: what a network learned on the digits 0 to 4 helps with 5 to 9, of which few are labelled.

A convolutional network learns 0 to 4. Its convolutions then serve as features for 5 to 9 with ten labels each:
frozen, so that two dense layers alone are trained, and fine-tuned, so that all is. Beside it the same network learns
from scratch. Means over draws of the few images. scikit-learn's small digits teach too little for this: there scratch
is best.
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


def classifier(base, classes, rate=1e-3):
    """Two dense layers on `base`."""
    model = keras.Sequential([base, layers.Dense(64, activation="relu"), layers.Dense(classes, activation="softmax")])
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def copy(base, side):
    """Features with the same weights."""
    again = features(side)
    again.set_weights(base.get_weights())
    return again


def compare(base, train, test, labels, draws, epochs, seed=0, what="right"):
    """Accuracies of every draw on frozen, fine-tuned and new features; `labels` images of each class are known."""
    (x, y), (test_x, test_y) = train, test
    rng, side = np.random.default_rng(seed), x.shape[1]
    scores = {"frozen": [], "fine-tuned": [], "from scratch": []}
    for draw in range(draws):
        chosen = np.concatenate([rng.choice(np.flatnonzero(y == label), labels, False) for label in np.unique(y)])
        fastnn.manual_seed(draw)
        frozen = copy(base, side)
        frozen.trainable = False
        for name, features_of, rate in (("frozen", frozen, 1e-3), ("fine-tuned", copy(base, side), 5e-4),
                                        ("from scratch", features(side), 1e-3)):
            model = classifier(features_of, len(np.unique(y)), rate)
            model.fit(x[chosen], y[chosen], epochs=epochs, batch_size=10, verbose=0)
            scores[name].append(model.evaluate(test_x, test_y, verbose=0)[1])
    for name, found in scores.items():
        print(f"{name:14} {spread(found)} {what} ({labels} labels of each, {draws} draws)")
    return scores


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", help="folder that holds MNIST/raw (default: FASTNN_DATA, else scikit-learn's digits)")
    parser.add_argument("--labels", type=int, default=10, help="labelled images of each new digit")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--epochs", type=int, help="over the first digits (default: 3 of MNIST, 30 of the small ones)")
    parser.add_argument("--few-epochs", type=int, default=40, help="over the few images")
    parser.add_argument("--samples", type=int, default=60000, help="most images to use")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    data = digits(args.root)
    (x, y), (test_x, test_y) = ((images[:args.samples, ..., None], labels[:args.samples])
                                for images, labels in (data.train, data.test))
    side = x.shape[1]
    keras.utils.set_random_seed(args.seed)
    base = features(side)
    source, old, few = classifier(base, 5), y < 5, test_y >= 5
    source.fit(x[old], y[old], epochs=args.epochs or (3 if side >= 28 else 30), batch_size=64, verbose=0)
    accuracy = source.evaluate(test_x[test_y < 5], test_y[test_y < 5], verbose=0)[1]
    print(f"{data.source}: 0 to 4 learned from {old.sum()} images, {accuracy:.1%} of the test images right", flush=True)

    new = y >= 5
    return compare(base, (x[new], y[new] - 5), (test_x[few], test_y[few] - 5), args.labels, args.draws, args.few_epochs,
                   args.seed, "of 5 to 9 right")


if __name__ == "__main__":
    main()
