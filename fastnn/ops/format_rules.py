"""What operations do with tensors of formats that hold numbers and have no arithmetic: one table.

float16, bfloat16, complex numbers of float16, 8-bit floats and unsigned integers of 16 bits and more are moved and
looked at as they are. The first three are computed with in float32 and complex64, and rounded once, as PyTorch does
elsewhere; other formats raise NotImplementedError with the operation's name, as its kernels do.
"""
import functools

import numpy as np

from fastnn import dtypes, formats
from fastnn._tensor import Tensor, is_grad_enabled
from fastnn.ops._common import complex_rule
from fastnn.ops.casting import TYPE_NAMES
from fastnn.ops.creation import as_tensor
from fastnn.ops.declare import HOMES
from fastnn.ops.inplace import changed

COMPUTED = {dtypes.float16: dtypes.float32, dtypes.bfloat16: dtypes.float32, dtypes.complex32: dtypes.complex64}
STORED = frozenset([*dtypes.FORMATS.values(), dtypes.float16, dtypes.uint16, dtypes.uint32, dtypes.uint64])
WIDE = {kind: dtypes.float32 for kind in dtypes.FORMATS.values()} | COMPUTED | {
    dtypes.uint16: dtypes.int32, dtypes.uint32: dtypes.int64, dtypes.uint64: dtypes.int64}  # for comparison alone

# The function itself, as it is; a view among them has a gradient that adds nothing.
VIEWS = frozenset("""
    as_strided atleast_1d atleast_2d atleast_3d chunk contiguous cpu data_ptr detach diagonal dsplit element_size
    flatten get_device hsplit is_complex is_contiguous is_floating_point is_pinned is_same_size is_shared is_signed
    is_sparse movedim moveaxis narrow ndimension nelement permute pin_memory ravel real requires_grad_ reshape
    reshape_as resize_ resize_as_ select share_memory_ short_ size split split_with_sizes squeeze storage
    storage_offset stride swapaxes swapdims t tensor_split to transpose type type_as unbind unflatten unsafe_chunk
    unsqueeze untyped_storage view view_as vsplit clone empty empty_like empty_strided zeros zeros_like ones ones_like
    full full_like tensor scalar_tensor as_tensor asarray from_numpy frombuffer new_empty new_full new_ones new_tensor
    new_zeros new_empty_strided zero_ fill_ set_ numel dim float double half int long short char byte bool bfloat16
    chalf cfloat cdouble result_type promote_types can_cast is_tensor is_storage typename is_conj is_neg is_inference
    resolve_conj resolve_neg __dlpack__ __dlpack_device__ __array_wrap__ is_nonzero rename to_dense copy_
""".split())
# A view whose gradient is a sum: the function itself where nothing is recorded.
REPEATED = frozenset("broadcast_to expand expand_as unfold broadcast_tensors".split())
# What moves elements moves them as integers of their size, where nothing is recorded; tensors of several dtypes get
# that of all.
MOVES = frozenset("""
    block_diag cat column_stack concat concatenate diag_embed diagonal_scatter dstack flip fliplr flipud gather hstack
    index_copy index_select masked_select meshgrid narrow_copy repeat repeat_interleave roll rot90 row_stack
    select_scatter slice_scatter stack take take_along_dim tile tril triu vstack where
""".split())
# They draw or compute wider and round, by themselves.
OWN = frozenset("""
    bincount cauchy_ exponential_ float_power geometric_ log_normal_ nan_to_num nextafter normal normal_ rand rand_like
    randint randint_like randn randn_like random_ uniform_
""".split())
# PyTorch has them for float32 and wider dtypes alone.
WIDE_ALONE = frozenset("""
    cond det inv inverse logdet lstsq matrix_rank nanquantile pinv pinverse polar quantile slogdet solve
""".split())
WIDE_MODULES = frozenset("fastnn.fft fastnn.ops.decompositions fastnn.ops.factorizations fastnn.ops.triangular".split())
# How many tensors have the dtype of the first and of the result; those behind may be float32 (parameters, statistics).
FIRST_ALIKE = {"batch_norm": 1, "group_norm": 1, "instance_norm": 1, "layer_norm": 1, "rms_norm": 1,
               "scaled_dot_product_attention": 3}
# Every format's numbers are known: these need no arithmetic.
EXACT = frozenset("all any eq equal isfinite isinf isnan isneginf isposinf ne not_equal".split())


