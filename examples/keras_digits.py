"""Four networks read digits through the Keras door: feedforward, recurrent, convolutional, self-attention.

Each is a few lines of layers; `compile`, `fit` and `evaluate` do the rest. With `from keras import layers` in place of
`from fastnn.keras import layers` the program is one for Keras.
"""
import argparse

from _data import digits

from fastnn import keras
from fastnn.keras import Input, Model, Sequential, layers


def feedforward(side):
    """Dense 64 and 10."""
    return Sequential([Input((side, side)), layers.Flatten(), layers.Dense(64, activation="relu"),
                       layers.Dense(10, activation="softmax")])


def recurrent(side):
    """Two layers of LSTM over the rows of an image."""
    return Sequential([Input((side, side)), layers.LSTM(64, return_sequences=True), layers.LSTM(64),
                       layers.Dense(10, activation="softmax")])


def convolutional(side):
    """Two convolutions with pooling, two dense layers; small images are padded."""
    padding = "valid" if side >= 28 else "same"
    return Sequential([
        Input((side, side)), layers.Reshape((side, side, 1)),
        layers.Conv2D(32, (3, 3), activation="relu", padding=padding), layers.MaxPooling2D((2, 2)),
        layers.Conv2D(64, (3, 3), activation="relu", padding=padding), layers.MaxPooling2D((2, 2)),
        layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax")])


def attention(side):
    """The rows of an image look at each other."""
    rows = Input((side, side))
    x = layers.Dense(64, activation="relu")(rows)
    x = layers.Flatten()(layers.Attention()([x, x]))
    return Model(rows, layers.Dense(10, activation="softmax")(x))


NETWORKS = {build.__name__: build for build in (feedforward, recurrent, convolutional, attention)}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", choices=[*NETWORKS, "all"], nargs="?", default="all")
    parser.add_argument("--root", help="folder that holds MNIST/raw (default: FASTNN_DATA, else scikit-learn's digits)")
    parser.add_argument("--epochs", type=int, help="passes over the data (default: 10, or 40 of the small digits)")
    parser.add_argument("--samples", type=int, default=60000, help="most images to learn from")
    parser.add_argument("--verbose", type=int, default=0, help="1: Keras' progress bar")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    data = digits(args.root)
    x, y = (part[:args.samples] for part in data.train)
    epochs = args.epochs or (10 if x.shape[1] >= 28 else 40)
    print(f"{data.source}: {len(x)} images to learn from, {len(data.test[0])} to test")
    scores = {}
    for name in NETWORKS if args.network == "all" else [args.network]:
        keras.utils.set_random_seed(args.seed)
        model = NETWORKS[name](x.shape[1])
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x, y, epochs=epochs, batch_size=32, verbose=args.verbose)
        loss, scores[name] = model.evaluate(*data.test, verbose=0)
        print(f"{name:14} {model.count_params():7} parameters: loss {loss:.3f}, {scores[name]:.1%} of the test images "
              f"right", flush=True)
    return scores


if __name__ == "__main__":
    main()
