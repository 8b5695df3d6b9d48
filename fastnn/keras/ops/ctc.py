"""Connectionist temporal classification (Graves et al., 2006): the loss, and decoding."""
import numpy as np

from fastnn._tensor import from_array
from fastnn.autograd import Function
from fastnn.keras.ops.common import floating, tensor
from fastnn.keras.symbolic import operation
from fastnn.keras.variables import array_of
from fastnn.nn import functional as F


class _Loss(Function):
    """Of log probabilities (batch, steps, classes), by sums over alignments from both ends."""

    @staticmethod
    def forward(ctx, logs, target, target_length, length, mask_index):
        scores = array_of(logs)
        batch, steps, _ = scores.shape
        path = np.full((batch, 2 * target.shape[1] + 1), mask_index)  # the classes with none between them
        path[:, 1::2] = target
        rows = np.arange(batch)
        here = np.take_along_axis(scores, path[:, None].repeat(steps, 1), 2).astype(np.float64)
        jumps = np.zeros(path.shape, bool)  # whether none before a class may be left out
        jumps[:, 2:] = (path[:, 2:] != mask_index) & (path[:, 2:] != path[:, :-2])
        last, none = 2 * target_length, -np.inf
        forward, backward = (np.full((steps, *path.shape), none) for _ in range(2))
        forward[0, :, 0] = here[:, 0, 0]
        if path.shape[1] > 1:
            forward[0, :, 1] = here[:, 0, 1]
        for t in range(1, steps):
            forward[t] = _steps(forward[t - 1], jumps, 1) + here[:, t]
        for t in reversed(range(steps)):
            if t + 1 < steps:
                backward[t] = _steps(backward[t + 1], jumps, -1) + here[:, t]
            ends = length == t + 1
            backward[t, ends] = none
            backward[t, rows[ends], last[ends]] = here[rows[ends], t, last[ends]]
            some = ends & (last > 0)
            backward[t, rows[some], last[some] - 1] = here[rows[some], t, last[some] - 1]
        end = np.clip(length - 1, 0, None)
        total = np.logaddexp(forward[end, rows, last],
                             np.where(last > 0, forward[end, rows, np.maximum(last - 1, 0)], none))
        ctx.found = scores, path, here, forward, backward, total
        return from_array((-total).astype(scores.dtype))

    @staticmethod
    def backward(ctx, grad):
        scores, path, here, forward, backward, total = ctx.found
        with np.errstate(invalid="ignore", over="ignore"):
            share = np.exp(forward.transpose(1, 0, 2) + backward.transpose(1, 0, 2) - here - total[:, None, None])
        share = np.nan_to_num(share, nan=0.0, posinf=0.0)
        made = np.zeros(scores.shape)
        rows, steps = np.arange(len(path))[:, None, None], np.arange(scores.shape[1])[None, :, None]
        np.add.at(made, (rows, steps, path[:, None, :]), -share)
        return from_array((made * array_of(grad)[:, None, None]).astype(scores.dtype)), None, None, None, None


def _steps(scores, jumps, direction):
    """log p of each state after a step: from the same state, from the one before it, or from two before."""
    made = scores.copy()
    if direction > 0:
        made[:, 1:] = np.logaddexp(made[:, 1:], scores[:, :-1])
        made[:, 2:] = np.where(jumps[:, 2:], np.logaddexp(made[:, 2:], scores[:, :-2]), made[:, 2:])
    else:
        made[:, :-1] = np.logaddexp(made[:, :-1], scores[:, 1:])
        made[:, :-2] = np.where(jumps[:, 2:], np.logaddexp(made[:, :-2], scores[:, 2:]), made[:, :-2])
    return made


@operation
def ctc_loss(target, output, target_length, output_length, mask_index=0):
    """Connectionist temporal classification: ``-log p(target | output)`` over all alignments (Graves et al., 2006).

    Parameters
    ----------
    target : tensor of int (batch, longest target)
    output : tensor (batch, steps, classes)
        Scores before softmax.
    target_length, output_length : tensor of int (batch,)
        Lengths of the sequences.
    mask_index : int
        Blank class.

    Returns
    -------
    Tensor (batch,)

    Examples
    --------
    >>> keras.ops.ctc_loss([[1]], np.zeros((1, 1, 2)), [1], [1]).round(decimals=4)
    tensor([0.6931], dtype=torch.float64)
    """
    numbers = (np.asarray(array_of(tensor(x)), np.int64) for x in (target, target_length, output_length))
    return _Loss.apply(F.log_softmax(floating(output), -1), *numbers, mask_index)


