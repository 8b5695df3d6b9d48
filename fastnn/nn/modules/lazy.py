"""Layers that infer the size of their input from the first one."""
import itertools

from fastnn.autograd import no_grad
from fastnn.nn.modules.hooks import structure_changed
from fastnn.nn.parameter import is_lazy


def _infer(module, args, kwargs):
    module._infer_parameters(module, args, kwargs)


@no_grad
def _materialize(module, state_dict, prefix, *rest):
    """Before values are loaded: what has no shape yet takes that of the values."""
    for name, value in itertools.chain(module._parameters.items(), module._buffers.items()):
        given = state_dict.get(prefix + name)
        if given is not None and is_lazy(value) and not is_lazy(given):
            value.materialize(given.shape)


class LazyModuleMixin:
    """Base of modules with parameters whose shape depends on the first input.

    A subclass has `UninitializedParameter` s (or buffers) and defines ``initialize_parameters``, which gives them their
    shapes. The first call runs that before ``forward``, and the module becomes one of the class `cls_to_become`. An
    optimizer may get the parameters before that: they stay the same objects. Same as
    torch.nn.modules.lazy.LazyModuleMixin.

    Parameters
    ----------
    args, kwargs
        Passed on to the next class.

    Examples
    --------
    >>> layer = nn.LazyLinear(2)
    >>> layer.has_uninitialized_params()
    True
    """

    cls_to_become = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._load_hook = self._hook_table("load_pre").add(_materialize)
        self._initialize_hook = self.register_forward_pre_hook(_infer, with_kwargs=True)

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        for name, value in self._own_state():
            destination[prefix + name] = value if keep_vars or is_lazy(value) else value.detach()

    def initialize_parameters(self, *args, **kwargs):
        """Give the parameters the shapes that an input asks for; subclasses define it."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self):
        """Whether a parameter or buffer has no shape yet."""
        return any(map(is_lazy, itertools.chain(self._parameters.values(), self._buffers.values())))

    def _infer_parameters(self, module, args, kwargs=None):
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {self._get_name()} has not been fully initialized")
        for name in ("_initialize_hook", "_load_hook"):
            getattr(module, name).remove()
            delattr(module, name)
        if not any(module._hooks.tables.values()):
            module._hooks = None
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become
        structure_changed()
