"""Layouts, arithmetic, maps, casts, copies and changes in place of sparse tensors.

Most compute with the values, a dense tensor, and put the result behind the same pattern or another one; so gradients
need no rules of their own.
"""
import numpy as np

from fastnn import _tensor, dtypes
from fastnn._tensor import Tensor, from_array, record_inplace, take_history, to_array
from fastnn.errors import ShapeError
from fastnn.ops._common import room
from fastnn.ops.arithmetic import add as dense_add
from fastnn.ops.casting import result_type
from fastnn.ops.joining import cat as dense_cat
from fastnn.sparse.common import as_coo, at_entries, check_same_shape, is_scalar, is_sparse, rule, same_places
from fastnn.sparse.creation import refuse_layout, sparse_coo_tensor
from fastnn.sparse.patterns import COO, CSC, CSR, Compressed, Coordinates, SparseArray, grouped
from fastnn.sparse.tensor import (RULES, coalesced, entries, found_values, frozen, pattern_of, refuse, summed,
                                  typename, with_values)

# Maps with f(0) = 0. They are not linear, so that values of one position are added before.
MAPS = """
abs absolute arcsin arcsinh arctan arctanh asin asinh atan atanh ceil deg2rad erf erfinv expm1 floor frac log1p rad2deg
relu round sgn sign sin sinh sqrt square tan tanh trunc fix nan_to_num isinf isnan isneginf isposinf signbit
""".split()
CASTS = "to float double half long int short char byte bool type_as".split()
# What a tensor's shape and dtype decide: the functions of all tensors.
PLAIN = """
size is_floating_point is_signed is_complex is_conj is_neg is_inference is_pinned get_device element_size cpu cuda
pin_memory nelement ndimension new_tensor new_full new_ones new_empty conj resolve_conj resolve_neg is_same_size
retain_grad shares_memory
""".split()
IN_PLACE = "abs ceil div floor mul neg pow relu round sign sin sqrt square tan tanh trunc t transpose".split()


# ---- layouts ----

@rule("to_dense")
def to_dense(self, dtype=None, *, masked_grad=None):
    array, values = to_array(self), entries(self)
    pattern = array.pattern
    room("to_dense", tuple(self.shape), values.itemsize)
    flat = summed(values, pattern.keys, int(np.prod(pattern.sizes, dtype=np.int64)))
    made = flat.reshape(tuple(self.shape))
    return made if dtype is None else made.to(dtype)


@rule("to_sparse to_sparse_coo")
def to_sparse(self, sparse_dim=None, *, layout=None, blocksize=None, dense_dim=None):
    if blocksize is not None or layout not in (None, COO, CSR, CSC):
        refuse_layout("to_sparse", layout)
    if layout in (CSR, CSC):
        return compressed(self, 0 if layout == CSR else 1)
    if sparse_dim not in (None, self.sparse_dim()):
        raise RuntimeError(f"to_sparse: conversion from {self.layout} with {self.sparse_dim()} sparse dimensions to "
                           f"{sparse_dim} is not implemented")
    return as_coo(self)


def compressed(tensor, axis):
    pattern = pattern_of(tensor)
    if isinstance(pattern, Compressed) and pattern.axis == axis:
        return tensor
    if len(pattern.sizes) != 2 or to_array(tensor).values.ndim != 1:
        raise NotImplementedError(f"to_sparse_cs{'rc'[axis]}: expected a matrix of two sparse dimensions, got shape "
                                  f"{list(tensor.shape)} with {len(pattern.sizes)} sparse ones; stacks of matrices and "
                                  f"dense dimensions are not implemented")
    tensor = coalesced(as_coo(tensor))
    pattern, values = pattern_of(tensor), entries(tensor)
    own, other = pattern.indices[axis], pattern.indices[1 - axis]
    if axis == 1 or not (own[1:] >= own[:-1]).all():
        order = np.argsort(own, kind="stable")
        own, other, values = own[order], other[order], values.index_select(0, from_array(order))
    made = Compressed(frozen(grouped(own, pattern.sizes[axis])), frozen(np.array(other)), pattern.sizes, axis)
    return with_values(made, values)


