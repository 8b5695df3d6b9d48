"""The steps that a model's layers do, under one name in each door, and rules put in their stead while a model runs.

A rule sees a step's arguments and result and may give another result of the same value: then gradients flow as the
rule says. It is put there by forward hooks, or for a layer of the Keras door, which has none, by the layer's own
attribute ``call``; a Keras layer with an activation is two steps.

Threads take turns at putting something into layers, and what one of them put there acts in its own calls alone.
"""
import contextlib
import sys
import threading

import fastnn
from fastnn import Tensor, nn
from fastnn.explain import _unrolled, _unrolled_keras


class Step:
    """One step of a layer.

    Attributes
    ----------
    kind : str
        "affine", "map" (of single numbers), "softmax", "log_softmax", "max_pool", "mean_pool", "batch_norm",
        "layer_norm", "product" (of two inputs), "recurrent", "attention"; "any" for what no rule knows.
    layer : Module or Layer
        Where it stands.
    function : callable
        What it computes.
    facts : dict
        By kind: ``unroll`` of recurrent layers and attention, which writes them out; ``dim`` of a softmax; ``weights``
        (names) and ``convolves`` of an affine step; ``relu`` of a map; ``scale`` and ``shift`` of batch norm, functions
        of the input's number of dimensions; ``dims, eps, weight, bias, centred`` of layer norm.
    """

    def __init__(self, kind, layer, function, **facts):
        self.kind, self.layer, self.function, self.facts = kind, layer, function, facts

    def with_weights(self, x, weight, bias):
        """An affine step of `x` by other weights; `bias` is left out where the layer has none."""
        return self.facts["compute"](x, weight, bias)

    @property
    def weight(self):
        return getattr(self.layer, self.facts["weights"][0]).detach()

    @property
    def bias(self):
        bias = getattr(self.layer, self.facts["weights"][1], None)
        return None if bias is None else bias.detach()

    def __repr__(self):
        return f"Step({self.kind}, {type(self.layer).__name__})"


# ---- the PyTorch door ----

_AFFINE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d)
_CONVOLUTIONS = _AFFINE[1:]
_MAPS = tuple(getattr(nn, name) for name in (
    "ReLU ReLU6 SELU SiLU Mish Hardsigmoid Hardswish Sigmoid Tanh LogSigmoid Softsign Tanhshrink LeakyReLU ELU CELU "
    "Hardtanh Threshold RReLU GELU Softplus Softshrink Hardshrink PReLU").split())
_MAX_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d)
_MEAN_POOLS = (nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)
_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_RECURRENT = (nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell)


def _twin(layer, **attributes):
    """The same layer with other attributes; the layer itself, which others may be calling, stays as it is."""
    kind = type(layer)
    while any(isinstance(getattr(kind, name, None), property) for name in attributes):
        kind = kind.__base__  # a parametrization computes its weight
    twin = object.__new__(kind)
    twin.__dict__.update(vars(layer), **attributes)
    return twin


def _legacy_dim(ndim):
    return 0 if ndim in (0, 1, 3) else 1


