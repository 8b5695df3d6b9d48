"""A network that was trained on faces serves, frozen, as a feature extractor for other pictures.

The package facenet-pytorch (`pip install --no-deps facenet-pytorch`) carries the three small networks of MTCNN (Zhang
et al. 2016). The convolutions of the last one, which finds eyes, nose and mouth, look at digits or clothes here; a
linear classifier learns on what they see from few labels. Beside it stand the same convolutions with random weights,
and pixels.
"""
import argparse
import importlib.util
from pathlib import Path

import numpy as np
from _data import clothes, digits, spread

import fastnn
from fastnn import nn, optim
from fastnn.training import ArrayBatches, CallbackList, train


def installed_weights():
    """The file of the installed package."""
    spec = importlib.util.find_spec("facenet_pytorch")
    if spec is None or spec.origin is None:
        raise SystemExit("no weights: pip install --no-deps facenet-pytorch, or name its onet.pt by --weights")
    return Path(spec.origin).parent / "data" / "onet.pt"


class FaceConvolutions(nn.Module):
    """The convolutional part of MTCNN's output network: images (N, 3, 48, 48) from -1 to 1 to rows of numbers."""

    def __init__(self):
        super().__init__()
        for i, (before, after, kernel) in enumerate(((3, 32, 3), (32, 64, 3), (64, 64, 3), (64, 128, 2)), 1):
            setattr(self, f"conv{i}", nn.Conv2d(before, after, kernel))
            setattr(self, f"prelu{i}", nn.PReLU(after))
        self.pool1 = self.pool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.pool3 = nn.MaxPool2d(2, 2, ceil_mode=True)

    def forward(self, x):
        """What the last two layers see, side by side."""
        x = self.pool1(self.prelu1(self.conv1(x)))
        x = self.pool2(self.prelu2(self.conv2(x)))
        x = self.pool3(self.prelu3(self.conv3(x)))
        return fastnn.cat([x.flatten(1), self.prelu4(self.conv4(x)).flatten(1)], 1)

    def load(self, path):
        """Take the convolutions out of the whole network's file."""
        own = self.state_dict()
        self.load_state_dict({name: tensor for name, tensor in fastnn.load(path).items() if name in own})
        return self


def seen(network, images, batch_size=250):
    """What a network makes of grey images from 0 to 1."""
    found = []
    with fastnn.no_grad():
        for i in range(0, len(images), batch_size):
            x = fastnn.from_numpy(images[i:i + batch_size, None]) * 2 - 1
            x = nn.functional.interpolate(x, size=(48, 48), mode="bilinear", align_corners=False)
            found.append(network(x.expand(-1, 3, -1, -1)).numpy())
    return np.concatenate(found)


def linear_score(x, y, test_x, test_y, seed, epochs=60):
    """Accuracy of a linear classifier on standardised rows."""
    mean, scale = x.mean(0), x.std(0) + 0.1 * x.std()
    x, test_x = (((rows - mean) / scale).astype(np.float32) for rows in (x, test_x))
    fastnn.manual_seed(seed)
    model, criterion = nn.Linear(x.shape[1], int(y.max()) + 1), nn.CrossEntropyLoss()
    optimizer = optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)

    def step(batch):
        loss = criterion(model(batch[0]), batch[1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    train(model, step, ArrayBatches([x, y], 10, shuffle=True), CallbackList(), lambda logs: {}, epochs=epochs)
    with fastnn.no_grad():
        return float(np.mean(model(fastnn.from_numpy(test_x)).argmax(1).numpy() == test_y))


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", help="facenet-pytorch's onet.pt (default: the installed package's)")
    parser.add_argument("--clothes", nargs="?", const="", help="Fashion-MNIST instead of digits; a folder, or Debian's")
    parser.add_argument("--root", help="folder that holds MNIST/raw (default: FASTNN_DATA, else scikit-learn's digits)")
    parser.add_argument("--labels", type=int, default=10, help="labelled images of each class")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--test", type=int, default=1000, help="images to test on")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    data = digits(args.root) if args.clothes is None else clothes(args.clothes)
    rng = np.random.default_rng(args.seed)
    (x, y), (test_x, test_y) = data.train, [part[:args.test] for part in data.test]
    chosen = [np.concatenate([rng.choice(np.flatnonzero(y == label), args.labels, False) for label in range(10)])
              for _ in range(args.draws)]
    used, places = np.unique(np.concatenate(chosen), return_inverse=True)
    places = places.reshape(args.draws, -1)
    fastnn.manual_seed(args.seed)
    networks = {"trained on faces": FaceConvolutions().load(args.weights or installed_weights()),
                "random weights": FaceConvolutions(), "pixels": None}
    scores = {}
    print(f"{data.source}: {args.labels} labels of each class, {len(test_x)} images to test, {args.draws} draws")
    for name, network in networks.items():
        look = (lambda images: images.reshape(len(images), -1)) if network is None else \
            lambda images, network=network: seen(network, images)
        known, others = look(x[used]), look(test_x)
        scores[name] = [linear_score(known[rows], y[used[rows]], others, test_y, draw)
                        for draw, rows in enumerate(places)]
        print(f"{name:18} {spread(scores[name])} right", flush=True)
    return scores


if __name__ == "__main__":
    main()
