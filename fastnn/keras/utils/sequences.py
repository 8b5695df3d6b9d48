"""Sequences of different lengths."""
import numpy as np


def _sides(padding, truncating):
    for name, side in (("Padding", padding), ("Truncating", truncating)):
        if side not in ("pre", "post"):
            raise ValueError(f'{name} type "{side}" not understood: expected "pre" or "post"')


def pad_sequences(sequences, maxlen=None, dtype="int32", padding="pre", truncating="pre", value=0.0):
    """Sequences as the rows of one array.

    Parameters
    ----------
    sequences : list of sequences
        Of numbers, or of arrays of one shape.
    maxlen : int, optional
        Length of the rows; that of the longest sequence without it.
    dtype : str or dtype
        Of the result; ``object`` for strings of any length.
    padding, truncating : "pre" or "post"
        Where values are added to shorter sequences, and taken from longer ones.
    value : number or str
        What is added.

    Returns
    -------
    array (len(sequences), maxlen, ...)

    Raises
    ------
    ValueError
        Elements that are no sequences or of different shapes; a string added to numbers; an unknown side.

    Examples
    --------
    >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
    array([[0, 1],
           [2, 3],
           [5, 6]], dtype=int32)
    """
    _sides(padding, truncating)
    if not hasattr(sequences, "__len__"):
        raise ValueError(f"pad_sequences: expected `sequences` with a length, got {type(sequences).__name__}")
    for row in sequences:
        if not hasattr(row, "__len__"):
            raise ValueError(f"`sequences` must be a list of iterables. Found non-iterable: {row}")
    text = np.issubdtype(dtype, np.str_) or np.issubdtype(dtype, np.bytes_) or dtype in (object, "object")
    if isinstance(value, str) and not text:
        raise ValueError(f"`dtype` {dtype} is not compatible with `value`'s type: {type(value)}\nYou should set "
                         f"`dtype=object` for variable length strings.")
    if maxlen is None:
        maxlen = max((len(row) for row in sequences), default=0)
    inner = next((np.asarray(row).shape[1:] for row in sequences if len(row)), ())
    made = np.full((len(sequences), maxlen, *inner), value, dtype=dtype)
    for number, row in enumerate(sequences):
        kept = np.asarray(row[max(len(row) - maxlen, 0):] if truncating == "pre" else row[:maxlen], dtype=dtype)
        if not len(row):
            continue
        if kept.shape[1:] != inner:
            raise ValueError(f"Shape of sample {kept.shape[1:]} of sequence at position {number} is different from "
                             f"expected shape {inner}")
        start = maxlen - len(kept) if padding == "pre" else 0
        made[number, start:start + len(kept)] = kept
    return made
