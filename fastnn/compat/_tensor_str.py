"""``torch._tensor_str``: how tensors are printed, for classes that print themselves like them."""
from fastnn.ops import printing


class _Options:
    """What `fastnn.set_printoptions` sets, as attributes."""

    def __init__(self, options):
        self.__dict__ = options


PRINT_OPTS = _Options(printing._options)


def _tensor_str(self, indent):
    """A tensor's numbers in brackets."""
    return printing.body_of(self.detach().numpy(), indent) if self.numel() else "[]"


def _add_suffixes(tensor_str, suffixes, indent, force_newline):
    """The text, the suffixes and the closing parenthesis."""
    last = len(tensor_str.rpartition("\n")[2])
    return printing.with_suffixes(tensor_str, suffixes, indent, None if force_newline else last)


def _str_intern(inp, *, tensor_contents=None):
    """The text of a tensor."""
    return printing.tensor_str(inp)
