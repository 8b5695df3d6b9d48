"""Random tensors, and random fillings in place. The streams are those of PyTorch's CPU generator."""
import inspect

import numpy as np

from fastnn import random as _random
from fastnn import dtypes
from fastnn._tensor import Tensor, from_array, record, record_inplace, to_array, writable
from fastnn.errors import DTypeError
from fastnn.ops._common import into, room
from fastnn.ops.constant import constant
from fastnn.ops.creation import check_options, empty, finish, like_of, sizes_of
from fastnn.ops.declare import operation


def _generator(generator):
    return _random.default_generator if generator is None else generator


@operation("fastnn")
def rand(*size, generator=None, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, out=None):
    """Uniform random numbers of [0, 1).

    Parameters
    ----------
    *size : int
    generator : Generator, optional
        Source of the random numbers, `fastnn.default_generator` if not given.
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    out : Tensor, optional
        Where the result is written.
    device, layout, pin_memory : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.rand(2, 3, generator=fastnn.Generator().manual_seed(0)).shape
    torch.Size([2, 3])
    """
    made = empty(*size, dtype=dtype if out is None else out.dtype, device=device, layout=layout, pin_memory=pin_memory)
    _generator(generator).uniform(writable(made), 0.0, 1.0)
    made.requires_grad = requires_grad
    return into("rand", out, made)


@operation("fastnn")
def randn(*size, generator=None, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, out=None):
    """Normal random numbers with mean 0 and variance 1.

    Parameters
    ----------
    *size : int
    generator : Generator, optional
        Source of the random numbers, `fastnn.default_generator` if not given.
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    out : Tensor, optional
        Where the result is written.
    device, layout, pin_memory : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.randn(2, 3).shape
    torch.Size([2, 3])
    """
    made = empty(*size, dtype=dtype if out is None else out.dtype, device=device, layout=layout, pin_memory=pin_memory)
    _generator(generator).normal(writable(made), 0.0, 1.0)
    made.requires_grad = requires_grad
    return into("randn", out, made)


@operation("fastnn")
def randint(low=0, high=None, size=None, *, generator=None, dtype=None, device=None, requires_grad=False, layout=None,
            pin_memory=False, out=None):
    """Random integers of [low, high); ``randint(high, size)`` starts at 0.

    Parameters
    ----------
    low : int, default 0
    high : int or tuple of ints, optional
    size : tuple of ints, optional
    generator : Generator, optional
        Source of the random numbers, `fastnn.default_generator` if not given.
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    out : Tensor, optional
        Where the result is written.
    device, layout, pin_memory : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.randint(5, 6, (3,))
    tensor([5, 5, 5])
    """
    check_options(device, layout, pin_memory)
    if size is None:
        low, high, size = 0, low, high
        if size is None:
            raise TypeError("randint() missing its argument 'size': randint(high, size) or randint(low, high, size)")
    elif high is None:
        low, high = 0, low
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    size = sizes_of((size,))
    room("randint", size, 8)
    kind = np.int64 if dtype is None else dtypes.to_numpy(dtype)
    return into("randint", out, finish(_generator(generator).randint(low, high, size, kind), requires_grad))


@operation("fastnn")
def randperm(n, *, generator=None, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
             out=None):
    """A random permutation of 0..n-1.

    Parameters
    ----------
    n : int
    generator : Generator, optional
        Source of the random numbers, `fastnn.default_generator` if not given.
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    out : Tensor, optional
        Where the result is written.
    device, layout, pin_memory : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.randperm(4).sort().values
    tensor([0, 1, 2, 3])
    """
    check_options(device, layout, pin_memory)
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got {n}")
    room("randperm", (n,), 8)
    array = _generator(generator).randperm(n)
    return into("randperm", out, finish(array if dtype is None else array.astype(dtypes.to_numpy(dtype)),
                                        requires_grad))


def _drawn_like(input, generator, dtype, device, layout, pin_memory, requires_grad, fill, *args):
    """A tensor that lies in memory as `input` does, which is the order in which its elements are drawn."""
    check_options(device, layout, pin_memory)
    array = to_array(input)
    order = _random.memory_order(array)
    made = np.empty([array.shape[axis] for axis in order], dtypes.to_numpy(like_of(input, dtype)))
    made = made.transpose(np.argsort(order))
    getattr(_generator(generator), fill)(made, *args)
    return finish(made, requires_grad)


@operation("fastnn")
def rand_like(input, *, generator=None, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
              memory_format=None):
    """``rand`` with the shape and dtype of another tensor.

    Parameters
    ----------
    input : Tensor
    generator : Generator, optional
        Source of the random numbers, `fastnn.default_generator` if not given.
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    device, layout, pin_memory, memory_format : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.rand_like(fastnn.zeros(2, 3)).shape
    torch.Size([2, 3])
    """
    return _drawn_like(input, generator, dtype, device, layout, pin_memory, requires_grad, "uniform")


