"""Programs that tests/test_distributed.py runs by mpiexec: ``python mpi_programs.py name arguments``; what they assert
holds in every process, what they print comes from the first."""
import hashlib
import sys

import numpy as np

import fastnn
from fastnn import distributed as dist
from fastnn import nn, optim
from fastnn.nn.parallel import DistributedDataParallel
from fastnn.utils.data import DataLoader, DistributedSampler, TensorDataset


def show(*values):
    if dist.get_rank() == 0:
        print(*values, flush=True)


def weights(model):
    return np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])


def digests(model):
    found = [None] * dist.get_world_size()
    dist.all_gather_object(found, hashlib.sha256(weights(model).tobytes()).hexdigest())
    return found


def network():
    fastnn.manual_seed(dist.get_rank())  # the first process' weights are taken over
    return nn.Sequential(nn.Linear(6, 33), nn.Tanh(), nn.Linear(33, 17), nn.ReLU(), nn.Linear(17, 3)).double()


def train(path):
    """20 steps on 40 rows each, shared out; the weights go into a file."""
    dist.init_process_group("gloo")
    rank, size = dist.get_rank(), dist.get_world_size()
    x = np.random.default_rng(0).normal(size=(20, 40, 6))
    target = np.sin(x[..., :3])
    model = DistributedDataParallel(network(), gradient_as_bucket_view=size == 4)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    part = slice(rank * 40 // size, (rank + 1) * 40 // size)
    for step in range(20):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(fastnn.from_numpy(x[step, part])), fastnn.from_numpy(target[step, part]))
        loss.backward()
        optimizer.step()
    assert len(set(digests(model))) == 1
    if rank == 0:
        np.save(path, weights(model))
    dist.destroy_process_group()


def collectives():
    dist.init_process_group()
    rank, size = dist.get_rank(), dist.get_world_size()
    numbers = np.arange(size) + 1
    for dtype in ("float32", "float64", "float16", "int32", "int64", "uint8"):
        dtype = getattr(fastnn, dtype)
        for shape in ((), (1,), (2, 3), (7,), (0,)):
            for op, wanted in (("SUM", numbers.sum()), ("PRODUCT", numbers.prod()), ("MIN", 1), ("MAX", size)):
                x = fastnn.full(shape, rank + 1).to(dtype)
                assert dist.all_reduce(x, getattr(dist.ReduceOp, op)) is None
                assert x.dtype is dtype and tuple(x.shape) == shape and (x == wanted).all(), (op, x)
    x = fastnn.full((3, 2), float(rank)).t()  # not contiguous
    dist.all_reduce(x, dist.ReduceOp.AVG)
    assert (x == (size - 1) / 2).all() and x.shape == (2, 3)
    flags = fastnn.tensor([rank == 0, True, False])
    dist.all_reduce(flags)
    assert flags.tolist() == [True, True, False]
    bits = fastnn.tensor([1 << rank])
    dist.all_reduce(bits, dist.ReduceOp.BOR)
    assert bits.item() == (1 << size) - 1
    x = fastnn.randn(1001)  # any numbers: the same bits everywhere
    dist.all_reduce(x)
    everyone = [fastnn.empty(1001) for _ in range(size)]
    work = dist.all_gather(everyone, x, async_op=True)
    assert work.wait() and work.is_completed() and all(fastnn.equal(x, other) for other in everyone)
    x = fastnn.tensor([rank, 7])
    dist.broadcast(x, size - 1)
    assert x.tolist() == [size - 1, 7]
    x = fastnn.tensor([float(rank + 1)])
    dist.reduce(x, 0)
    assert x.item() == (numbers.sum() if rank == 0 else rank + 1)
    parts = [fastnn.empty(2, dtype=fastnn.int64) for _ in range(size)] if rank == 0 else None
    dist.gather(fastnn.tensor([rank, -rank]), parts, dst=0)
    assert rank or [part.tolist() for part in parts] == [[i, -i] for i in range(size)]
    x = fastnn.empty(2)
    dist.scatter(x, [fastnn.full((2,), float(i)) for i in range(size)] if rank == 0 else None, src=0)
    assert x.tolist() == [rank, rank]
    dist.reduce_scatter(x, [fastnn.full((2,), float(i)) for i in range(size)])
    assert x.tolist() == 2 * [size * rank]
    both = fastnn.empty(size, 2)
    dist.all_gather_into_tensor(both, fastnn.tensor([rank, 1.0]))
    assert both.tolist() == [[i, 1] for i in range(size)]
    outs = [fastnn.empty(1) for _ in range(size)]
    dist.all_to_all(outs, [fastnn.tensor([10.0 * rank + i]) for i in range(size)])
    assert [out.item() for out in outs] == [10 * i + rank for i in range(size)]
    values = [rank, None]
    dist.broadcast_object_list(values, src=0)
    assert values == [0, None]
    mine = [None]
    dist.scatter_object_list(mine, [{"for": i} for i in range(size)] if rank == 0 else None)
    assert mine == [{"for": rank}]
    gathered = [None] * size if rank == 0 else None
    dist.gather_object({rank}, gathered)
    assert rank or gathered == [{i} for i in range(size)]
    if size > 1:
        request = dist.isend(fastnn.tensor([rank, 5]), (rank + 1) % size)
        x = fastnn.empty(2, dtype=fastnn.int64)
        assert dist.recv(x, (rank - 1) % size) == (rank - 1) % size
        request.wait()
        assert x.tolist() == [(rank - 1) % size, 5]
        pair = dist.new_group([0, 1])
        assert dist.get_rank(pair) == (rank if rank < 2 else -1)
        x = fastnn.tensor([rank + 1.0])
        dist.all_reduce(x, group=pair)
        assert x.item() == (3 if rank < 2 else rank + 1)
    dist.barrier()
    show("all well", size)
    dist.destroy_process_group()


