"""Tensors that modules own, and placeholders for those whose shape depends on the first input."""
import functools

from fastnn import _tensor
from fastnn._tensor import Tensor
from fastnn.ops.creation import empty


_ParameterMeta = type(Tensor)  # for classes of parameters of one's own


class Parameter(Tensor):
    """A tensor that a `Module` registers when it is assigned as an attribute, and that optimizers train.

    Same as torch.nn.Parameter.

    Parameters
    ----------
    data : Tensor, optional
        Its memory is shared; default an empty tensor.
    requires_grad : bool
        Whether gradients are computed; default True.

    Examples
    --------
    >>> nn.Parameter(fastnn.ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    def __new__(cls, data=None, requires_grad=True):
        if data is None:
            data = empty(0)
        made = Tensor.__new__(cls)
        return _tensor.adopt(made, data.detach().numpy(), requires_grad)

    def __init__(self, data=None, requires_grad=True):
        pass

    def __deepcopy__(self, memo):
        """Its numbers alone, as in PyTorch: the gradient and what a program added stay with the original."""
        if id(self) not in memo:
            array = self.detach().numpy().copy(order="K")
            memo[id(self)] = _tensor.adopt(Tensor.__new__(type(self)), array, self.requires_grad)
        return memo[id(self)]

    def __repr__(self):
        return "Parameter containing:\n" + super().__repr__()


class Buffer(Tensor):
    """A tensor that a `Module` registers as a buffer, state that is not trained, when it is assigned as an attribute.

    Same as torch.nn.Buffer.

    Parameters
    ----------
    data : Tensor, optional
        Its memory is shared; default an empty tensor.
    persistent : bool
        Whether it is part of the module's ``state_dict``; default True.

    Examples
    --------
    >>> module = nn.Module()
    >>> module.mean = nn.Buffer(fastnn.zeros(2))
    >>> [name for name, _ in module.named_buffers()]
    ['mean']
    """

    def __new__(cls, data=None, *, persistent=True):
        if data is None:
            data = empty(0)
        made = _tensor.adopt(Tensor.__new__(cls), data.detach().numpy(), False)
        made.persistent = persistent
        return made

    def __init__(self, data=None, *, persistent=True):
        pass


_REFUSED_SLOTS = """
__abs__ __add__ __and__ __array__ __bool__ __complex__ __contains__ __delitem__ __eq__ __float__ __floordiv__ __ge__
__getitem__ __gt__ __iadd__ __iand__ __ifloordiv__ __imod__ __imul__ __index__ __int__ __invert__ __ior__ __ipow__
__isub__ __itruediv__ __ixor__ __le__ __len__ __lshift__ __lt__ __matmul__ __mod__ __mul__ __ne__ __neg__ __or__ __pow__
__radd__ __rand__ __reversed__ __rfloordiv__ __rlshift__ __rmatmul__ __rmod__ __rmul__ __ror__ __rpow__ __rrshift__
__rshift__ __rsub__ __rtruediv__ __rxor__ __setitem__ __sub__ __truediv__ __xor__
""".split()
_ALLOWED = set("size copy_ is_complex is_floating_point half float double char short int long cuda cpu to "
               "get_device".split())


@functools.cache
def _refused_methods():
    """What a tensor can do and one without a shape cannot."""
    return frozenset(name for name in dir(Tensor) if not name.startswith("_") and name not in _ALLOWED and
                     callable(getattr(Tensor, name)))


def _refuse(tensor, name):
    raise ValueError(f"Attempted to use an uninitialized parameter in {name}. This error happens when you are using a "
                     f"`LazyModule` or explicitly manipulating `torch.nn.parameter.{type(tensor).__name__}` objects. "
                     f"When using LazyModules Call `forward` with a dummy batch to initialize the parameters before "
                     f"calling torch functions")


class UninitializedTensorMixin:
    """A tensor whose shape is not yet known: it has a dtype, and ``materialize`` gives it a shape.

    Examples
    --------
    >>> weight = nn.UninitializedParameter(dtype=fastnn.float64)
    >>> isinstance(weight, nn.parameter.UninitializedTensorMixin), weight.dtype
    (True, torch.float64)
    """

    def materialize(self, shape, device=None, dtype=None):
        """Become an ordinary parameter (or buffer) of this shape, with undefined numbers."""
        self.data = empty(tuple(shape), device=device, dtype=self.dtype if dtype is None else dtype)
        self.__class__ = self.cls_to_become

    @property
    def shape(self):
        """RuntimeError."""
        raise RuntimeError("Can't access the shape of an uninitialized parameter or buffer. This error usually happens "
                           "in `load_state_dict` when trying to load an uninitialized parameter into an initialized "
                           "one. Call `forward` to initialize the parameters before accessing their attributes.")

    def share_memory_(self):
        """RuntimeError."""
        raise RuntimeError("Can't share memory on an uninitialized parameter or buffer. Call `forward` to initialize "
                           "the parameters before calling `module.share_memory()`.")

    def __getattribute__(self, name):
        if name in _refused_methods() and name != "share_memory_":
            _refuse(self, f"Tensor.{name}")
        return super().__getattribute__(name)

    def __repr__(self):
        return f"<{type(self).__name__}>"

    __str__ = __repr__
    __hash__ = object.__hash__

    def __reduce_ex__(self, protocol):
        return type(self), (self.requires_grad,)

    def __deepcopy__(self, memo):
        return memo.setdefault(id(self), type(self)(self.requires_grad, None, self.dtype))


def _slot(name):
    def refused(self, *args):
        _refuse(self, f"Tensor.{name}")
    refused.__name__ = name
    return refused


for _name in _REFUSED_SLOTS:
    setattr(UninitializedTensorMixin, _name, _slot(_name))


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter without a shape; ``materialize`` gives it one and turns it into a `Parameter`.

    Same as torch.nn.UninitializedParameter; lazy layers use it.

    Parameters
    ----------
    requires_grad : bool
    device, dtype
        As in PyTorch; the device can only be the CPU.

    Raises
    ------
    ValueError
        It is used in a computation.
    RuntimeError
        Its shape is asked for.

    Examples
    --------
    >>> weight = nn.UninitializedParameter()
    >>> weight.materialize((2, 3))
    >>> type(weight).__name__, weight.shape
    ('Parameter', torch.Size([2, 3]))
    """

    cls_to_become = Parameter

    def __new__(cls, requires_grad=True, device=None, dtype=None):
        return super().__new__(cls, empty(0, device=device, dtype=dtype), requires_grad)

    def __init__(self, requires_grad=True, device=None, dtype=None):
        pass


class UninitializedBuffer(UninitializedTensorMixin, Buffer):
    """A buffer without a shape; ``materialize`` gives it one and turns it into a `Buffer`.

    Same as torch.nn.UninitializedBuffer.

    Parameters
    ----------
    requires_grad : bool
    device, dtype
        As in PyTorch; the device can only be the CPU.
    persistent : bool
        Whether it is part of the module's ``state_dict``.

    Examples
    --------
    >>> mean = nn.UninitializedBuffer()
    >>> mean.materialize((3,))
    >>> mean.shape
    torch.Size([3])
    """

    cls_to_become = Buffer

    def __new__(cls, requires_grad=False, device=None, dtype=None, persistent=True):
        made = super().__new__(cls, empty(0, device=device, dtype=dtype), persistent=persistent)
        made.requires_grad = requires_grad
        return made

    def __init__(self, requires_grad=False, device=None, dtype=None, persistent=True):
        pass


def is_lazy(param):
    """Whether a parameter or buffer has no shape yet.

    Parameters
    ----------
    param : Any

    Examples
    --------
    >>> nn.parameter.is_lazy(nn.LazyLinear(2).weight)
    True
    """
    return isinstance(param, UninitializedTensorMixin)
