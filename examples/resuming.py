"""Training that may be killed at any moment, and goes on where it was, to the bit.

A network reads digits that are shifted at random, with dropout, Adam and a falling learning rate. Every few steps all
that the next steps depend on goes into one file: model, optimizer, schedule, random streams, the order of the epoch and
the place in it. Started again, the program goes on from the file; the finished weights are those of a run that nobody
interrupted. docs/resuming.md says what has to be kept and why.
"""
import argparse
import hashlib
import itertools
import os
import random

import numpy as np
from _data import digits

import fastnn
from fastnn import nn, optim
from fastnn.utils.data import DataLoader, Dataset


class Shifted(Dataset):
    """Images, each moved by up to one pixel whenever it is looked at."""

    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __getitem__(self, index):
        x = np.roll(self.images[index], (random.randint(-1, 1), np.random.randint(-1, 2)), (0, 1))
        return fastnn.from_numpy(x.ravel()), int(self.labels[index])

    def __len__(self):
        return len(self.labels)


def random_states():
    """The streams that anything in the program may draw from."""
    return {"fastnn": fastnn.get_rng_state(), "numpy": np.random.get_state(), "python": random.getstate()}


def set_random_states(states):
    fastnn.set_rng_state(states["fastnn"])
    np.random.set_state(states["numpy"])
    random.setstate(states["python"])


class Training:
    """A model and all that training it depends on."""

    def __init__(self, dataset, epochs, workers=0, seed=0):
        fastnn.manual_seed(seed), np.random.seed(seed), random.seed(seed)
        x, _ = dataset[0]
        self.model = nn.Sequential(nn.Linear(len(x), 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
        self.optimizer = optim.Adam(self.model.parameters(), lr=5e-3)
        self.order = fastnn.Generator().manual_seed(seed)  # draws the order of every epoch, and nothing else
        self.loader = DataLoader(dataset, 32, shuffle=True, num_workers=workers, generator=self.order)
        self.epochs = epochs
        self.schedule = optim.lr_scheduler.CosineAnnealingLR(self.optimizer, epochs * len(self.loader))
        self.epoch = self.done = 0  # batches of this epoch
        self.order_before = self.order.get_state()  # as it was when this epoch began

    def state(self):
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(), "random": random_states(), "epoch": self.epoch,
                "done": self.done, "order": self.order_before}

    def load_state(self, state):
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.epoch, self.done, self.order_before = state["epoch"], state["done"], state["order"]
        self.order.set_state(self.order_before)
        self.random = state["random"]
        set_random_states(self.random)

    def run(self, path, every):
        """Train to the end, keeping the state in a file."""
        if os.path.exists(path):
            self.load_state(fastnn.load(path))
        criterion = nn.CrossEntropyLoss()
        while self.epoch < self.epochs:
            batches = iter(self.loader)  # draws the epoch's order
            for _ in itertools.islice(batches, self.done):  # what the epoch has had already
                pass
            if self.done:
                set_random_states(self.random)  # behind the skipped batches, which drew too
            for x, target in batches:
                self.optimizer.zero_grad()
                criterion(self.model(x), target).backward()
                self.optimizer.step()
                self.schedule.step()
                self.done += 1
                if self.done % every == 0 and self.done < len(self.loader):
                    fastnn.save(self.state(), path)
            self.epoch, self.done, self.order_before = self.epoch + 1, 0, self.order.get_state()
            fastnn.save(self.state(), path)
        return self.model


def fingerprint(model):
    """Of every bit of the weights."""
    return hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in model.parameters())).hexdigest()[:16]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", help="file of the state; training goes on from it if it is there")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--every", type=int, default=5, help="steps between two checkpoints")
    parser.add_argument("--rows", type=int, default=1300, help="images to learn from")
    parser.add_argument("--root", help="folder that holds MNIST/raw (default: FASTNN_DATA, else scikit-learn's digits)")
    parser.add_argument("--workers", type=int, default=0, help="processes that make the batches")
    args = parser.parse_args(argv)

    (images, labels), (tests, answers) = digits(args.root)[1:]
    print("training", flush=True)
    training = Training(Shifted(images[:args.rows], labels[:args.rows]), args.epochs, args.workers)
    model = training.run(args.checkpoint, args.every).eval()
    with fastnn.no_grad():
        right = (model(fastnn.from_numpy(tests.reshape(len(tests), -1))).argmax(1).numpy() == answers).mean()
    print(f"{right:.1%} of the test images right; weights {fingerprint(model)}")


if __name__ == "__main__":
    main()
