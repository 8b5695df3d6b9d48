"""Tensors of the device ``meta``: a shape, a dtype, and no numbers."""
import numpy as np

from fastnn import dtypes
from fastnn.errors import ShapeError
from fastnn.formats import NO_DATA
from fastnn._tape import register_kind
from fastnn._tensor import Tensor, from_array, to_array
from fastnn.ops._common import set_special

META = dtypes.device("meta")
_KINDS = {kind: np.dtype([(f"meta {name}", f"V{kind.itemsize}")]) for name, kind in dtypes._TYPES.items()}
dtypes._OF_NUMPY.update({own: kind for kind, own in _KINDS.items()})

_SHAPES = frozenset("""
    chunk clone contiguous detach diagonal dim element_size expand expand_as flatten is_complex is_contiguous
    is_floating_point is_signed movedim moveaxis narrow ndimension nelement numel permute ravel reshape reshape_as
    requires_grad_ select size split split_with_sizes squeeze storage_offset stride swapaxes swapdims t transpose
    unbind unflatten unsqueeze view view_as is_tensor
""".split())


class MetaArray(np.ndarray):
    """What stands in the place of such a tensor's array: memory that is never touched."""

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        raise NotImplementedError(NO_DATA)


class MetaTensor(Tensor):
    """A tensor without numbers, of the device ``meta``: what has its shape, dtype and strides.

    Made by ``device="meta"`` and ``to("meta")``. Views, ``clone`` and functions that make tensors like another one take
    it; all others raise NotImplementedError. Same as a torch.Tensor of that device.

    Examples
    --------
    >>> x = fastnn.empty(2, 3, device="meta")
    >>> x
    tensor(..., device='meta', size=(2, 3))
    >>> fastnn.zeros_like(x, device="cpu").shape
    torch.Size([2, 3])
    """

    device, is_meta, is_cpu = META, True, False

    def _no_data(self, *args, **kwargs):
        raise NotImplementedError(NO_DATA)

    numpy = __array__ = item = tolist = __bool__ = __float__ = __int__ = __index__ = __complex__ = _no_data

    def __setitem__(self, index, value):
        """Shapes are checked; there are no numbers to change."""
        shape = tuple(self[index].shape)
        if isinstance(value, Tensor):
            own = tuple(value.shape)
            own = own[next((i for i, n in enumerate(own) if n != 1 or len(own) - i <= len(shape)), len(own)):]
            try:
                fits = np.broadcast_shapes(own, shape) == shape
            except ValueError:
                fits = False
            if not fits:
                raise ShapeError(f"assignment: expected a value that broadcasts to shape {shape}, got "
                                 f"{tuple(value.shape)}")

    def data_ptr(self):
        """0: there is no memory."""
        return 0

    def untyped_storage(self):
        """What the numbers would take."""
        return _Nothing(self)

    def __repr__(self):
        kind = "" if self.dtype is dtypes.get_default_dtype() else f", dtype={self.dtype}"
        return f"tensor(..., device='meta', size={tuple(self.shape)}{kind}" \
               + (", requires_grad=True)" if self.requires_grad else ")")


class _Nothing:
    """The storage of a tensor without numbers."""

    device = META

    def __init__(self, tensor):
        array = to_array(tensor)
        while isinstance(array.base, MetaArray):
            array = array.base
        self._size = array.nbytes

    def data_ptr(self):
        return 0

    def nbytes(self):
        return self._size

    size = __len__ = nbytes


def without_numbers(tensor):
    """A meta tensor of a tensor's shape, strides and dtype."""
    array = to_array(tensor)
    made = from_array(np.empty_like(array, _KINDS[tensor.dtype]).view(MetaArray))
    return made.requires_grad_() if tensor.requires_grad and tensor.is_leaf else made


def is_meta(device):
    return device == "meta" or isinstance(device, dtypes.device) and device.type == "meta"


def rules(function, args, keywords):
    """What stands for a public function where a meta tensor or the device is among the arguments."""
    name = function.__name__
    plain = [value for value in args if not is_meta(value)]
    if len(plain) < len(args) or is_meta(keywords.get("device")):
        known = {key: value for key, value in keywords.items() if key != "device"}
        if isinstance(args[0] if args else None, MetaTensor) and not name.endswith("_like") and "new_" not in name:
            return args[0] if name == "to" else _refuse(name)
        return without_numbers(function.__wrapped__(*plain, **known))
    if name.endswith("_like") or name.startswith("new_") and name != "new_tensor":
        made = function.__wrapped__(*args, **keywords)
        return made if keywords.get("device") is not None else without_numbers(made)
    return function.__wrapped__(*args, **keywords) if name in _SHAPES else _refuse(name)


def _refuse(name):
    raise NotImplementedError(f"{NO_DATA} {name}: not implemented for tensors of the device meta")


register_kind(MetaArray, MetaTensor)
set_special(MetaTensor, rules)
