"""Tensors in memory of several processes, and programs that learn in it (Hogwild, Niu et al. 2011)."""
import os
import subprocess
import sys
from pathlib import Path

import fastnn
import numpy as np
import pytest
from fastnn import nn
from fastnn.compat import multiprocessing as mp

pytestmark = pytest.mark.skipif(os.name != "posix", reason="memory is shared on POSIX systems alone")

PROGRAM = '''
import sys
import torch
import torch.multiprocessing as mp
from torch import nn, optim
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(8, 32), nn.BatchNorm1d(32), nn.Linear(32, 3)

    def forward(self, x):
        x = F.relu(self.norm(self.first(x)))
        return F.log_softmax(self.last(F.dropout(x, 0.1, training=self.training)), 1)


def data(seed):
    x = torch.randn(512, 8, generator=torch.Generator().manual_seed(seed))
    return x, (x[:, :3] + 0.1 * x[:, 3:6]).argmax(1)


def train(rank, model, steps, counter):
    torch.manual_seed(rank)
    x, y = data(rank + 1)
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.5)
    for _ in range(steps):
        rows = torch.randint(0, 512, (64,))
        optimizer.zero_grad()
        F.nll_loss(model(x[rows]), y[rows]).backward()
        optimizer.step()
        counter[rank] += 1


def talk(queue, x, event):
    queue.put({"list": [x * 2], "parameter": nn.Parameter(torch.ones(2)), "empty": torch.ones(0), "view": x[1:]})
    event.wait()
    x += 1
    queue.put("done")


def fail(i, x):
    assert i == 0, "this one fails"


def main():
    mp.set_start_method(sys.argv[1])
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model, counter = Net(), torch.zeros(2).share_memory_()
    model.share_memory()
    x, y = data(99)

    def accuracy():
        model.eval()
        found = (model(x).argmax(1) == y).float().mean().item()
        model.train()
        return found
    before, processes = accuracy(), []
    for rank in range(2):
        processes.append(mp.Process(target=train, args=(rank, model, 100, counter)))
        processes[-1].start()
    for process in processes:
        process.join()
    assert counter.tolist() == [100, 100], counter
    assert before < 0.6 < 0.9 < accuracy(), (before, accuracy())

    queue, event, x = mp.Queue(), mp.Event(), torch.ones(3)
    process = mp.Process(target=talk, args=(queue, x.share_memory_(), event))
    process.start()
    got = queue.get()
    assert got["list"][0].tolist() == [2, 2, 2] and got["list"][0].is_shared() and got["view"].tolist() == [1, 1]
    assert isinstance(got["parameter"], nn.Parameter) and got["parameter"].requires_grad and len(got["empty"]) == 0
    event.set()
    assert queue.get() == "done" and x.tolist() == [2, 2, 2] and got["view"].tolist() == [2, 2]
    process.join()
    with mp.Pool(2) as pool:
        assert [t.item() for t in pool.map(torch.sum, [torch.ones(3), torch.ones(4)])] == [3, 4]
    mp.spawn(fail, ([x, x[1:], x[:2]],), nprocs=1)  # three tensors on one memory
    try:
        mp.spawn(fail, (x,), nprocs=2)
    except mp.ProcessRaisedException as error:
        assert error.error_index == 1 and "this one fails" in str(error)
    else:
        raise AssertionError("mp.spawn let an error pass")
    print("all well")


if __name__ == "__main__":
    main()
'''


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_hogwild(tmp_path, method):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    done = subprocess.run([sys.executable, "-m", "fastnn", str(path), method], capture_output=True, text=True,
                          timeout=120, env={**os.environ, "PYTHONPATH": str(Path(fastnn.__file__).parent.parent),
                                            "PYTHONWARNINGS": "ignore::DeprecationWarning"})
    assert done.stdout.strip() == "all well", done.stderr


def test_memory():
    x = fastnn.arange(6.0).reshape(2, 3)
    assert not x.is_shared() and x.share_memory_() is x and x.is_shared() and x[1:, ::2].is_shared()
    assert x.tolist() == [[0, 1, 2], [3, 4, 5]] and fastnn.ones(0).is_shared()
    y = x.detach()
    y += 1
    assert x[0, 0].item() == 1 and x.share_memory_() is x
    for kind in ("float16", "int64", "bool"):
        assert fastnn.ones(3, dtype=getattr(fastnn, kind)).share_memory_().is_shared()
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).share_memory()
    assert all(t.is_shared() for t in model.state_dict().values())
    optimizer = fastnn.optim.Adam(model.parameters())
    model(fastnn.randn(4, 2)).pow(2).sum().backward()
    before = model[0].weight.detach().clone()
    optimizer.step()
    assert model[0].weight.is_shared() and not fastnn.equal(before, model[0].weight)
    with pytest.raises(RuntimeError, match="leaf"):
        (model[0].weight * 2).share_memory_()


def test_handles_are_given_back():
    folder = "/proc/self/fd"
    if not os.path.isdir(folder):
        pytest.skip("counts handles in /proc")
    before = len(os.listdir(folder))
    for _ in range(50):
        x = fastnn.ones(4).share_memory_()
        view = x[:2]
        del x
        assert view.tolist() == [1, 1]
        del view
    assert len(os.listdir(folder)) <= before + 1


def test_what_is_refused():
    from fastnn.compat.multiprocessing import reductions
    with pytest.raises(RuntimeError, match="Cowardly refusing"):
        reductions.reduce_tensor(fastnn.ones(2, requires_grad=True) * 2)
    with pytest.raises(AssertionError, match="file_descriptor"):
        mp.set_sharing_strategy("pigeon")
    context = mp.start_processes(os._exit, nprocs=1, join=False, start_method="fork")  # os._exit(0)
    assert len(context.pids()) == 1
    while not context.join():
        pass
    with pytest.raises(mp.ProcessExitedException, match="process 1 terminated with exit code 1") as error:
        mp.start_processes(os._exit, nprocs=2, start_method="fork")
    assert error.value.exit_code == 1


def test_loaders_workers_do_not_share_one_by_one():
    class Squares(fastnn.utils.data.Dataset):
        def __len__(self):
            return 6

        def __getitem__(self, i):
            return fastnn.tensor([i * i])
    loader = fastnn.utils.data.DataLoader(Squares(), batch_size=2, num_workers=1)
    assert np.concatenate([batch.numpy() for batch in loader]).ravel().tolist() == [0, 1, 4, 9, 16, 25]


@pytest.mark.parametrize("name", ["bfloat16", "float8_e5m2", "complex32", "uint16", "complex64", "float16"])
def test_every_dtype_is_shared(name):
    x = fastnn.tensor([1, 2, 4]).to(getattr(fastnn, name)).share_memory_()
    queue = mp.SimpleQueue()
    queue.put(x)
    y = queue.get()
    assert y.dtype is x.dtype and y.tolist() == x.tolist()
    y.zero_()
    assert not x.any()