def _greedy(scores, lengths, merge_repeated, mask_index):
    batch, steps, _ = scores.shape
    best, within = scores.argmax(-1).astype(np.int32), np.arange(steps) < lengths[:, None]
    best = np.where(within, best, mask_index)
    total = -np.where(within, scores.max(-1), 0.0).sum(1, keepdims=True)
    if merge_repeated:
        best[:, 1:] = np.where(best[:, 1:] == best[:, :-1], mask_index, best[:, 1:])
    made = np.full((1, batch, steps), -1, np.int32)
    for row, found in zip(made[0], best):
        kept = found[found != mask_index]
        row[:len(kept)] = kept
    return made, total.astype(scores.dtype)


def _beams(steps, beam_width, mask_index):
    """The sequences with the largest sums of probabilities over their alignments, best first: (sequence, log p)."""
    none = -np.inf
    beams = {(): (0.0, none)}  # log p of alignments that end with no class, and with the last one
    for row in steps:
        found = {}

        def add(path, blank, emitted, found=found):
            before = found.get(path, (none, none))
            found[path] = np.logaddexp(before[0], blank), np.logaddexp(before[1], emitted)
        for path, (blank, emitted) in beams.items():
            both = np.logaddexp(blank, emitted)
            add(path, both + row[mask_index], emitted + row[path[-1]] if path else none)
            for label, score in enumerate(row):
                if label != mask_index:
                    add((*path, label), none, (blank if path and label == path[-1] else both) + score)
        order = sorted(found, key=lambda path: -np.logaddexp(*found[path]))
        beams = {path: found[path] for path in order[:beam_width]}
    return [(path, float(np.logaddexp(*scores))) for path, scores in beams.items()]


@operation
def ctc_decode(inputs, sequence_lengths, strategy="greedy", beam_width=100, top_paths=1, merge_repeated=True,
               mask_index=0):
    """Sequences of classes of a network that was trained with `ctc_loss`.

    Parameters
    ----------
    inputs : tensor (batch, steps, classes)
        Scores before softmax.
    sequence_lengths : tensor of int (batch,)
    strategy : {"greedy", "beam_search"}
        The best class of each step, or the most probable sequences over all alignments.
    beam_width, top_paths : int
        Of beam search: numbers of sequences to follow, and to return.
    merge_repeated : bool
        Of the greedy strategy: whether repeated classes count once.
    mask_index : int or None
        Blank class; None: the last one.

    Returns
    -------
    (classes, scores)
        int32 (paths, batch, steps), with -1 behind sequences; (batch, paths), log probabilities, or the negative sum of
        the best scores.

    Raises
    ------
    ValueError
        Another strategy.

    Examples
    --------
    >>> scores = np.log(np.array([[[0.1, 0.8, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]]]))
    >>> keras.ops.ctc_decode(scores, [3])[0]
    tensor([[[ 1,  2, -1]]], dtype=torch.int32)
    """
    scores, lengths = array_of(floating(inputs)), array_of(tensor(sequence_lengths)).astype(int)
    mask_index = scores.shape[-1] - 1 if mask_index is None else mask_index
    if strategy == "greedy":
        return tuple(map(from_array, _greedy(scores, lengths, merge_repeated, mask_index)))
    if strategy != "beam_search":
        raise ValueError(f"Invalid strategy {strategy}. Supported values are 'greedy' and 'beam_search'.")
    batch, steps, _ = scores.shape
    logs = array_of(F.log_softmax(floating(inputs), -1).detach())
    made = np.full((top_paths, batch, steps), -1, np.int32)
    found = np.full((batch, top_paths), -np.inf, scores.dtype)
    for i in range(batch):
        for j, (path, score) in enumerate(_beams(logs[i, :lengths[i]].astype(np.float64), beam_width,
                                                 mask_index)[:top_paths]):
            made[j, i, :len(path)], found[i, j] = path, score
    return from_array(made), from_array(found)
