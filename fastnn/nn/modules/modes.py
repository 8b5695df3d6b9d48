"""Modes of a module (training, evaluation), casts of its parameters, and their gradients."""
from fastnn import dtypes
from fastnn._tensor import Tensor
from fastnn.autograd import no_grad
from fastnn.nn.modules.state import State
from fastnn.nn.parameter import is_lazy
from fastnn.ops.creation import empty_like


class Modes(State):
    """The part of Module that changes all parameters, buffers and modules below alike."""

    def train(self, mode=True):
        """Training mode, or evaluation mode, for this module and all below it; returns this one.

        Parameters
        ----------
        mode : bool
            Default True, training.

        Raises
        ------
        ValueError
            `mode` is no bool.

        Examples
        --------
        >>> nn.Dropout().train(False).training
        False
        """
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self):
        """Evaluation mode for this module and all below it: ``train(False)``.

        Examples
        --------
        >>> nn.Dropout().eval()(fastnn.ones(2))
        tensor([1., 1.])
        """
        return self.train(False)

    def requires_grad_(self, requires_grad=True):
        """Set whether gradients of the parameters are computed; returns the module.

        Parameters
        ----------
        requires_grad : bool

        Examples
        --------
        >>> nn.Linear(2, 2).requires_grad_(False).weight.requires_grad
        False
        """
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none=True):
        """Remove the parameters' gradients, or set them to zeros.

        Parameters
        ----------
        set_to_none : bool
            Default True.

        Examples
        --------
        >>> layer = nn.Linear(2, 1)
        >>> layer(fastnn.ones(2)).sum().backward()
        >>> layer.zero_grad()
        >>> layer.weight.grad is None
        True
        """
        for parameter in self.parameters():
            if parameter.grad is None:
                continue
            if set_to_none:
                parameter.grad = None
            else:
                parameter.grad = parameter.grad.detach()
                parameter.grad.zero_()

    @no_grad
    def _apply(self, fn, recurse=True):
        """Replace the memory of every parameter and buffer by ``fn`` of it."""
        for module in self.children() if recurse else ():
            module._apply(fn)
        for parameter in self._parameters.values():
            if parameter is not None:
                gradient, parameter.grad = parameter.grad, None
                parameter.data = fn(parameter.data)
                if gradient is not None:
                    parameter.grad = fn(gradient)
        for name, buffer in self._buffers.items():
            if is_lazy(buffer):
                buffer.data = fn(buffer.data)
            elif buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self, *args, **kwargs):
        """Cast floating-point parameters and buffers, in place; returns the module.

        Parameters
        ----------
        *args, **kwargs
            A dtype, a Tensor (whose dtype is taken) or a device, which can only be the CPU.

        Raises
        ------
        RuntimeError
            Another device.
        TypeError
            The dtype is neither of floating point nor complex.

        Examples
        --------
        >>> nn.Linear(2, 2).to(fastnn.float64).weight.dtype
        torch.float64
        """
        dtype = kwargs.pop("dtype", None)
        for arg in args:
            if isinstance(arg, dtypes.dtype):
                dtype = arg
            elif isinstance(arg, Tensor):
                dtype = arg.dtype
            elif arg is not None and not isinstance(arg, bool):
                dtypes.need_cpu(arg)
        dtypes.need_cpu(kwargs.get("device"))
        if dtype is None:
            return self
        if not dtype.is_floating_point and not dtype.is_complex:
            raise TypeError(f"nn.Module.to only accepts floating point or complex dtypes, but got desired "
                            f"dtype={dtype}")
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() or t.is_complex() else t)

    def _cast(self, dtype):
        """Floating-point numbers to another size; complex ones stay."""
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)

    def float(self):
        """Cast to float32.

        Examples
        --------
        >>> nn.Linear(2, 2).float().weight.dtype
        torch.float32
        """
        return self._cast(dtypes.float32)

    def double(self):
        """Cast to float64.

        Examples
        --------
        >>> nn.Linear(2, 2).double().weight.dtype
        torch.float64
        """
        return self._cast(dtypes.float64)

    def type(self, dst_type):
        """Cast to a dtype.

        Parameters
        ----------
        dst_type : dtype

        Examples
        --------
        >>> nn.Linear(2, 2).type(fastnn.float64).weight.dtype
        torch.float64
        """
        return self.to(dst_type)

    def cpu(self):
        """The module itself: everything is on the CPU.

        Examples
        --------
        >>> nn.ReLU().cpu()
        ReLU()
        """
        return self

    def cuda(self, device=None):
        """Move parameters and buffers to a GPU: raises if there are any, as PyTorch without CUDA does.

        Parameters
        ----------
        device : optional

        Raises
        ------
        AssertionError
            The module has parameters or buffers; it is a RuntimeError too.

        Examples
        --------
        >>> nn.Linear(1, 1).cuda()
        Traceback (most recent call last):
            ...
        fastnn.dtypes.NoDevice: Torch not compiled with CUDA enabled: ...
        """
        return self._apply(lambda t: t.cuda(device))

    def half(self):
        """Cast to float16, a dtype to keep numbers in: operations compute in float32.

        Examples
        --------
        >>> nn.Linear(2, 2).half().weight.dtype
        torch.float16
        """
        return self._cast(dtypes.float16)

    def bfloat16(self):
        """Cast to bfloat16, a dtype to keep numbers in: operations compute in float32.

        Examples
        --------
        >>> nn.Linear(2, 2).bfloat16().weight.dtype
        torch.bfloat16
        """
        return self._cast(dtypes.bfloat16)

    def to_empty(self, *, device, recurse=True):
        """Give parameters and buffers new memory with undefined numbers; returns the module.

        Parameters
        ----------
        device : device
            The CPU.
        recurse : bool
            False: those of this module alone.

        Examples
        --------
        >>> nn.Linear(3, 2).to_empty(device="cpu").weight.shape
        torch.Size([2, 3])
        """
        dtypes.need_cpu(device)
        return self._apply(lambda t: empty_like(t).detach(), recurse)

    def share_memory(self):
        """Move parameters and buffers into memory shared with other processes, ``share_memory_``; returns the module.

        Examples
        --------
        >>> nn.Linear(2, 1).share_memory().weight.is_shared()
        True
        """
        for tensor in (*self.parameters(), *self.buffers()):
            tensor.share_memory_()
        return self

    def compile(self, *args, **kwargs):
        """Accepted, without effect: kernels are compiled already.

        Examples
        --------
        >>> nn.ReLU().compile()
        """