def tensors_in(values):
    """The tensors among arguments."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from tensors_in(value)


def _mapped(change, value):
    if isinstance(value, (tuple, list)):
        made = [_mapped(change, item) for item in value]
        return made if type(value) is list else type(value)(*made) if hasattr(value, "_fields") else type(value)(made)
    return change(value)


def rule_of(name, function=None, home="fastnn"):
    """What stands for `function` of a home where a tensor or dtype of a format is among its arguments."""
    function = HOMES["fastnn"][name].function if function is None else function
    names = {name, getattr(function, "__name__", name)} if home != "fastnn.nn.functional" else set()
    if names & (VIEWS | OWN) or name.removesuffix("_") in VIEWS:
        return function
    if name.endswith("_") and not name.endswith("__"):
        return _in_place(name, getattr(function, "__wrapped__", function), home)
    if name == "complex":
        return computed(name, function, {dtypes.float16})
    wide_alone = function.__module__ in WIDE_MODULES and "freq" not in name and "shift" not in name
    if wide_alone or names & WIDE_ALONE or f"{home}.{name}" == "fastnn.linalg.vander":
        return computed(name, function, {})
    by_way = computed(name, function, WIDE if names & EXACT else COMPUTED, home)
    return _moved(function, by_way, names & REPEATED) if names & (MOVES | REPEATED) else by_way


def _moved(function, by_way, repeated):
    """`function` for elements as they are, `by_way` of a wider dtype for gradients and numbers."""
    @functools.wraps(function)
    def moved(*args, **kwargs):
        given = list(tensors_in((*args, *kwargs.values())))
        recorded = is_grad_enabled() and any(x.requires_grad for x in given)
        if recorded or any(isinstance(value, float) for value in args):
            return by_way(*args, **kwargs)
        if repeated:
            return function(*args, **kwargs)
        numbers = [x.dtype.numpy for x in given if x.dtype in STORED or x.dtype.is_floating_point or x.dtype.is_complex]
        kind = dtypes.from_numpy(functools.reduce(formats.promoted, numbers))
        if kind not in STORED or len(set(numbers)) > 1 and kind in COMPUTED:
            return by_way(*args, **kwargs)
        bits = getattr(dtypes, f"int{8 * kind.itemsize}")

        def as_bits(value):
            isnumber = isinstance(value, Tensor) and value.dtype.numpy in numbers
            return value.to(kind).view(bits) if isnumber else value

        def back(value):
            return value.view(kind) if isinstance(value, Tensor) and value.dtype is bits else value
        return _mapped(back, function(*[_mapped(as_bits, value) for value in args],
                                      **{key: _mapped(as_bits, value) for key, value in kwargs.items()}))
    return moved


def _in_place(name, function, home):
    by_way = rule_of(name[:-1], function, home)

    def method(*args, **kwargs):
        self, args = (args[0], args[1:]) if args else (kwargs.pop("input"), args)
        return changed(name, self, by_way, args, kwargs)
    method.__wrapped__ = function
    return method


def _first_alike(kind, tensors, count):
    dtypes_of = [x.dtype for x in tensors]
    return set(dtypes_of[:count]) == {kind} and set(dtypes_of) <= {kind, dtypes.float32}


def computed(name, function, taken=COMPUTED, home="fastnn"):
    """A function that computes in a wider dtype and rounds its results once, of the formats `taken`.

    Beside float32 tensors they have the dtype that float32 beside float64 would lead to, one narrower.
    """
    @functools.wraps(function)
    def by_way(*args, **kwargs):
        args = [as_tensor(value) if isinstance(value, np.ndarray) else value for value in args]
        given = (*args, *kwargs.values())
        tensors, asked = list(tensors_in(given)), kwargs.get("dtype")
        kinds = {x.dtype for x in tensors} | {value for value in given if isinstance(value, dtypes.dtype)}
        found = sorted(kinds & STORED, key=lambda kind: (kind.is_floating_point, kind.name))  # complex numbers first
        for kind in found:
            if kind not in taken:
                raise NotImplementedError(f'"{name}" not implemented for \'{TYPE_NAMES[kind.name]}\'')
        if not found:  # a map of a tensor of the device meta
            raise NotImplementedError(f"{formats.NO_DATA} {name}")
        found = [asked] if asked in STORED else found
        ranked = [x.dtype for x in tensors if x.ndim and x.dtype in found]
        kind = ranked[0] if ranked and not found[0].is_complex else found[0]
        # What is beside a format is one wider than that is: mixtures have the results and errors of two dtypes then.
        beside = {*found, dtypes.float32} & kinds - {kind} if not kind.is_complex and asked not in STORED else set()
        mixed = bool(beside) and not (name in FIRST_ALIKE and _first_alike(kind, tensors, FIRST_ALIKE[name]))
        wider = WIDE | dict.fromkeys(beside, dtypes.float64) if mixed else WIDE
        narrower = {dtypes.float32: kind.to_real()}
        if mixed and dtypes.float64 not in kinds:
            narrower[dtypes.float64] = dtypes.float32
        if kind.is_complex or kind is dtypes.float16 and not any(x.dtype.is_complex for x in tensors):
            narrower[dtypes.complex64] = dtypes.complex32
        wide = {}  # {id of a tensor: (it, its numbers, their node)}

        def widened(value):
            if isinstance(value, Tensor) and value.dtype.is_floating_point and asked in STORED:
                return value.to(asked).to(WIDE[asked])  # operands are rounded first
            if isinstance(value, Tensor) and value.dtype in wider:
                packed = value.dtype is dtypes.float4_e2m1fn_x2
                if id(value) not in wide:
                    numbers = value.view(dtypes.uint8) if packed else value.to(wider[value.dtype])
                    wide[id(value)] = value, numbers, numbers.grad_fn
                return wide[id(value)][1]
            return wider.get(value, value) if isinstance(value, dtypes.dtype) else value

        def rounded(value):
            for own, numbers, _ in wide.values():
                if value is numbers:
                    return own
            return value.to(narrower.get(value.dtype, value.dtype)) if isinstance(value, Tensor) else value
        rule = complex_rule(name, function, home) if kind.is_complex else function
        try:
            made = rule(*[_mapped(widened, value) for value in args],
                        **{key: _mapped(widened, value) for key, value in kwargs.items()})
        except Exception:
            if mixed:
                function(*args, **kwargs)  # names the dtypes that were given
            raise
        for own, numbers, history in wide.values():
            if numbers._version:  # changed by ``inplace=True``, statistics of a batch, a table's ``max_norm`` ...
                leaf = own.is_leaf and own.requires_grad
                if leaf and numbers.grad_fn is not history:
                    raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
                (own.detach() if leaf else own).copy_(numbers.detach() if leaf else numbers)
        return made if taken is WIDE else _mapped(rounded, made)
    return by_way