def _module_step(module):
    if isinstance(module, _AFFINE):
        def compute(x, weight, bias):
            return _twin(module, weight=weight, bias=bias).forward(x)
        out = 1 if isinstance(module, (nn.ConvTranspose1d, nn.ConvTranspose2d)) else 0
        return Step("affine", module, module.forward, weights=("weight", "bias"), compute=compute, out=out,
                    convolves=isinstance(module, _CONVOLUTIONS))
    if isinstance(module, _MAPS):
        function = module.forward
        if getattr(module, "inplace", False):
            def function(x):
                return module.forward(x.clone())
        return Step("map", module, function, relu=type(module) is nn.ReLU)
    if isinstance(module, (nn.Softmax, nn.LogSoftmax, nn.Softmax2d)):
        dim = -3 if isinstance(module, nn.Softmax2d) else module.dim
        return Step("log_softmax" if isinstance(module, nn.LogSoftmax) else "softmax", module, module.forward,
                    dim=lambda ndim: _legacy_dim(ndim) if dim is None else dim)
    if isinstance(module, _MAX_POOLS):
        return Step("any" if getattr(module, "return_indices", False) else "max_pool", module, module.forward)
    if isinstance(module, _MEAN_POOLS):
        return Step("mean_pool", module, module.forward)
    if isinstance(module, _BATCH_NORMS) and module.running_mean is not None:
        return _batch_norm(module, module.running_mean, module.running_var, module.weight, module.bias, module.eps, 1,
                           module.forward)
    if isinstance(module, (nn.LayerNorm, nn.RMSNorm)):
        dims = tuple(range(-len(module.normalized_shape), 0))
        eps = module.eps
        return Step("layer_norm", module, module.forward, dims=dims, weight=module.weight,
                    bias=getattr(module, "bias", None), centred=isinstance(module, nn.LayerNorm),
                    eps=lambda x: fastnn.finfo(x.dtype).eps if eps is None else eps)
    if isinstance(module, nn.MultiheadAttention):
        return Step("attention", module, module.forward, unroll=lambda step, rules, args, kwargs, output:
                    _unrolled.attention(step, rules, *args, **kwargs))
    if isinstance(module, _RECURRENT):
        return Step("recurrent", module, module.forward, unroll=lambda step, rules, args, kwargs, output:
                    _unrolled.recurrent(step, rules, args, kwargs))
    return None


def _batch_norm(layer, mean, variance, weight, bias, eps, axis, function):
    scale = (variance.detach() + eps).rsqrt()
    scale = scale if weight is None else scale * weight.detach()
    shift = -mean.detach() * scale
    shift = shift if bias is None else shift + bias.detach()

    def shaped(values):
        def at(ndim):
            shape = [1] * ndim
            shape[axis] = -1
            return values.reshape(shape)
        return at
    return Step("batch_norm", layer, function, scale=shaped(scale), shift=shaped(shift), factor=scale, offset=shift)


# ---- the Keras door ----

def _keras():
    """The Keras door, if the program has it: else no layer can come from there."""
    return sys.modules.get("fastnn.keras.layers")


def _layer_steps(layer):
    """The steps of a layer of the Keras door, in their order; None if no rule knows it."""
    L = _keras()
    activations = sys.modules["fastnn.keras.activations"]

    def call(*args, **kwargs):
        return type(layer).call(layer, *args, **kwargs)
    convolutions = (L.Conv1D, L.Conv2D, L.Conv1DTranspose, L.Conv2DTranspose, L.DepthwiseConv1D, L.DepthwiseConv2D)
    if isinstance(layer, (L.Dense, L.EinsumDense, *convolutions)):
        def compute(x, weight, bias):
            twin = _twin(layer, activation=activations.linear, kernel=weight, bias=bias)
            return type(layer).call(twin, x)

        def linear(*args, **kwargs):
            return type(layer).call(_twin(layer, activation=activations.linear), *args, **kwargs)
        plain = isinstance(layer, (L.Dense, L.Conv1D, L.Conv2D))  # the kernel's last axis is the output's
        steps = [Step("affine", layer, linear, weights=("kernel", "bias"), compute=compute, out=-1 if plain else None,
                      convolves=isinstance(layer, convolutions))]
        if layer.activation is not activations.linear:
            steps.append(_activation_step(layer, layer.activation, activations))
        return steps
    if isinstance(layer, L.Activation):
        return [_activation_step(layer, layer.activation, activations)]
    if isinstance(layer, (L.ReLU, L.LeakyReLU, L.PReLU, L.ELU)):
        relu = isinstance(layer, L.ReLU) and layer.max_value is None and not layer.negative_slope and \
            not layer.threshold
        return [Step("map", layer, call, relu=relu)]
    if isinstance(layer, L.Softmax):
        return [Step("softmax" if isinstance(layer.axis, int) else "any", layer, call, dim=lambda ndim: layer.axis)]
    if isinstance(layer, (L.MaxPooling1D, L.MaxPooling2D, L.GlobalMaxPooling1D, L.GlobalMaxPooling2D)):
        return [Step("max_pool", layer, call)]
    if isinstance(layer, (L.AveragePooling1D, L.AveragePooling2D, L.GlobalAveragePooling1D, L.GlobalAveragePooling2D)):
        return [Step("mean_pool", layer, call)]
    if isinstance(layer, L.BatchNormalization) and layer.built:
        return [_batch_norm(layer, layer.moving_mean, layer.moving_variance, layer.gamma, layer.beta, layer.epsilon,
                            layer.axis, call)]
    if isinstance(layer, L.LayerNormalization) and layer.built:
        axes = tuple(layer.axis)
        if axes == tuple(range(-len(axes), 0)) or axes == (-1,):
            return [Step("layer_norm", layer, call, dims=axes, weight=layer.gamma, bias=layer.beta, centred=True,
                         eps=lambda x: layer.epsilon)]
    if isinstance(layer, (L.SimpleRNN, L.LSTM, L.GRU)):
        return [Step("recurrent", layer, call, unroll=_unrolled_keras.recurrent)]
    if type(layer) is L.MultiHeadAttention:
        return [Step("attention", layer, call, unroll=_unrolled_keras.attention)]
    if isinstance(layer, L.Multiply):
        return [Step("product", layer, call)]
    return None


