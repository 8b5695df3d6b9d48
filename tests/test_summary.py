"""The table of a model's layers, beside torchinfo's figures."""
import fastnn
import pytest
from fastnn import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 10, 5), nn.BatchNorm2d(10), nn.ReLU(), nn.MaxPool2d(2))
        self.shared = nn.Linear(1440, 1440)
        self.drop = nn.Dropout()
        self.heads = nn.ModuleList([nn.Linear(1440, 10), nn.Linear(1440, 3)])
        self.scale = nn.Parameter(fastnn.ones(3))

    def forward(self, x):
        x = self.shared(self.drop(self.shared(self.features(x).flatten(1))))
        return self.heads[0](x), self.heads[1](x) * self.scale


def test_figures():
    """Those that torchinfo 1.8 prints for the same network in PyTorch."""
    model = Net()
    model.drop.eval()
    state = fastnn.get_rng_state()
    columns = ["input_size", "output_size", "num_params", "kernel_size", "mult_adds", "trainable"]
    found = fastnn.summary(model, (7, 1, 28, 28), verbose=0, col_names=columns)
    text = str(found)
    assert (found.total_params, found.trainable_params) == (2_094_056, 2_094_056)
    assert "Forward/backward pass size (MB): 0.81" in text and "Params size (MB): 8.38" in text
    assert "[7, 1440]" in text and "(recursive)" in text and "├─ModuleList: 1-5" in text
    conv = next(line for line in text.splitlines() if "Conv2d: 2-1" in line)
    assert "260" in conv and "1,048,320" in conv and "[5, 5]" in conv
    assert model.training and not model.drop.training, "modes are restored"
    assert bool((fastnn.get_rng_state() == state).all()), "random streams too"
    assert not model.shared._forward_hooks


def test_frozen_whole_numbers_and_lazy():
    model = nn.Sequential(nn.Embedding(20, 8), nn.LSTM(8, 16, 2, batch_first=True))
    model[0].weight.requires_grad_(False)
    text = str(fastnn.summary(model, (4, 9), dtypes=[fastnn.int64], verbose=0))
    assert "(160)" in text and "Non-trainable params: 160" in text and "[4, 9, 16]" in text
    lazy = nn.Sequential(nn.LazyLinear(3))
    assert fastnn.summary(lazy, verbose=0).total_params == 0
    assert fastnn.summary(lazy, (2, 5), verbose=0).total_params == 18


def test_depth_batch_and_printing(capsys):
    model = nn.Sequential(nn.Sequential(nn.Sequential(nn.Linear(2, 3))))
    fastnn.summary(model, (2,), batch_dim=0, depth=1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[3:5]] == [["Sequential", "[1,", "3]", "--"],
                                                     ["├─Sequential:", "1-1", "[1,", "3]", "9"]]
    assert "Output Shape" not in str(fastnn.summary(model, verbose=0)), "nothing was called"
    named = fastnn.summary(nn.Bilinear(2, 3, 4), input_data=[fastnn.ones(5, 2), fastnn.ones(5, 3)], verbose=0)
    assert named.rows[0].output_size == [5, 4]


def test_errors():
    model = nn.Linear(2, 3)
    with pytest.raises(RuntimeError, match="the call of the model failed .*layers that ran: none"):
        fastnn.summary(model, (4, 5))
    assert not model._forward_hooks
    with pytest.raises(ValueError, match="expected col_names among .*'size'"):
        fastnn.summary(model, col_names=("size",))
    with pytest.raises(ValueError, match="input_size or input_data, but got both"):
        fastnn.summary(model, (1, 2), fastnn.ones(1, 2))
    with pytest.raises(ValueError, match="a dtype for each of 1 inputs"):
        fastnn.summary(model, (1, 2), dtypes=[fastnn.float32, fastnn.float32])
    with pytest.raises(NotImplementedError, match="verbose=2"):
        fastnn.summary(model, verbose=2)
