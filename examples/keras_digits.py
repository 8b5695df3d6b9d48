"""Four Keras networks read digits: feedforward, convolutional, recurrent and attending.

The program is Keras' own style, from `Sequential` and `Model` to `fit` and `evaluate`; with `import keras` in place of
the import below it runs on Keras. Digits are MNIST's if FASTNN_DATA holds them, else scikit-learn's of 8 x 8 pixels.
"""
import argparse

from fastnn import keras
from fastnn.keras import layers
from fastnn.vision.digits import load_digits


def feedforward(side):
    """Dense layers on the pixels as they come."""
    return keras.Sequential([keras.Input((side, side)), layers.Flatten(), layers.Dense(64, activation="relu"),
                             layers.Dense(10, activation="softmax")])


def convolutional(side):
    """Two convolutions with pooling; small images are padded, so that pooling leaves something of them."""
    padding = "valid" if side >= 28 else "same"
    return keras.Sequential([
        keras.Input((side, side)), layers.Reshape((side, side, 1)),
        layers.Conv2D(32, 3, padding=padding, activation="relu"), layers.MaxPooling2D(),
        layers.Conv2D(64, 3, padding=padding, activation="relu"), layers.MaxPooling2D(),
        layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax")])


def recurrent(side):
    """Two LSTMs that read row by row."""
    return keras.Sequential([keras.Input((side, side)), layers.LSTM(64, return_sequences=True), layers.LSTM(64),
                             layers.Dense(10, activation="softmax")])


class Positions(layers.Layer):
    """Adds a learned vector to each row."""

    def build(self, input_shape):
        self.position = self.add_weight(shape=input_shape[1:], initializer="random_normal", name="position")

    def call(self, inputs):
        return inputs + self.position


def attending(side):
    """Every row looks at all rows."""
    inputs = keras.Input((side, side))
    x = Positions()(layers.Dense(64)(inputs))
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(4, 16)(x, x))
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling1D()(x)))


NETWORKS = {"feedforward": feedforward, "convolutional": convolutional, "recurrent": recurrent,
            "attending": attending}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", nargs="?", choices=NETWORKS, default="feedforward")
    parser.add_argument("--epochs", type=int, help="at most so many passes over the data (default: 20, MNIST 5)")
    parser.add_argument("--root", help="folder that holds MNIST/raw (default: FASTNN_DATA, else scikit-learn's digits)")
    parser.add_argument("--save", help="write the trained model to this file (.keras)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    keras.utils.set_random_seed(args.seed)
    digits = load_digits(args.root, args.seed)
    images, labels = digits.images.reshape(-1, digits.side, digits.side), digits.labels
    model = NETWORKS[args.network](digits.side)
    model.summary()
    model.compile(optimizer=keras.optimizers.Adam(2e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        images[:digits.known], labels[:digits.known], batch_size=32, validation_split=0.1, verbose=2,
        epochs=args.epochs or (5 if digits.source == "MNIST" else 20),
        callbacks=[keras.callbacks.EarlyStopping("val_loss", patience=4, restore_best_weights=True)])
    loss, score = model.evaluate(images[digits.known:], labels[digits.known:], verbose=0)
    print(f"{digits.source}, {args.network}: {score:.1%} of the held-out digits right, loss {loss:.3f}")
    if args.save:
        model.save(args.save)
        print(f"saved to {args.save}")
    return model, history.history, score


if __name__ == "__main__":
    main()
