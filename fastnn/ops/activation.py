"""Activations made of other operations; those with kernels are in `pointwise`."""
import numpy as np

from fastnn._tensor import from_array
from fastnn.ops import pointwise, reduce
from fastnn.ops._common import need_tensors
from fastnn.ops.arithmetic import mul
from fastnn.ops.creation import empty_like
from fastnn.ops.declare import operation
from fastnn.ops.inplace import changed
from fastnn.random import default_generator


@operation("fastnn")
def rrelu(input, lower=1.0 / 8, upper=1.0 / 3, training=False, inplace=False, generator=None):
    """x if x > 0, else a x: a uniform of [lower, upper] for each element in training, its mean otherwise.

    Source: Xu et al. 2015.
    """
    need_tensors("rrelu", input)
    if not lower <= upper:
        raise RuntimeError(f"rrelu: Lower bound should be less than or equal to the upper bound, got {lower} and "
                           f"{upper}")
    if not training:
        return pointwise.leaky_relu(input, (lower + upper) / 2, inplace)
    if input.detach().numpy().dtype.kind != "f":
        raise RuntimeError(f"rrelu: expected a float32 or float64 tensor, got {input.dtype}")
    x = input.detach().numpy()
    slopes, negative = np.ones_like(x), x <= 0
    source = default_generator if generator is None else generator
    slopes[negative] = source.uniform(np.empty(np.count_nonzero(negative)), lower, upper)
    slopes = from_array(slopes)
    return changed("rrelu_", input, mul, (slopes,), {}) if inplace else mul(input, slopes)


def gumbel_softmax(logits, tau=1, hard=False, eps=1e-10, dim=-1):
    """A sample of the Gumbel-softmax distribution (Jang et al. 2017); `hard` gives one-hot rows with its gradient."""
    noise = empty_like(logits).detach().exponential_().log()
    soft = reduce.softmax((logits - noise) / tau, dim)
    if not hard:
        return soft
    best = soft.detach().argmax(dim, keepdim=True)
    return soft.detach().mul(0).scatter_(dim, best, 1.0) - soft.detach() + soft
