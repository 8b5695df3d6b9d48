"""Activations made of other operations; those with kernels are in `activation`."""
import numpy as np

from fastnn._tensor import from_array
from fastnn.ops import activation, softmax
from fastnn.ops._common import need_tensors
from fastnn.ops.arithmetic import mul
from fastnn.ops.creation import empty_like
from fastnn.ops.declare import operation
from fastnn.ops.inplace import changed
from fastnn.random import default_generator


@operation("nn")
@operation("fastnn")
def rrelu(input, lower=1.0 / 8, upper=1.0 / 3, training=False, inplace=False, generator=None):
    """x if x > 0, else a x: a uniform of [lower, upper] for each element in training, its mean otherwise.

    Source: Xu et al. 2015.

    Parameters
    ----------
    input : Tensor
    lower : float, default 1.0 / 8
        Lower bound of the slopes.
    upper : float, default 1.0 / 3
        Upper bound of the slopes.
    training : bool, default False
        Whether slopes are drawn.
    inplace : bool, default False
        Whether the result is written into the input's memory.
    generator : Generator, optional
        Source of the random numbers, `fastnn.default_generator` if not given.

    Raises
    ------
    RuntimeError
        `lower` is above `upper`, or the dtype is no floating-point one.

    Examples
    --------
    >>> F.rrelu(fastnn.tensor([-1.0, 2.0]), 0.25, 0.75)
    tensor([-0.5000,  2.0000])
    """
    need_tensors("rrelu", input)
    if not lower <= upper:
        raise RuntimeError(f"rrelu: Lower bound should be less than or equal to the upper bound, got {lower} and "
                           f"{upper}")
    if not training:
        return activation.leaky_relu(input, (lower + upper) / 2, inplace)
    if input.detach().numpy().dtype.kind != "f":
        raise RuntimeError(f"rrelu: expected a float32 or float64 tensor, got {input.dtype}")
    x = input.detach().numpy()
    slopes, negative = np.ones_like(x), x <= 0
    source = default_generator if generator is None else generator
    slopes[negative] = source.uniform(np.empty(np.count_nonzero(negative)), lower, upper)
    slopes = from_array(slopes)
    return changed("rrelu_", input, mul, (slopes,), {}) if inplace else mul(input, slopes)


@operation("nn")
def gumbel_softmax(logits, tau=1, hard=False, eps=1e-10, dim=-1):
    """A sample of the Gumbel-softmax distribution (Jang et al. 2017); `hard` gives one-hot rows with its gradient.

    Parameters
    ----------
    logits : Tensor
        Unnormalised log-probabilities.
    tau : float, default 1
        Temperature: noise is added and the sum divided by it before the softmax.
    hard : bool, default False
        Whether the result is one-hot.
    eps : float, default 1e-10
        Without effect, as in PyTorch.
    dim : int, default -1
        Dimension; negative ones count from the end.

    Examples
    --------
    >>> F.gumbel_softmax(fastnn.zeros(2, 3), hard=True).sum(1)
    tensor([1., 1.])
    """
    noise = empty_like(logits).detach().exponential_().log()
    soft = softmax.softmax((logits - noise) / tau, dim)
    if not hard:
        return soft
    best = soft.detach().argmax(dim, keepdim=True)
    return soft.detach().mul(0).scatter_(dim, best, 1.0) - soft.detach() + soft