def _activation_step(layer, function, activations):
    if function is activations.softmax:
        return Step("softmax", layer, function, dim=lambda ndim: -1)
    if function is activations.log_softmax:
        return Step("log_softmax", layer, function, dim=lambda ndim: -1)
    if function is activations.linear:
        return Step("any", layer, function)
    known = str(getattr(function, "__module__", "")).startswith(activations.__name__) and function is not getattr(
        activations, "glu", None)
    return Step("map" if known else "any", layer, function, relu=function is activations.relu)


# ---- both ----

def layers_of(model):
    """Every layer of a model, itself among them; what is neither a Module nor a Keras layer has none."""
    if isinstance(model, nn.Module):
        yield from model.modules()
        return
    keras = _keras()
    if keras is None or not isinstance(model, keras.Layer):
        return
    seen, left = set(), [model]
    while left:
        layer = left.pop(0)
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        yield layer
        left += [inner for inner in vars(layer).values() if isinstance(inner, keras.Layer)]
        left += getattr(layer, "layers", ())


def is_layer(thing):
    """Whether it is a layer of one of the doors."""
    keras = _keras()
    return isinstance(thing, nn.Module) or keras is not None and isinstance(thing, keras.Layer)


def channels_axis(layer):
    """Where a layer's output has its channels: 1, or the last axis for images of the Keras door."""
    return -1 if getattr(layer, "data_format", None) == "channels_last" or not isinstance(layer, nn.Module) and \
        not hasattr(layer, "data_format") else 1


_turn = threading.RLock()


def _own(function, otherwise=lambda *args, **kwargs: None):
    """A function that acts in the thread that made it; in others `otherwise` does."""
    thread = threading.get_ident()
    return lambda *args, **kwargs: (function if threading.get_ident() == thread else otherwise)(*args, **kwargs)


@contextlib.contextmanager
def watched(layer, callback):
    """Call ``callback(args, kwargs, output)`` after a layer has run; what it returns, if anything, takes the output's
    place."""
    with _turn, contextlib.ExitStack() as stack:
        if isinstance(layer, nn.Module):
            if getattr(layer, "inplace", False):
                callback = _on_copies(layer, callback, stack)
            stack.enter_context(layer.register_forward_hook(
                _own(lambda module, args, kwargs, output: callback(args, kwargs, output)), with_kwargs=True))
        else:
            inner = _call_of(layer)

            def call(*args, **kwargs):
                output = inner(*args, **kwargs)
                changed = callback(args, kwargs, output)
                return output if changed is None else changed
            stack.enter_context(_called(layer, call))
        yield


def _on_copies(module, callback, stack):
    """A layer that works in place runs on a copy of its input, and the result is written to the input in the end: so
    what came before stays to be seen, and the model need not use what the layer returns."""
    given = []

    def before(module, args, kwargs):
        x = first_tensor(args, kwargs)
        given.append(x)
        return _with_first(x.clone(), args, kwargs)

    def after(args, kwargs, output):
        x = given.pop()
        changed = callback(*_with_first(x.clone(), args, kwargs), output)
        return x.copy_(output if changed is None else changed)
    # Of several around one layer the last one is outermost: first before it, and last behind it.
    stack.enter_context(module.register_forward_pre_hook(_own(before), prepend=True, with_kwargs=True))
    return after