@operation("fastnn")
def randn_like(input, *, generator=None, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
               memory_format=None):
    """``randn`` with the shape and dtype of another tensor.

    Parameters
    ----------
    input : Tensor
    generator : Generator, optional
        Source of the random numbers, `fastnn.default_generator` if not given.
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    device, layout, pin_memory, memory_format : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.randn_like(fastnn.zeros(2, 3)).shape
    torch.Size([2, 3])
    """
    return _drawn_like(input, generator, dtype, device, layout, pin_memory, requires_grad, "normal")


@operation("fastnn")
def randint_like(input, low=0, high=None, *, generator=None, dtype=None, device=None, requires_grad=False, layout=None,
                 pin_memory=False, memory_format=None):
    """``randint`` with the shape and dtype of another tensor; ``randint_like(input, high)`` starts at 0.

    Parameters
    ----------
    input : Tensor
    low : int, default 0
    high : int, optional
    generator : Generator, optional
        Source of the random numbers, `fastnn.default_generator` if not given.
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    device, layout, pin_memory, memory_format : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.randint_like(fastnn.zeros(3), 5, 6)
    tensor([5., 5., 5.])
    """
    low, high = (0, low) if high is None else (low, high)
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    return _drawn_like(input, generator, dtype, device, layout, pin_memory, requires_grad, "random", low, high)


def _float_in_place(self, name):
    array = writable(self)
    if array.dtype.kind != "f" and self.dtype is not dtypes.bfloat16:
        raise NotImplementedError(f"{name}: not implemented for {self.dtype}")
    return array


def _random_fill(self, name, draw):
    draw(_float_in_place(self, name))
    return record_inplace(self, constant("RandomBackward0"), (), (tuple(self.shape),))


@operation("Tensor")
def uniform_(self, from_=0.0, to=1.0, *, generator=None, **kwargs):
    """Uniform random numbers of [from, to).

    Parameters
    ----------
    from_ : float, default 0.0
    to : float, default 1.0
    generator : Generator, optional
        Source of the random numbers, `fastnn.default_generator` if not given.
    **kwargs
        ``from=``, PyTorch's name of the lower bound.

    Examples
    --------
    >>> bool((fastnn.empty(100).uniform_(2.0, 3.0) >= 2).all())
    True
    """
    low = kwargs.pop("from", from_)
    if low > to:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low} > to={to}")
    source = generator or _random.default_generator
    return _random_fill(self, "uniform_", lambda array: source.uniform(array, low, to))


@operation("Tensor")
def normal_(self, mean=0.0, std=1.0, *, generator=None):
    """Normal random numbers.

    Parameters
    ----------
    mean : float, default 0.0
    std : float, default 1.0
    generator : Generator, optional
        Source of the random numbers, `fastnn.default_generator` if not given.

    Examples
    --------
    >>> fastnn.empty(2).normal_(5.0, 0.0)
    tensor([5., 5.])
    """
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    source = generator or _random.default_generator
    return _random_fill(self, "normal_", lambda array: source.normal(array, mean, std))


def _drawn(name, method):
    """An in-place filling by one of the generator's distributions, with PyTorch's parameters and defaults."""
    def fill(self, *args, generator=None, **kwargs):
        source = generator or _random.default_generator
        getattr(source, method)(writable(self), *args, **kwargs)
        return record_inplace(self, constant("RandomBackward0"), (), (tuple(self.shape),))
    fill.__name__ = name
    fill.__wrapped__ = getattr(_random.Generator, method)
    own, drawn = [list(inspect.signature(one, follow_wrapped=False).parameters.values())
                  for one in (fill, fill.__wrapped__)]
    fill.__signature__ = inspect.Signature([own[0], *drawn[2:], own[2]])  # without the array to fill
    fill.__doc__ = f"""Random numbers of ``Generator.{method}``'s distribution, in place.

    Parameters
    ----------
    *args, **kwargs
        The distribution's parameters, as of that method.
    generator : Generator, optional
        Source of the random numbers, `fastnn.default_generator` if not given.

    Examples
    --------
    >>> fastnn.empty(2, 3).{name}({"0.5" if name == "geometric_" else ""}).shape
    torch.Size([2, 3])
    """
    return fill


for _name in ("exponential", "log_normal", "cauchy", "geometric"):
    operation("Tensor")(_drawn(f"{_name}_", _name))


@operation("Tensor")
def random_(self, from_=None, to=None, *, generator=None, **kwargs):
    """Random integers of [from, to); of the whole range of the dtype without bounds.

    Parameters
    ----------
    from_ : int, optional
    to : int, optional
    generator : Generator, optional
        Source of the random numbers, `fastnn.default_generator` if not given.
    **kwargs
        ``from=``, PyTorch's name of the lower bound.

    Examples
    --------
    >>> fastnn.empty(3).random_(5, 6)
    tensor([5., 5., 5.])
    """
    low = kwargs.pop("from", from_)
    if to is None and low is not None:
        low, to = 0, low
    return _drawn("random_", "random")(self, low, to, generator=generator)