class Branches(nn.Module):
    """Which layers are used depends on the call; with statistics of batches."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x, *used):
        for number in used:
            x = self.layers[number](x)
        return self.norm(x)


def states():
    """One process' parameters and buffers, but those left out, become all processes'."""
    from fastnn.distributed import utils
    dist.init_process_group("gloo")
    rank, net = dist.get_rank(), nn.BatchNorm1d(2)
    for tensor in (net.weight, net.running_mean, net.running_var):
        tensor.detach().fill_(rank)
    utils._sync_module_states(net, dist._get_default_group(), 1 << 20, 1, {"running_var"})
    assert net.weight.tolist() == net.running_mean.tolist() == [1, 1] and net.running_var.tolist() == [rank] * 2
    show("all", "well", dist.get_world_size())


def unused():
    """Gradients of parameters that some processes do not use, or none; buffers; sums over several batches."""
    dist.init_process_group("mpi")
    rank, size = dist.get_rank(), dist.get_world_size()
    fastnn.manual_seed(rank)
    model = DistributedDataParallel(Branches(), find_unused_parameters=True)
    x = fastnn.rand(8, 4)
    (model(x, 0, 1) if rank == 0 else model(x, 0)).square().sum().backward()
    grads = [layer.weight.grad for layer in model.module.layers]
    assert grads[0] is not None and grads[1] is not None and grads[2] is None
    assert all(np.isfinite(grad.numpy()).all() for grad in grads[:2])
    everyone = [fastnn.empty(4, 4) for _ in range(size)]
    dist.all_gather(everyone, grads[1])
    assert all(fastnn.equal(grads[1], other) for other in everyone)
    model(x, 0)
    means = [fastnn.empty(4) for _ in range(size)]
    dist.all_gather(means, model.module.norm.running_mean)
    assert size == 1 or not fastnn.equal(means[0], means[1]), "each follows its own batches from the first one's"
    model.zero_grad()
    strict = DistributedDataParallel(nn.Linear(3, 1, bias=False))
    inputs = [fastnn.full((1, 3), float(rank + i)) for i in range(2)]
    with strict.no_sync():
        strict(inputs[0]).sum().backward()
    assert strict.module.weight.grad.tolist() == inputs[0].tolist()
    strict(inputs[1]).sum().backward()
    wanted = sum(2 * i + 1 for i in range(size)) / size
    assert strict.module.weight.grad.tolist() == [[wanted] * 3]
    partly = DistributedDataParallel(Branches())
    partly(x, 0).sum().backward()
    try:
        partly(x, 0)
        raise SystemExit("no error")
    except RuntimeError as error:
        assert "find_unused_parameters=True" in str(error) and "layers.1.weight" in str(error)
    show("all well", size)


def loader():
    """A DataLoader with DistributedSampler: together the processes see every row once an epoch."""
    dist.init_process_group()
    size = dist.get_world_size()
    dataset = TensorDataset(fastnn.arange(24))
    sampler = DistributedSampler(dataset)
    batches = DataLoader(dataset, 3, sampler=sampler)
    orders = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        mine = [row for batch, in batches for row in batch.tolist()]
        found = [None] * size
        dist.all_gather_object(found, mine)
        assert sorted(sum(found, [])) == list(range(24)) and len(mine) == 24 // size
        orders.append(mine)
    assert orders[0] != orders[1]
    items = DataLoader(list(range(24)), 3, sampler=DistributedSampler(range(24)), num_workers=2)
    found = [None] * size
    dist.all_gather_object(found, [row for batch in items for row in batch.tolist()])
    assert sorted(sum(found, [])) == list(range(24)), "worker processes of each"
    show("all well", size)


def fails(way):
    """The last process fails while the others wait for it."""
    dist.init_process_group()
    if dist.get_rank() == dist.get_world_size() - 1:
        if way == "exit":
            sys.exit("this process gives up")
        raise ValueError("this process fails")
    dist.all_reduce(fastnn.ones(1000))
    dist.barrier()


def differs():
    """Models of different shapes are told apart."""
    dist.init_process_group()
    DistributedDataParallel(nn.Linear(3, 2 + dist.get_rank()))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
