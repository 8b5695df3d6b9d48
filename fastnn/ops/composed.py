"""Operations of networks that are made of other operations."""
import numpy as np

from fastnn._tensor import from_array
from fastnn.ops import pointwise, reduce
from fastnn.ops._common import in_single, need_tensors, room
from fastnn.ops.arithmetic import add, mul, sub
from fastnn.ops.inplace import changed
from fastnn.ops.linear import linear, matmul
from fastnn.ops.products import vector_norm


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
    from fastnn.random import default_generator
    x = input.detach().numpy()
    slopes, negative = np.ones_like(x), x <= 0
    source = default_generator if generator is None else generator
    slopes[negative] = source.uniform(np.empty(np.count_nonzero(negative)), lower, upper)
    slopes = from_array(slopes)
    return changed("rrelu_", input, mul, (slopes,), {}) if inplace else mul(input, slopes)


@in_single
def bilinear(input1, input2, weight, bias=None):
    """y[o] = x1 weight[o] x2 + bias[o].

    Shape: inputs (*, in1) and (*, in2), weight (out, in1, in2), bias (out), result (*, out).
    """
    need_tensors("bilinear", input1, input2, weight)
    if weight.ndim != 3 or input1.ndim != input2.ndim or input1.ndim == 0 or input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(f"bilinear(): input batch dimensions do not match: expected (*, in1), (*, in2) and weight "
                           f"(out, in1, in2), got {list(input1.shape)}, {list(input2.shape)} and "
                           f"{list(weight.shape)}")
    for name, x, size in (("input1", input1, weight.shape[1]), ("input2", input2, weight.shape[2])):
        if x.shape[-1] != size:
            raise RuntimeError(f"bilinear(): {name} size does not match weight size: got {x.shape[-1]} but expected "
                               f"{size}")
    if bias is not None and tuple(bias.shape) != (weight.shape[0],):
        raise RuntimeError(f"bilinear(): bias size does not match weight size: got {list(bias.shape)} but expected "
                           f"[{weight.shape[0]}]")
    out, in1, in2 = weight.shape
    right = linear(input2, weight.reshape(out * in1, in2)).unflatten(-1, (out, in1))
    result = matmul(right, input1.unsqueeze(-1)).squeeze(-1)
    return result if bias is None else add(result, bias)


def channel_shuffle(input, groups):
    """Channels (dimension 1) in another order: first ones of all groups, then second ones, ... (Zhang et al. 2017)."""
    need_tensors("channel_shuffle", input)
    if input.ndim <= 2:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes "
                           f"{list(input.shape)}")
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    if input.shape[1] % groups:
        raise RuntimeError(f"Number of channels must be divisible by groups. Got {input.shape[1]} channels and "
                           f"{groups} groups.")
    made = input.unflatten(1, (groups, input.shape[1] // groups)).transpose(1, 2).flatten(1, 2)
    shared = np.may_share_memory(made.detach().numpy(), input.detach().numpy())
    return made.clone() if shared else made  # never a view


def pdist(input, p=2.0):
    """p-norms of the differences of all pairs of rows, (0, 1), (0, 2), ..., (1, 2), ...

    Shape: input (N, M), result (N (N - 1) / 2).
    """
    need_tensors("pdist", input)
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if p < 0:
        raise RuntimeError(f"pdist only supports non-negative p values, got {p}")
    room("pdist", (input.shape[0], input.shape[0] // 2, max(input.shape[1], 1)), 2 * input.itemsize)
    first, second = (from_array(index) for index in np.triu_indices(input.shape[0], 1))
    return vector_norm(sub(input.index_select(0, first), input.index_select(0, second)), p, -1)


def gumbel_softmax(logits, tau=1, hard=False, eps=1e-10, dim=-1):
    """A sample of the Gumbel-softmax distribution (Jang et al. 2017); `hard` gives one-hot rows with its gradient."""
    from fastnn.ops.creation import empty_like
    noise = empty_like(logits).detach().exponential_().log()
    soft = reduce.softmax((logits - noise) / tau, dim)
    if not hard:
        return soft
    best = soft.detach().argmax(dim, keepdim=True)
    return soft.detach().mul(0).scatter_(dim, best, 1.0) - soft.detach() + soft


def one_hot(input, num_classes=-1):
    """A row of zeros with a 1 at each class number, int64."""
    classes = input.numpy()
    if classes.dtype != np.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if classes.size == 0 and num_classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if classes.size and classes.min() < 0:
        raise RuntimeError("Class values must be non-negative.")
    if num_classes == -1:
        num_classes = int(classes.max()) + 1
    elif num_classes < 1 and classes.size == 0 or num_classes == 0:
        raise RuntimeError("num_classes should be positive")
    if classes.size and classes.max() >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    room("one_hot", (*classes.shape, num_classes), 8)
    return from_array((classes[..., None] == np.arange(num_classes)).astype(np.int64))
