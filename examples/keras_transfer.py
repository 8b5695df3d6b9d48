"""Transfer learning with Keras: features learned on the digits 0-4 help to learn 5-9 from few examples.

A convolutional network learns the digits 0-4. Its convolutions are then frozen, and a new classifier on top of them
learns the digits 5-9 from a few images each; the same network from scratch learns them from the same few. Frozen
weights get no gradients and stay as they are. On MNIST (FASTNN_DATA) the borrowed features are ahead by a tenth;
scikit-learn's digits of 8 x 8 pixels are so easy that the network from scratch is.
"""
import argparse

import numpy as np

from fastnn import keras
from fastnn.keras import layers
from fastnn.vision.digits import load_digits


def features(side):
    """Convolutions and pooling."""
    return keras.Sequential([
        keras.Input((side, side, 1)),
        layers.Conv2D(16, 3, padding="same", activation="relu"), layers.MaxPooling2D(),
        layers.Conv2D(32, 3, padding="same", activation="relu"), layers.MaxPooling2D(), layers.Flatten()])


def classifier(base, learning_rate=1e-3):
    """Five classes on top of features."""
    model = keras.Sequential([base, layers.Dense(64, activation="relu"), layers.Dense(5, activation="softmax")])
    model.compile(optimizer=keras.optimizers.Adam(learning_rate), loss="sparse_categorical_crossentropy",
                  metrics=["accuracy"])
    return model


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, help="of learning 0-4 (default: 30, MNIST 2)")
    parser.add_argument("--few", type=int, default=4, help="images of each of the digits 5-9 (default: %(default)s)")
    parser.add_argument("--root", help="folder that holds MNIST/raw (default: FASTNN_DATA, else scikit-learn's digits)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    keras.utils.set_random_seed(args.seed)
    digits = load_digits(args.root, args.seed)
    images, labels = digits.images.reshape(-1, digits.side, digits.side, 1), digits.labels
    known, known_labels = images[:digits.known], labels[:digits.known]
    tests, test_labels = images[digits.known:], labels[digits.known:]

    base = features(digits.side)
    low = known_labels < 5
    source = classifier(base)
    source.fit(known[low], known_labels[low], batch_size=64, verbose=0,
               epochs=args.epochs or (2 if digits.source == "MNIST" else 30))

    few = np.concatenate([np.flatnonzero(known_labels == digit)[:args.few] for digit in range(5, 10)])
    high = test_labels >= 5
    base.trainable = False
    frozen = [weight.copy() for weight in base.get_weights()]
    scores = {}
    for name, model in (("transfer", classifier(base)), ("scratch", classifier(features(digits.side)))):
        model.fit(known[few], known_labels[few] - 5, epochs=60, batch_size=10, verbose=0)
        scores[name] = model.evaluate(tests[high], test_labels[high] - 5, verbose=0, return_dict=True)["accuracy"]
        trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
        print(f"{name}: {trainable} trainable parameters, {scores[name]:.1%} of the held-out digits 5-9 right")
    assert all(np.array_equal(*pair) for pair in zip(frozen, base.get_weights()))
    return scores


if __name__ == "__main__":
    main()
