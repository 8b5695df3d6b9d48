"""A fully connected network and its parts: layers, activations, losses, optimizers, each used once."""
import argparse
import math

import fastnn
import fastnn.nn.functional as F
from fastnn import nn, optim


class FullyConnected(nn.Module):
    """Three linear layers, 64 and 32 wide inside, with `activation` between them (none: the whole stays linear)."""

    def __init__(self, inputs, outputs, activation: type[nn.Module] = nn.Identity):
        super().__init__()
        self.fc1 = nn.Linear(inputs, 64)
        self.fc2 = nn.Linear(64, 32)
        self.fc3 = nn.Linear(32, outputs)
        self.activation = activation()

    def forward(self, x):
        x = self.activation(self.fc1(x))
        x = self.activation(self.fc2(x))
        return self.fc3(x)


def same_as_sequential(model, x):
    """Largest difference between `model` and nn.Sequential over the same layers."""
    chain = nn.Sequential(model.fc1, model.activation, model.fc2, model.activation, model.fc3)
    with fastnn.no_grad():
        return (model(x) - chain(x)).abs().max().item()


def additivity_error(model, x, y):
    """How far f(x) + f(y) is from f(x + y) + f(0): 0 for a linear map (with a bias), whatever its depth."""
    with fastnn.no_grad():
        zero = fastnn.zeros_like(x)
        return (model(x) + model(y) - model(x + y) - model(zero)).abs().max().item()


def activations():
    """Name -> values at -2, -0.5, 0, 1, 3; softmax is taken over the five of them."""
    x = fastnn.tensor([-2.0, -0.5, 0.0, 1.0, 3.0])
    functions = {
        "sigmoid": F.sigmoid,
        "tanh": F.tanh,
        "relu": nn.ReLU(),
        "leaky_relu": nn.LeakyReLU(negative_slope=0.01),
        "softmax": lambda x: F.softmax(x, dim=0),
    }
    return {name: function(x).tolist() for name, function in functions.items()}


def losses():
    """Name -> value of every loss on one small example."""
    prediction, target = fastnn.tensor([0.5, -1.0, 2.0]), fastnn.tensor([1.0, 0.0, 1.0])
    logits, classes = fastnn.tensor([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]]), fastnn.tensor([0, 2])
    return {
        "mse": nn.MSELoss()(prediction, target).item(),
        "l1": nn.L1Loss()(prediction, target).item(),
        "bce": nn.BCELoss()(prediction.sigmoid(), target).item(),
        "bce_with_logits": nn.BCEWithLogitsLoss()(prediction, target).item(),
        "cross_entropy": nn.CrossEntropyLoss()(logits, classes).item(),
        "cross_entropy sum": nn.CrossEntropyLoss(reduction="sum")(logits, classes).item(),
    }


OPTIMIZERS = {
    "SGD": lambda parameters: optim.SGD(parameters, lr=0.05),
    "SGD, momentum": lambda parameters: optim.SGD(parameters, lr=0.05, momentum=0.9),
    "SGD, Nesterov": lambda parameters: optim.SGD(parameters, lr=0.05, momentum=0.9, nesterov=True),
    "Adagrad": lambda parameters: optim.Adagrad(parameters, lr=0.05),
    "RMSprop": lambda parameters: optim.RMSprop(parameters, lr=0.005),
    "Adam": lambda parameters: optim.Adam(parameters, lr=0.01),
}


def fit(make_optimizer, steps=200):
    """Fit sin(pi x1) x2 on 256 points; the losses before each step."""
    fastnn.manual_seed(0)
    x = 2 * fastnn.rand(256, 2) - 1
    target = (math.pi * x[:, :1]).sin() * x[:, 1:]
    model, criterion = FullyConnected(2, 1, nn.Tanh), nn.MSELoss()
    optimizer = make_optimizer(model.parameters())
    history = []
    for _ in range(steps):
        loss = criterion(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    return history


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200, help="training steps for each optimizer")
    args = parser.parse_args(argv)

    fastnn.manual_seed(0)
    linear, curved = FullyConnected(32, 1), FullyConnected(32, 1, nn.ReLU)
    x, y = fastnn.randn(8, 32), fastnn.randn(8, 32)
    print(linear)
    results = {
        "parameters": sum(parameter.numel() for parameter in linear.parameters()),
        "same": same_as_sequential(curved, x),
        "linear": additivity_error(linear, x, y),
        "curved": additivity_error(curved, x, y),
        "activations": activations(),
        "losses": losses(),
        "optimizers": {name: fit(make, args.steps) for name, make in OPTIMIZERS.items()},
    }
    print(f"{results['parameters']} parameters; nn.Sequential over the same layers differs by {results['same']:g}")
    print(f"f(x) + f(y) - f(x + y) - f(0): {results['linear']:.1e} linear, {results['curved']:.1e} with ReLU")
    for name, values in results["activations"].items():
        print(f"{name:>18}  " + " ".join(f"{value:+.4f}" for value in values))
    for name, value in results["losses"].items():
        print(f"{name:>18}  {value:.6f}")
    for name, history in results["optimizers"].items():
        print(f"{name:>18}  {history[0]:.4f} -> {history[-1]:.4f} in {args.steps} steps")
    return results


if __name__ == "__main__":
    main()
