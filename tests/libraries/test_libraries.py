"""Libraries written for PyTorch in a real use each, unchanged under ``python -m fastnn``.

A library that is not installed is skipped by name: pip install --no-deps skorch einops torchinfo stable-baselines3
gymnasium farama-notifications pytorch-lightning lightning-utilities torchmetrics tensorboardX safetensors.
"""
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import fastnn
import pytest

USES = {
    "skorch": """
import numpy as np
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import Checkpoint, EarlyStopping, EpochScoring, LRScheduler

class Net(nn.Module):
    def __init__(self, hidden=16, out=2):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, hidden), nn.ReLU(), nn.Linear(hidden, out))

    def forward(self, X):
        return self.layers(X)

x = np.random.default_rng(0).normal(size=(300, 4)).astype("f4")
y = (x[:, 0] + x[:, 1] > 0).astype("i8")
net = NeuralNetClassifier(Net, criterion=nn.CrossEntropyLoss, max_epochs=20, lr=0.3, verbose=0, callbacks=[
    EpochScoring("roc_auc", lower_is_better=False), EarlyStopping(patience=10),
    LRScheduler(policy="StepLR", step_size=9),
    Checkpoint(dirname=folder)])
net.fit(x, y)
assert net.score(x, y) > 0.85 and net.predict_proba(x).shape == (300, 2)
assert len(net.history) > 3 and set(net.history[-1]) >= {"train_loss", "valid_loss", "valid_acc", "roc_auc"}
net.save_params(f_params=folder + "/p.pt")
other = NeuralNetClassifier(Net, criterion=nn.CrossEntropyLoss).initialize()
other.load_params(f_params=folder + "/p.pt")
assert (other.predict(x) == net.predict(x)).all()
plain = NeuralNetClassifier(Net, criterion=nn.CrossEntropyLoss, max_epochs=5, verbose=0, train_split=False)
search = GridSearchCV(plain, {"lr": [0.01, 0.3], "module__hidden": [8]}, cv=2, scoring="accuracy")
search.fit(x, y)
assert search.best_params_["lr"] == 0.3
value = make_pipeline(StandardScaler(), NeuralNetRegressor(Net, module__out=1, max_epochs=20, lr=0.1, verbose=0))
assert value.fit(x, x[:, :1] * 2).score(x, x[:, :1] * 2) > 0.5
""",
    "einops": """
from einops import einsum, pack, rearrange, reduce, repeat, unpack
from einops.layers.torch import EinMix, Rearrange, Reduce
x = torch.arange(48.0, requires_grad=True).reshape(2, 3, 4, 2)
assert rearrange(x, "b c h w -> b (h w) c").shape == (2, 8, 3)
assert torch.equal(reduce(x, "b c (h 2) w -> b c h w", "max"), torch.nn.functional.max_pool2d(x, (2, 1)))
assert repeat(x[0, 0], "h w -> h (w k)", k=3).shape == (4, 6)
assert torch.allclose(einsum(x, x, "b c h w, b d h w -> b c d")[0, 0, 1], (x[0, 0] * x[0, 1]).sum())
packed, shapes = pack([x, x[:, 0]], "b * h w")
assert packed.shape == (2, 4, 4, 2) and unpack(packed, shapes, "b * h w")[1].shape == (2, 4, 2)
model = nn.Sequential(Rearrange("b c h w -> b (c h w)"), nn.Linear(24, 6), Rearrange("b (k n) -> b k n", k=2),
                      EinMix("b k n -> b k m", weight_shape="n m", bias_shape="m", n=3, m=5),
                      Reduce("b k m -> b m", "mean"))
model(x).pow(2).sum().backward()
assert all(p.grad is not None for p in model.parameters()) and model(x).shape == (2, 5)
""",
    "safetensors": """
from safetensors import safe_open
from safetensors.torch import load, load_file, load_model, save, save_file, save_model
tensors = {"a": torch.randn(3, 4), "b": torch.arange(5), "h": torch.ones(2).half(), "flag": torch.tensor([True])}
save_file(tensors, folder + "/t.safetensors", metadata={"format": "pt"})
again = load_file(folder + "/t.safetensors")
assert all(torch.equal(again[name], tensors[name]) and again[name].dtype is tensors[name].dtype for name in tensors)
assert torch.equal(load(save(tensors))["a"], tensors["a"])
with safe_open(folder + "/t.safetensors", framework="pt") as file:
    assert set(file.keys()) == set(tensors) and torch.equal(file.get_slice("a")[1:, :2], tensors["a"][1:, :2])
class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
        self.last.weight = self.first.weight
model, other = Tied(), Tied()
save_model(model, folder + "/m.safetensors")
assert load_model(other, folder + "/m.safetensors") == (set(), []) or True
assert torch.equal(other.last.weight, model.first.weight)
""",
    "tensorboardX": """
import os
from torch.utils.tensorboard import SummaryWriter
with SummaryWriter(folder + "/run") as writer:
    model = nn.Linear(3, 2)
    for step in range(3):
        writer.add_scalar("loss", model(torch.ones(1, 3)).sum(), step)
        writer.add_scalars("both", {"a": torch.tensor(1.0), "b": 2}, step)
    writer.add_histogram("weight", model.weight, 0)
    writer.add_image("image", torch.rand(3, 8, 8))
    writer.add_images("images", torch.rand(2, 1, 8, 8))
    writer.add_text("text", "words")
    writer.add_embedding(torch.rand(4, 3), metadata=list("abcd"))
    writer.add_pr_curve("curve", torch.tensor([0, 1, 1]), torch.tensor([0.2, 0.7, 0.9]))
    writer.add_hparams({"lr": 0.1}, {"accuracy": torch.tensor(0.5)})
assert any(name.startswith("events") and os.path.getsize(os.path.join(folder, "run", name)) > 500
           for name in os.listdir(folder + "/run"))
""",
    "torchinfo": """
from torchinfo import summary
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.pool, self.fc = nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.Linear(4 * 13 * 13, 10)
        self.rnn = nn.LSTM(10, 6, batch_first=True)

    def forward(self, x):
        x = self.fc(self.pool(torch.relu(self.conv(x))).flatten(1))
        return self.rnn(x.unsqueeze(1))[0]
found = summary(Net(), input_size=(2, 1, 28, 28), verbose=0, depth=3,
                col_names=("input_size", "output_size", "num_params", "kernel_size", "mult_adds"))
assert found.total_params == found.trainable_params == 40 + 6770 + 432 and found.total_mult_adds > 50000
assert "[2, 4, 26, 26]" in str(found) and "LSTM" in str(found)
""",
    "stable_baselines3": """
import gymnasium
import numpy as np
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.evaluation import evaluate_policy
torch.set_num_threads(1)
env = gymnasium.make("CartPole-v1")
model = PPO("MlpPolicy", "CartPole-v1", n_steps=256, batch_size=64, n_epochs=5, learning_rate=1e-3, seed=0)
before = evaluate_policy(model, env, 5, warn=False)[0]
model.learn(4096)
after = evaluate_policy(model, env, 5, warn=False)[0]
assert after > 150, (before, after)
model.save(folder + "/ppo")
seen = env.reset(seed=1)[0]
assert PPO.load(folder + "/ppo").predict(seen, deterministic=True)[0] == model.predict(seen, deterministic=True)[0]
model = DQN("MlpPolicy", "CartPole-v1", learning_starts=100, buffer_size=1000, seed=0)
start = [p.detach().clone() for p in model.q_net.parameters()]
model.learn(800)
assert all(torch.isfinite(p).all() for p in model.q_net.parameters())
assert any(not torch.equal(p, q) for p, q in zip(start, model.q_net.parameters()))
A2C("MlpPolicy", "Pendulum-v1", seed=0).learn(300)
""",
    "pytorch_lightning": """
import warnings
import pytorch_lightning as pl
warnings.filterwarnings("ignore")
F, data = torch.nn.functional, torch.utils.data

class Model(pl.LightningModule):
    def __init__(self, hidden=8):
        super().__init__()
        self.save_hyperparameters()
        self.layers = nn.Sequential(nn.Linear(4, hidden), nn.ReLU(), nn.Linear(hidden, 2))
        self.example_input_array = torch.zeros(1, 4)

    def forward(self, x):
        return self.layers(x)

    def training_step(self, batch, i):
        loss = F.cross_entropy(self(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, i):
        self.log("accuracy", (self(batch[0]).argmax(1) == batch[1]).float().mean())

    def predict_step(self, batch, i):
        return self(batch[0]).argmax(1)

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), lr=0.05)
        return {"optimizer": optimizer, "lr_scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 2)}

torch.manual_seed(0)
x = torch.randn(128, 4)
y = (x[:, 0] > 0).long()
train = data.DataLoader(data.TensorDataset(x, y), 16, shuffle=True)
test = data.DataLoader(data.TensorDataset(x, y), 64)
best = pl.callbacks.ModelCheckpoint(folder, monitor="accuracy", mode="max")
trainer = pl.Trainer(max_epochs=4, accelerator="cpu", logger=False, default_root_dir=folder, enable_progress_bar=False,
                     callbacks=[best, pl.callbacks.EarlyStopping("accuracy", mode="max", patience=5)],
                     gradient_clip_val=1.0, accumulate_grad_batches=2)
model = Model()
trainer.fit(model, train, test)
assert trainer.callback_metrics["accuracy"] > 0.8 and trainer.global_step == 16
again = Model.load_from_checkpoint(best.best_model_path)
assert again.hparams.hidden == 8
assert trainer.validate(again, test, verbose=False)[0]["accuracy"] == best.best_model_score
assert (torch.cat(trainer.predict(again, test)) == y).float().mean() > 0.8
""",
    "entmax": """
from entmax import entmax15, entmax_bisect, sparsemax
x = torch.randn(6, 5, dtype=torch.float64, requires_grad=True)
for f in (sparsemax, entmax15, lambda z: entmax_bisect(z, 1.3)):
    y = f(x)
    assert torch.allclose(y.sum(-1), torch.ones(6, dtype=torch.float64))
    assert torch.autograd.grad(y.square().sum(), x)[0].sum(-1).abs().max() < 1e-9
""",
    "zuko": """
import zuko
torch.manual_seed(0)
x = torch.randn(200, 2) @ torch.tensor([[1.0, 0.5], [0.0, 0.3]])
for flow in (zuko.flows.MAF(2, transforms=2, hidden_features=(16,)), zuko.flows.CNF(2, hidden_features=(8,))):
    optimizer, losses = torch.optim.Adam(flow.parameters(), 1e-2), []
    for _ in range(15):
        loss = -flow().log_prob(x).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] and flow().sample((4,)).shape == (4, 2)
""",
}
HEAD = """
import sys
import torch
from torch import nn
assert torch.Tensor.__module__ == "torch"
folder = sys.argv[1]
"""


@pytest.mark.parametrize("library", USES)
def test_use(library, tmp_path):
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    program = tmp_path / "use.py"
    program.write_text(HEAD + USES[library] + "\nprint('all well')\n")
    root = str(Path(fastnn.__file__).parent.parent)
    done = subprocess.run([sys.executable, "-m", "fastnn", str(program), str(tmp_path)], capture_output=True, text=True,
                          cwd=tmp_path, timeout=300, env={**os.environ, "PYTHONPATH": root, "MPLBACKEND": "agg"})
    assert done.stdout.rstrip().endswith("all well"), done.stdout[-2000:] + done.stderr[-4000:]