@rule("to_sparse_csr")
def to_sparse_csr(self, dense_dim=None):
    return compressed(self, 0)


@rule("to_sparse_csc")
def to_sparse_csc(self, dense_dim=None):
    return compressed(self, 1)


@rule("to_sparse_bsr to_sparse_bsc")
def to_blocks(self, blocksize=None, dense_dim=None):
    raise NotImplementedError("to_sparse_bsr, to_sparse_bsc: blocked layouts are not implemented")


@rule("sparse_mask")
def sparse_mask(self, mask):
    if not is_sparse(mask):
        raise RuntimeError("sparse_mask: expected mask to be a sparse tensor")
    if self.shape != mask.shape:
        raise RuntimeError(f"sparse_mask(): operands have incompatible sizes; self has size {list(self.shape)} but "
                           f"mask has size {list(mask.shape)}")
    pattern = pattern_of(mask)
    if not is_sparse(self):
        return with_values(pattern, at_entries(self, pattern))
    pattern = pattern.unique[0]  # an entry that repeats would count twice
    own = coalesced(as_coo(self))
    return with_values(pattern, found_values(own, pattern.keys))


# ---- arithmetic ----

@rule("add")
def add(input, other, *, alpha=1, out=None):
    if not is_sparse(input):
        return plus_sparse(input, other, alpha)
    if not is_sparse(other):
        if input.is_sparse or not isinstance(other, Tensor):
            raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
        return plus_sparse(other if alpha == 1 else other * alpha, input, 1)
    check_same_shape("add", input, other)
    first, second = pattern_of(input), pattern_of(other)
    if first.layout == second.layout and first.same(second):
        return same_places(input, dense_add(entries(input), entries(other), alpha=alpha))
    kind = input.layout
    x, y = as_coo(input), as_coo(other)
    if x.sparse_dim() != y.sparse_dim():
        raise RuntimeError(f"add: expected the same number of sparse dimensions, got {x.sparse_dim()} and "
                           f"{y.sparse_dim()}")
    both = pattern_of(x).coalesced and pattern_of(y).coalesced
    indices = np.concatenate((pattern_of(x).indices, pattern_of(y).indices), 1)
    left, right = entries(x), entries(y)
    if alpha != 1:
        right = right * alpha
    common = result_type(left, right)
    made = with_values(Coordinates(frozen(indices), pattern_of(x).sizes),
                       dense_cat((left.to(common), right.to(common))))
    made = coalesced(made) if both else made
    return made if kind == COO else made.to_sparse(layout=kind)


def plus_sparse(dense, other, alpha):
    """dense + alpha * other."""
    if not isinstance(dense, Tensor) or dense.shape != other.shape:
        raise RuntimeError(f"add: expected 'self' and 'other' to have same size, but self has size "
                           f"{list(dense.shape) if isinstance(dense, Tensor) else []} while other has size "
                           f"{list(other.shape)} (FYI: dense-sparse addition does not currently support broadcasting)")
    array = to_array(other)
    values = entries(other)
    common = result_type(dense, values)
    rows = dense.to(common).reshape((-1, *values.shape[1:])) if array.size else dense
    return rows.index_add(0, from_array(array.pattern.keys), values.to(common), alpha=alpha).reshape(dense.shape)


@rule("sub subtract")
def sub(input, other, *, alpha=1):
    return add(input, -other if is_scalar(other) and not isinstance(other, Tensor) else other, alpha=-alpha)