@operation("Tensor")
def bernoulli_(self, p=0.5, *, generator=None):
    """1 with probability p (a number or a tensor), else 0.

    Parameters
    ----------
    p : float or Tensor, default 0.5
    generator : Generator, optional
        Source of the random numbers, `fastnn.default_generator` if not given.

    Examples
    --------
    >>> fastnn.empty(3).bernoulli_(1.0)
    tensor([1., 1., 1.])
    """
    return _drawn("bernoulli_", "bernoulli")(self, p.detach().numpy() if isinstance(p, Tensor) else p,
                                             generator=generator)


def _floating(name, tensor):
    array = tensor.detach().numpy()
    if array.dtype.kind != "f":
        raise DTypeError(f"{name}: expected a floating-point tensor, got {tensor.dtype}")
    return array


@operation("fastnn")
def normal(mean, std=1.0, size=None, *, generator=None, dtype=None, device=None, requires_grad=False, layout=None,
           pin_memory=False, out=None):
    """Normal random numbers: of given mean and deviation (numbers with `size`, or tensors that broadcast).

    Parameters
    ----------
    mean : float or Tensor
    std : float or Tensor, default 1.0
    size : int or tuple of ints, optional
        Sizes.
    generator : Generator, optional
        Source of the random numbers, `fastnn.default_generator` if not given.
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    out : Tensor, optional
        Where the result is written.
    device, layout, pin_memory : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Raises
    ------
    RuntimeError
        A deviation below 0, or `size` beside tensors.

    Examples
    --------
    >>> fastnn.normal(0.0, 1.0, (2, 3)).shape
    torch.Size([2, 3])
    """
    source = generator or _random.default_generator
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        if size is None and out is None:
            raise TypeError("normal: expected size, or tensors for mean or std")
        if std < 0:
            raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
        made = empty(size if size is not None else out.shape, dtype=dtype if out is None else out.dtype, device=device)
        source.normal(writable(made), mean, std)
        return into("normal", out, made.requires_grad_(requires_grad))
    if size is not None:
        raise TypeError("normal: expected no size beside tensors for mean or std")
    mean, std = [value.detach() if isinstance(value, Tensor) else value for value in (mean, std)]
    given = [value for value in (mean, std) if isinstance(value, Tensor)]
    for value in given:
        if not value.dtype.is_floating_point:
            raise DTypeError(f"normal: expected a floating-point tensor, got {value.dtype}")
    if not (std >= 0 if given[-1] is not std else bool((std >= 0).all())):
        raise RuntimeError("normal expects all elements of std >= 0.0")
    drawn = empty(np.broadcast_shapes(*[value.shape for value in given]), dtype=given[0].dtype)
    source.normal(writable(drawn), 0.0, 1.0)
    return into("normal", out, drawn.mul_(std).add_(mean))


@operation()
def bernoulli(input, p=None, *, generator=None, out=None):
    """1 with the probability that each element of `input` (or `p`) gives, else 0. The gradient is zero.

    Parameters
    ----------
    input : Tensor
        Probabilities.
    p : float, optional
        One probability for all elements.
    generator : Generator, optional
        Source of the random numbers, `fastnn.default_generator` if not given.
    out : Tensor, optional
        Where the result is written.

    Raises
    ------
    RuntimeError
        A probability outside of 0 .. 1.

    Examples
    --------
    >>> fastnn.bernoulli(fastnn.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    chances = _floating("bernoulli", input) if p is None else np.broadcast_to(p, input.shape)
    if np.size(chances) and not (np.min(chances) >= 0 and np.max(chances) <= 1):
        raise RuntimeError("bernoulli: expected probabilities of 0 .. 1, "
                           f"got {np.min(chances):.6g} .. {np.max(chances):.6g}")
    drawn = np.empty(input.shape, dtypes.to_numpy(input.dtype))
    source = generator or _random.default_generator
    source.bernoulli(drawn, chances if p is None else p)
    return into("bernoulli", out, record(drawn, constant("BernoulliBackward0"), (input,), (drawn.shape,)))


@operation()
def multinomial(input, num_samples, replacement=False, *, generator=None, out=None):
    """Indices drawn in proportion to the weights of each row: int64, (num_samples,) or (rows, num_samples).

    Parameters
    ----------
    input : Tensor
        Weights, (n,) or (rows, n).
    num_samples : int
    replacement : bool, default False
        Whether an index may be drawn again.
    generator : Generator, optional
        Source of the random numbers, `fastnn.default_generator` if not given.
    out : Tensor, optional
        Where the result is written.

    Raises
    ------
    RuntimeError
        Weights that are negative, infinite or NaN, or fewer than `num_samples` without replacement.

    Examples
    --------
    >>> fastnn.multinomial(fastnn.tensor([0.0, 1.0, 0.0]), 1)
    tensor([1])
    """
    room("multinomial", (*input.shape[:-1], max(num_samples, 0)), 8)
    source = generator or _random.default_generator
    return into("multinomial", out, from_array(source.multinomial(_floating("multinomial", input), num_samples,
                                                                  replacement)))
