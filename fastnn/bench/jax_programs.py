"""The dense programs in JAX: compiled by ``jax.jit``, from the weights that fastnn's have."""
import importlib

import fastnn
from fastnn.bench import programs


def _modules():
    jax = importlib.import_module("jax")
    return jax, importlib.import_module("jax.numpy")


def operation(function, *shapes):
    """``function(jax, jax.numpy, *arrays of these shapes)``."""
    jax, jnp = _modules()
    arrays = [jnp.asarray(programs.random("float32", *shape, seed=seed)) for seed, shape in enumerate(shapes)]
    call = jax.jit(lambda *arrays: function(jax, jnp, *arrays))
    return lambda: call(*arrays).block_until_ready()


def weights(network):
    """[(weight, bias), ...] of a stack of linear layers."""
    fastnn.manual_seed(0)
    return [tuple(parameter.detach().numpy() for parameter in (layer.weight, layer.bias))
            for layer in network(fastnn) if isinstance(layer, fastnn.nn.Linear)]


def _forward(jax, parameters, x, last):
    for i, (weight, bias) in enumerate(parameters):
        x = x @ weight.T + bias
        if i < len(parameters) - 1:
            x = jax.nn.relu(x)
    return last(x)


def prediction(network, shape, last=lambda x: x):
    jax, jnp = _modules()
    parameters, x = jax.tree.map(jnp.asarray, weights(network)), jnp.asarray(programs.random("float32", *shape))
    call = jax.jit(lambda parameters, x: _forward(jax, parameters, x, last))
    return lambda: call(parameters, x).block_until_ready()


def training_step(network, loss_of, x, target, rate=1e-3, b1=0.9, b2=0.999, eps=1e-8):
    """A step of Adam (Kingma and Ba 2014); ``loss_of(jax, jnp, forward, target)`` is the loss of ``forward(last)``."""
    jax, jnp = _modules()
    parameters = jax.tree.map(jnp.asarray, weights(network))

    def loss(parameters, x, target):
        return loss_of(jax, jnp, lambda last: _forward(jax, parameters, x, last), target)

    @jax.jit
    def update(state, x, target):
        parameters, first, second, t = state
        value, gradients = jax.value_and_grad(loss)(parameters, x, target)
        t = t + 1
        first = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, first, gradients)
        second = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, second, gradients)
        rate_now, scale = rate / (1 - b1 ** t), 1 / jnp.sqrt(1 - b2 ** t)
        parameters = jax.tree.map(lambda p, m, v: p - rate_now * m / (jnp.sqrt(v) * scale + eps),
                                  parameters, first, second)
        return (parameters, first, second, t), value

    zeros = jax.tree.map(jnp.zeros_like, parameters)
    state, x, target = (parameters, zeros, zeros, jnp.zeros(())), jnp.asarray(x), jnp.asarray(target)

    def step():
        nonlocal state
        state, value = update(state, x, target)
        return value.block_until_ready()
    return step


def autoencoder(batch):
    x = programs.random("float32", batch, 784)
    return training_step(programs.autoencoder_network,
                         lambda jax, jnp, forward, target: jnp.mean((forward(jax.nn.sigmoid) - target) ** 2), x, x)


def classifier(batch):
    def cross_entropy(jax, jnp, forward, target):
        return -jnp.mean(jnp.take_along_axis(forward(jax.nn.log_softmax), target[:, None], 1))
    return training_step(programs.classifier_network, cross_entropy, programs.random("float32", batch, 784),
                         programs.classes(batch, 10))