@rule("mul multiply")
def mul(input, other):
    if not is_sparse(input):
        input, other = other, input
    if is_scalar(other):
        return same_places(input, entries(input) * other)
    if not is_sparse(other):
        if other.ndim > input.ndim:
            raise ShapeError(f"mul: expected a dense tensor that broadcasts to the sparse one of shape "
                             f"{list(input.shape)}, got shape {list(other.shape)}")
        try:
            other = other.expand(tuple(input.shape))
        except RuntimeError:
            raise ShapeError(f"mul: expected a dense tensor that broadcasts to the sparse one of shape "
                             f"{list(input.shape)}, got shape {list(other.shape)}") from None
        return same_places(input, entries(input) * at_entries(other, pattern_of(input)))
    check_same_shape("mul", input, other)
    kind = input.layout
    if pattern_of(input).coalesced and pattern_of(input).same(pattern_of(other)):
        return same_places(input, entries(input) * entries(other))
    x, y = coalesced(as_coo(input)), coalesced(as_coo(other))
    at = pattern_of(y).find(pattern_of(x).keys)
    kept = np.flatnonzero(at >= 0)
    values = entries(x).index_select(0, from_array(kept)) * entries(y).index_select(0, from_array(at[kept]))
    pattern = Coordinates(frozen(pattern_of(x).indices[:, kept]), pattern_of(x).sizes, True)
    made = with_values(pattern, values)
    return made if kind == COO else made.to_sparse(layout=kind)


@rule("div divide true_divide")
def div(input, other, *, rounding_mode=None):
    if not is_sparse(input) or not is_scalar(other):
        shape = list(other.shape) if isinstance(other, Tensor) else []
        raise RuntimeError(f"Sparse division requires a scalar or zero-dim dense tensor divisor (got shape {shape} for "
                           f"divisor)")
    x = input if rounding_mode is None else coalesced(input)
    return same_places(x, entries(x).div(other, rounding_mode=rounding_mode))


@rule("floor_divide")
def floor_divide(input, other):
    return div(input, other, rounding_mode="floor")


@rule("neg negative")
def neg(input):
    return same_places(input, -entries(input))


@rule("positive")
def positive(input):
    return input


@rule("pow")
def pow_(input, exponent):
    if not is_sparse(input) or isinstance(exponent, Tensor):
        refuse("pow", input if is_sparse(input) else exponent)
    if exponent == 0:
        raise RuntimeError("pow: cannot raise to zeroth power on sparse tensor; it would make the result tensor dense")
    if exponent < 0:
        raise NotImplementedError("pow: a negative power of a sparse tensor is infinite at its zeros; use to_dense()")
    x = coalesced(input)
    return same_places(x, entries(x) ** exponent)


def _map(name):
    function = getattr(Tensor, name)

    def mapped(input, *args, **kwargs):
        x = coalesced(input)
        return same_places(x, function(entries(x), *args, **kwargs))
    return mapped


for _name in MAPS:
    if hasattr(Tensor, _name):
        RULES[_name] = _map(_name)


def _cast(name):
    function = getattr(Tensor, name)

    def cast(self, *args, **kwargs):
        if not is_sparse(self):  # dense.to(sparse): its dtype
            return function(self, *(arg.dtype if is_sparse(arg) else arg for arg in args), **{
                key: value.dtype if is_sparse(value) else value for key, value in kwargs.items()})
        values = entries(self)
        made = function(values, *(entries(arg) if is_sparse(arg) else arg for arg in args), **kwargs)
        return self if made is values else same_places(self, made)
    return cast


for _name in CASTS:
    RULES[_name] = _cast(_name)


@rule("type")
def type_(self, dtype=None, non_blocking=False):
    if dtype is None:
        return typename(self)
    if isinstance(dtype, str) and dtype.startswith("torch.sparse."):
        dtype = dtype.replace("sparse.", "")
    return RULES["to"](self, getattr(dtype, "dtype", dtype)) if not isinstance(dtype, str) else same_places(
        self, entries(self).type(dtype))


def _plain(name):
    function = getattr(Tensor, name)
    return getattr(function, "__wrapped__", function)


for _name in PLAIN:
    if hasattr(Tensor, _name):
        RULES[_name] = _plain(_name)


# ---- copies, changes in place ----

@rule("clone")
def clone(input, *, memory_format=None):
    return same_places(input, entries(input).clone())


