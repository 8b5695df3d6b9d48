"""Feature learning: an autoencoder squeezes digits into 32 numbers, and those serve as features.

The network learns to give back its input through a narrow middle layer. What that layer says about an image, its code,
is then used in place of the pixels: here by a nearest-neighbour classifier that never saw the held-out digits. Codes of
all images, scaled to 0..1, go to features.npz. `python -m fastnn demo` does the same with pictures and timings.
"""
import argparse

import numpy as np

import fastnn
from fastnn import nn, optim
from fastnn.demo import Autoencoder, apply, neighbour_score, reconstruction_loss, unit_range
from fastnn.training import fit, gradient_step
from fastnn.utils.data import DataLoader, TensorDataset
from fastnn.vision.digits import load_digits


def train(model, images, epochs, batch_size=64):
    """Adam on the mean squared reconstruction error; returns the mean loss of every epoch."""
    loader = DataLoader(TensorDataset(fastnn.from_numpy(images)), batch_size=batch_size, shuffle=True)
    criterion, optimizer = nn.MSELoss(), optim.Adam(model.parameters(), lr=1e-3)
    step = gradient_step(lambda batch: criterion(model(batch[0]), batch[0]), optimizer)
    return fit(step, loader, epochs).history["loss"]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, help="passes over the data (default: what suits the data)")
    parser.add_argument("--root", help="folder that holds MNIST/raw (default: FASTNN_DATA, else scikit-learn's digits)")
    parser.add_argument("--out", default="features.npz")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    digits = load_digits(args.root, args.seed)
    known, held_out = digits.images[:digits.known], digits.images[digits.known:]
    fastnn.manual_seed(args.seed)
    model = Autoencoder(digits.images.shape[1])
    history = train(model, known, args.epochs or digits.epochs)
    print(f"{digits.source}: loss {history[0]:.4f} in the first epoch, {history[-1]:.4f} in the last, "
          f"{reconstruction_loss(model, held_out):.4f} on held-out digits")

    features = unit_range(apply(model.encoder, digits.images))
    np.savez_compressed(args.out, features=features, labels=digits.labels)
    print(f"saved {features.shape[0]} x {features.shape[1]} features to {args.out}")
    scores = {"codes": neighbour_score(features, digits.labels, digits.known),
              "pixels": neighbour_score(digits.images, digits.labels, digits.known)}
    for name, score in scores.items():
        print(f"nearest neighbours by {name}: {score:.1%} of the held-out digits right")
    return history, scores


if __name__ == "__main__":
    main()
