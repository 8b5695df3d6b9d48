"""Printing tensors as PyTorch prints them."""
import numpy as np

from fastnn import dtypes

_options = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}


def set_printoptions(precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, sci_mode=None):
    """Options for printing tensors; `profile`: "default", "short" or "full".

    Parameters
    ----------
    precision : int, optional
        Digits behind the point.
    threshold : int, optional
        More elements than this are abbreviated.
    edgeitems : int, optional
        Elements shown at each end then.
    linewidth : int, optional
        Characters in a line.
    profile : str, optional
    sci_mode : bool, optional
        Whether numbers are written in scientific notation; found from the numbers if not given.

    Examples
    --------
    >>> fastnn.set_printoptions(precision=2)
    >>> fastnn.tensor([0.12345])
    tensor([0.12])
    >>> fastnn.set_printoptions(profile="default")
    """
    if profile is not None:
        if profile not in ("default", "short", "full"):
            raise ValueError(f"set_printoptions: expected profile 'default', 'short' or 'full', got {profile!r}")
        _options.update(precision=2 if profile == "short" else 4, edgeitems=2 if profile == "short" else 3,
                        threshold=np.inf if profile == "full" else 1000, linewidth=80)
    for name, value in (("precision", precision), ("threshold", threshold), ("edgeitems", edgeitems),
                        ("linewidth", linewidth)):
        if value is not None:
            _options[name] = value
    _options["sci_mode"] = sci_mode


class _Formatter:
    """How every element of one tensor is written: integer-like, fixed or scientific, padded to one width."""

    def __init__(self, values):
        self.floating = values.dtype.kind == "f"
        self.style, self.width = "plain", 1
        if not self.floating:
            self.width = max([len(str(v)) for v in values.ravel().tolist()], default=1)
            return
        self.precision = _options["precision"]
        finite = values[np.isfinite(values) & (values != 0)].astype(np.float64)
        if not finite.size:
            self.style = "integer"
            return
        size = np.abs(finite)
        scientific = size.max() / size.min() > 1000.0 or size.max() > 1e8 or size.min() < 1e-4
        if _options["sci_mode"] is not None:
            scientific = _options["sci_mode"]
        whole = (finite == np.ceil(finite)).all()
        self.style = "scientific" if scientific else "integer" if whole else "fixed"
        self.width = max(len(self.text(v)) for v in finite.tolist())  # zeros, inf and nan may stick out, as PyTorch's

    def text(self, value):
        if not self.floating:
            return str(value)
        if self.style == "scientific":
            return f"{value:.{self.precision}e}"
        if self.style == "integer":
            return f"{value:.0f}" + ("." if np.isfinite(value) else "")
        return f"{value:.{self.precision}f}"

    def __call__(self, value):
        return self.text(value).rjust(self.width)


class _ComplexFormatter:
    """Both parts in formats of their own."""

    def __init__(self, values):
        self.real, self.imag = _Formatter(values.real), _Formatter(values.imag)
        self.width = self.real.width + self.imag.width + 1

    def __call__(self, value):
        imag = f"{self.imag(value.imag)}j".lstrip()
        return self.real(value.real) + ("" if imag[0] in "+-" else "+") + imag


def _summarised(array):
    """Only the edges of every dimension."""
    edge = _options["edgeitems"]
    for axis in range(array.ndim):
        if array.shape[axis] > 2 * edge:
            first, last = (np.take(array, r, axis) for r in (range(edge), range(array.shape[axis] - edge,
                                                                                array.shape[axis])))
            array = np.concatenate([first, last], axis)
    return array


def _nested(array, indent, formatter, summarise):
    edge = _options["edgeitems"]
    if array.ndim == 0:
        return formatter(array.item())
    cut = summarise and array.shape[0] > 2 * edge
    if array.ndim == 1:
        per_line = max(1, int((_options["linewidth"] - indent) // (formatter.width + 2)))
        values = array.tolist()
        words = ([formatter(v) for v in values[:edge]] + [" ..."] + [formatter(v) for v in values[-edge:]] if cut
                 else [formatter(v) for v in values])
        lines = [words[i:i + per_line] for i in range(0, len(words), per_line)]
        return "[" + ("," + "\n" + " " * (indent + 1)).join(", ".join(line) for line in lines) + "]"
    parts = [array[i] for i in range(array.shape[0])]
    if cut:
        texts = ([_nested(p, indent + 1, formatter, True) for p in parts[:edge]] + ["..."]
                 + [_nested(p, indent + 1, formatter, True) for p in parts[-edge:]])
    else:
        texts = [_nested(p, indent + 1, formatter, summarise) for p in parts]
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(texts) + "]"


def body_of(array, indent):
    """The numbers of an array that has some, without what stands around them."""
    summarise = array.size > _options["threshold"]
    formatter = _ComplexFormatter if array.dtype.kind == "c" else _Formatter
    return _nested(array, indent, formatter(_summarised(array) if summarise else array), summarise)


def with_suffixes(text, suffixes, indent, line):
    """The text closed with its suffixes; `line`: characters in its last line, None: the first begins a new one."""
    for suffix in suffixes:
        if line is None or line + len(suffix) + 2 > _options["linewidth"]:
            text += ",\n" + " " * indent + suffix
            line = indent + len(suffix)
        else:
            text += ", " + suffix
            line += len(suffix) + 2
    return text + ")"


def tensor_str(tensor, prefix="tensor("):
    """The text of ``repr(tensor)``."""
    array = tensor.detach().numpy()
    suffixes = []
    usual = dtypes.get_default_dtype().numpy
    kind = array.dtype
    if kind.kind == "V":
        from fastnn import formats
        array = array.view(np.uint8).astype(np.float32) if "x2" in tensor.dtype.name else formats.decoded(array)
    default = kind in (usual, dtypes.to_complex(dtypes.get_computing_dtype().numpy), np.dtype(np.int64), np.dtype(bool))
    if array.size == 0:
        if array.ndim != 1:
            suffixes.append(f"size={tuple(array.shape)}")
        if kind != usual:
            suffixes.append(f"dtype={tensor.dtype}")
        body = "[]"
    else:
        if not default:
            suffixes.append(f"dtype={tensor.dtype}")
        body = body_of(array, len(prefix))
    if tensor.grad_fn is not None:
        suffixes.append(f"grad_fn=<{tensor.grad_fn.name()}>")
    elif tensor.requires_grad:
        suffixes.append("requires_grad=True")
    line = len(body.rsplit("\n", 1)[-1])
    return with_suffixes(prefix + body, suffixes, len(prefix), line if "\n" in body else line + len(prefix))