@rule("zeros_like empty_like")
def zeros_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None,
               pin_memory=False):
    pattern, values = pattern_of(input), to_array(input).values
    kind = values.dtype if dtype is None else dtypes.to_numpy(dtype)
    if not input.is_sparse:
        made = Compressed(frozen(np.zeros_like(pattern.starts)), frozen(pattern.plain[:0].copy()), pattern.sizes,
                          pattern.axis)
    else:
        made = Coordinates(frozen(pattern.indices[:, :0].copy()), pattern.sizes)
    result = from_array(SparseArray(made, np.zeros((0, *values.shape[1:]), kind)))
    return result.requires_grad_() if requires_grad else result


@rule("new_zeros")
def new_zeros(self, *size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
    size = size[0] if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
    made = sparse_coo_tensor(size, dtype=self.dtype if dtype is None else dtype, device=device)
    made = made if self.is_sparse or layout is not None else made.to_sparse(layout=self.layout)
    return made.requires_grad_() if requires_grad else made


@rule("new")
def new(self, *args, device=None):
    return sparse_coo_tensor(*(args if len(args) != 1 else (args[0],)), dtype=self.dtype, device=device)


def replace(tensor, made):
    """`tensor`, a sparse one, becomes what `made` is: its change in place."""
    _tensor.writable(tensor, False)
    if made.dtype is not tensor.dtype:
        raise RuntimeError(f"result type {made.dtype} can't be cast to the desired output type {tensor.dtype}")
    tensor.detach_() if not made.requires_grad and tensor.grad_fn is not None else None
    _tensor.adopt(tensor, to_array(made))
    return take_history(tensor, made)


@rule("copy_")
def copy_(self, src, non_blocking=False):
    if not is_sparse(self) or not is_sparse(src):
        raise RuntimeError(f"copy_() between dense and sparse Tensors is not implemented! Found self type = "
                           f"{self.type()} and src type = {src.type()}")
    if self.shape != src.shape:
        raise RuntimeError(f"copy_: expected a source of shape {list(self.shape)}, got {list(src.shape)}")
    if self.layout != src.layout:
        raise RuntimeError(f"copy_: expected a source of layout {self.layout}, got {src.layout}")
    return replace(self, clone(src.to(self.dtype)))


@rule("zero_")
def zero_(self):
    return replace(self, zeros_like(self) if self.is_sparse else self * 0)


@rule("detach_")
def detach_(self):
    return Tensor.detach_(self)


def _changed(name):
    def change(input, *args, **kwargs):
        made = RULES[name](input, *args, **kwargs)
        if not is_sparse(input) or not is_sparse(made):
            raise NotImplementedError(f"{name}_: expected a sparse tensor to change, got one of layout {input.layout}")
        return replace(input, made)
    return change


for _name in IN_PLACE:
    RULES[f"{_name}_"] = _changed(_name)


@rule("add_")
def add_(input, other, *, alpha=1):
    if is_sparse(input):
        return replace(input, add(input, other, alpha=alpha))
    if _tensor.is_grad_enabled() and (input.requires_grad or other.requires_grad) or input.shape != other.shape:
        return input.copy_(add(input, other, alpha=alpha))
    common = result_type(input, entries(other))
    if not dtypes.can_cast(common, input.dtype):
        raise RuntimeError(f"add_(): result type {common} can't be cast to the desired output type {input.dtype}")
    own, array = _tensor.writable(input), to_array(coalesced(as_coo(other.detach())))
    index = tuple(array.pattern.indices)
    own[index] = own[index] + array.values * alpha
    return record_inplace(input, None)


@rule("sub_ subtract_")
def sub_(input, other, *, alpha=1):
    return add_(input, -other if not isinstance(other, Tensor) else other, alpha=-alpha)


@rule("sparse_resize_ sparse_resize_and_clear_")
def sparse_resize(self, size, sparse_dim, dense_dim):
    raise NotImplementedError("sparse_resize_, sparse_resize_and_clear_: not implemented")