@contextlib.contextmanager
def prepared(layer, change):
    """Call ``change(args, kwargs)`` before a layer runs; it gives the (args, kwargs) to run it with, or None."""
    with _turn, contextlib.ExitStack() as stack:
        if isinstance(layer, nn.Module):
            inplace = getattr(layer, "inplace", False)

            def before(module, args, kwargs):
                changed = change(args, kwargs)
                if changed is None or not inplace:
                    return changed
                return _with_first(first_tensor(args, kwargs).copy_(first_tensor(*changed)), args, kwargs)
            stack.enter_context(layer.register_forward_pre_hook(_own(before), prepend=inplace, with_kwargs=True))
        else:
            inner = _call_of(layer)

            def call(*args, **kwargs):
                args, kwargs = change(args, kwargs) or (args, kwargs)
                return inner(*args, **kwargs)
            stack.enter_context(_called(layer, call))
        yield


def _call_of(layer):
    if not is_layer(layer):
        raise TypeError(f"expected a layer of the model, got {type(layer).__name__}")
    return layer.call


@contextlib.contextmanager
def _called(layer, call):
    """A Keras layer that runs another `call`; models see that they cannot bypass `__call__` then."""
    before = layer.__dict__.get("call")
    layer.call = _own(call, layer.call)
    try:
        yield
    finally:
        if before is None:
            del layer.call
        else:
            layer.call = before


@contextlib.contextmanager
def replaced(model, rule, kinds=None):
    """Ask ``rule(step, args, kwargs, output)`` about each step of the model: None leaves the output as it is.

    Within a rule steps run as they are.
    """
    busy = []

    @_own
    def ask(step, args, kwargs, output):
        if busy or kinds is not None and step.kind not in kinds:
            return None
        busy.append(step)
        try:
            return rule(step, args, kwargs, output)
        finally:
            busy.pop()

    with _turn, contextlib.ExitStack() as stack:
        covered = set()
        for layer in layers_of(model):
            if id(layer) in covered:
                continue
            if isinstance(layer, nn.Module):
                _cover_module(layer, ask, stack, covered)
            else:
                _cover_layer(layer, ask, stack)
        yield


def _cover_module(module, ask, stack, covered):
    step = _module_step(module)
    if step is not None:
        covered.update(id(inner) for inner in module.modules())
        stack.enter_context(watched(module, lambda args, kwargs, output: ask(step, args, kwargs, output)))
    elif isinstance(module, (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)) and not isinstance(
            module.activation, nn.Module):
        function = module.activation
        own = Step("map", module, function, relu=function is nn.functional.relu)

        def activation(x):
            output = function(x)
            changed = ask(own, (x,), {}, output)
            return output if changed is None else changed
        object.__setattr__(module, "activation", activation)
        stack.callback(object.__setattr__, module, "activation", function)


def _cover_layer(layer, ask, stack):
    steps = _layer_steps(layer)
    if not steps:
        return

    def call(*args, **kwargs):
        for step in steps:
            output = step.function(*args, **kwargs)
            changed = ask(step, args, kwargs, output)
            output = output if changed is None else changed
            args, kwargs = (output,), {}
        return output
    stack.enter_context(_called(layer, call))


def same_value(value, way):
    """`value` with the gradient of `way`."""
    return value.detach() + (way - way.detach())


def first_tensor(args, kwargs):
    """What a layer was called with."""
    for x in (*args, *kwargs.values()):
        if isinstance(x, Tensor):
            return x
    raise TypeError("expected a layer that is called with a tensor")


def _with_first(value, args, kwargs):
    """The arguments with `value` in the place of the first tensor."""
    name = next((i for i, x in enumerate(args) if isinstance(x, Tensor)), None)
    if name is not None:
        return (*args[:name], value, *args[name + 1:]), kwargs
    name = next(name for name, x in kwargs.items() if isinstance(x, Tensor))
    return args, {**kwargs, name: value}
