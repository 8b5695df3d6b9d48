"""Random complex tensors: both parts are drawn, next to each other, from the stream of real numbers."""
from fastnn import dtypes
from fastnn.ops import sampling
from fastnn.ops._common import into
from fastnn.ops.complex_numbers.arithmetic import view_as_complex, view_as_real
from fastnn.ops.creation import sizes_of


def _made(name, size, options, factor):
    dtype, out, grad = options.pop("dtype", None), options.pop("out", None), options.pop("requires_grad", False)
    kind = dtypes.to_numpy(out.dtype if dtype is None and out is not None else dtype)
    if kind.kind != "c":  # asked for by something else
        return getattr(sampling, name)(*size, dtype=dtype, out=out, requires_grad=grad, **options)
    made = getattr(sampling, name)(*sizes_of(size), 2, dtype=dtypes.to_real(kind), **options)
    made = view_as_complex(made * factor if factor != 1 else made).clone().requires_grad_(grad)
    return into(name, out, made)


def rand(*size, **options):
    """Both parts uniform in [0, 1)."""
    return _made("rand", size, options, 1)


def randn(*size, **options):
    """Normal with variance 1: both parts have 1/2."""
    return _made("randn", size, options, 0.5 ** 0.5)


def rand_like(input, *, dtype=None, memory_format=None, **options):
    """``rand`` with the shape and dtype of a tensor."""
    return rand(*input.shape, dtype=input.dtype if dtype is None else dtype, **options)


def randn_like(input, *, dtype=None, memory_format=None, **options):
    """``randn`` with the shape and dtype of a tensor."""
    return randn(*input.shape, dtype=input.dtype if dtype is None else dtype, **options)


def uniform_(self, from_=0.0, to=1.0, *, generator=None, **kwargs):
    """Both parts uniform."""
    view_as_real(self).uniform_(from_, to, generator=generator, **kwargs)
    return self


def normal_(self, mean=0.0, std=1.0, *, generator=None):
    """Normal around `mean`: both parts have half the variance, and, as in PyTorch, the mean of a real one."""
    parts = view_as_real(self).normal_(0.0, std * 0.5 ** 0.5, generator=generator)
    if mean:
        parts.add_(mean)
    return self
