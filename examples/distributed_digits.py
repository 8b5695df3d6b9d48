"""Several processes train one network on digits, each on its part of every batch, over MPI.

`mpiexec -n 2 python -m mpi4py examples/distributed_digits.py` shares the work between two processes; without mpiexec
there is one, which learns the same up to rounding. docs/distributed.md says more.
"""
import argparse

from _data import digits

import fastnn
from fastnn import distributed, nn, optim
from fastnn.utils.data import DataLoader, DistributedSampler, TensorDataset


def train(model, dataset, epochs, batch):
    """Adam on the cross-entropy; `batch` images a step, all processes together."""
    sampler = DistributedSampler(dataset)
    loader = DataLoader(dataset, batch // distributed.get_world_size(), sampler=sampler)
    optimizer, criterion = optim.Adam(model.parameters(), lr=2e-3), nn.CrossEntropyLoss()
    for epoch in range(epochs):
        sampler.set_epoch(epoch)
        for images, labels in loader:
            optimizer.zero_grad()
            criterion(model(images), labels).backward()
            optimizer.step()


def accuracy(model, images, labels):
    """Of all processes' parts of the test images."""
    rank, size = distributed.get_rank(), distributed.get_world_size()
    with fastnn.no_grad():
        right = (model(images[rank::size]).argmax(1) == labels[rank::size]).sum()
    distributed.all_reduce(right)
    return right.item() / len(images)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=64, help="images a step, of all processes together")
    parser.add_argument("--root", help="folder that holds MNIST/raw (default: FASTNN_DATA, else scikit-learn's digits)")
    args = parser.parse_args(argv)

    distributed.init_process_group()
    fastnn.manual_seed(0)
    (images, labels), (tests, answers) = [[fastnn.from_numpy(each) for each in part] for part in digits(args.root)[1:]]
    network = nn.Sequential(nn.Flatten(), nn.Linear(images[0].numel(), 64), nn.ReLU(), nn.Linear(64, 10))
    train(nn.parallel.DistributedDataParallel(network), TensorDataset(images, labels), args.epochs, args.batch)
    score = accuracy(network, tests, answers)
    if distributed.get_rank() == 0:
        print(f"{distributed.get_world_size()} processes: {score:.1%} of the test images right")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
