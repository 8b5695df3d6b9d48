"""Recurrent layers: one node for a layer over a whole sequence; its final states are further outputs of the node."""
cimport numpy as np

import numpy

from fastnn._tape cimport Node, Op, Version, declare_joint
from fastnn._tensor cimport Tensor, recording, recordn, set_output, wrap
from fastnn._tensor import record
from fastnn.kernels cimport recurrent as K
from fastnn.ops._common cimport form_of_array, is_ordinary, rule_of
from fastnn.ops.recurrent_composed import by_steps, cell

np.import_array()


cdef class Layer:
    """What the backward rule needs."""
    cdef readonly str mode
    cdef readonly np.ndarray x, h0, c0
    cdef np.ndarray y, saved
    cdef readonly list weights
    cdef readonly object batch_sizes
    cdef readonly bint batch_first, cell
    cdef readonly int directions
    cdef list versions, expected


cdef int check_versions(Node node, Layer s) except -1:
    cdef Py_ssize_t i
    for i in range(len(s.versions)):
        if (<Version>s.versions[i]).n != s.expected[i]:
            raise node.modified((<Version>s.versions[i]).n, s.expected[i])
    return 0


cdef object layer_backward(Node node, list grads):
    """From the gradients of output, hn, cn; of a cell h, nothing, c."""
    cdef Layer s = <Layer>node.saved[0]
    cdef tuple edges = node.edges
    check_versions(node, s)
    grad, grad_h, grad_c = grads
    if s.cell:
        grad = None if grad is None else grad[None]
        grad_c = None if grad_c is None else grad_c[None]
    need_weights = any([edge is not None for edge in edges[3:]])
    dx, dh0, dc0, dweights = K.recurrent_backward(
        s.mode, grad, grad_h, grad_c, s.x, s.y, s.weights, s.saved, s.h0, s.c0, s.batch_sizes, s.batch_first,
        s.directions, edges[0] is not None, need_weights)
    if s.cell:
        dx, dh0, dc0 = None if dx is None else dx[0], dh0[0], None if dc0 is None else dc0[0]
    return (dx, dh0, dc0, *(dweights if need_weights else [None] * len(s.weights)))


cdef Op RNN = declare_joint("RnnBackward0", layer_backward, "layer")
cdef Op LSTM = declare_joint("LstmBackward0", layer_backward, "layer")
cdef Op GRU = declare_joint("GruBackward0", layer_backward, "layer")


@RNN.second
@LSTM.second
@GRU.second
def _layer_second(step, *grads):
    """By the same steps in tensor operations."""
    s = step.layer
    check_versions(step.node, s)
    arrays = [None if x is None else x[0] if s.cell else x for x in (s.x, s.h0, s.c0)]

    def function(x, h0, c0, *weights):
        if s.cell:
            batch, hidden = x.shape[0], weights[1].shape[1]
            h0, c0 = [wrap(numpy.zeros((batch, hidden), s.x.dtype)) if t is None else t for t in (h0, c0)]
            h, c = cell(s.mode, x, h0, c0, *weights)
            return h, None, c
        return by_steps(s.mode, x, list(weights), h0, c0, s.batch_sizes, s.batch_first, s.directions)
    return step.through(grads, (*arrays, *s.weights), function)


def recurrent(str mode, Tensor input not None, list weights not None, Tensor h0=None, Tensor c0=None, batch_sizes=None,
              bint batch_first=False, int directions=1):
    """One recurrent layer; arguments as `kernels.recurrent_forward`, with tensors.

    Returns
    -------
    (output, hn, cn); cn None unless LSTM.
    """
    if not is_ordinary(input.array):
        return rule_of(form_of_array(input.array), mode, recurrent)(mode, input, weights, h0, c0, batch_sizes,
                                                                    batch_first, directions)
    cdef Layer s = Layer.__new__(Layer)
    s.x = input.array
    s.h0 = None if h0 is None else h0.array
    s.c0 = None if c0 is None else c0.array
    s.batch_sizes, s.batch_first, s.directions = batch_sizes, batch_first, directions
    return run(s, mode, input, weights, h0, c0)


def recurrent_cell(str mode, Tensor input not None, list weights not None, Tensor h0=None, Tensor c0=None):
    """One step: input (batch, in), states (batch, hidden).

    Returns
    -------
    (h, c); c None unless LSTM.
    """
    if not is_ordinary(input.array):
        return rule_of(form_of_array(input.array), mode, recurrent_cell)(mode, input, weights, h0, c0)
    cdef Layer s = Layer.__new__(Layer)
    s.cell = True
    s.directions = 1
    s.x = input.array[None]
    s.h0 = None if h0 is None else h0.array[None]
    s.c0 = None if c0 is None else c0.array[None]
    h, _, c = run(s, mode, input, weights, h0, c0)
    return h, c


cdef tuple run(Layer s, str mode, Tensor input, list weights, Tensor h0, Tensor c0):
    cdef bint on = recording(input) or (h0 is not None and recording(h0)) or (c0 is not None and recording(c0))
    cdef Tensor w, out, hn = None, cn = None
    s.weights = []
    for w in weights:
        on = on or recording(w)
        s.weights.append(w.array)
    s.mode = mode
    s.y, last_h, last_c, s.saved = K.recurrent_forward(mode, s.x, s.weights, s.h0, s.c0, s.batch_sizes, s.batch_first,
                                                       s.directions, on)
    y = s.y
    if s.cell:
        y = y[0]
        last_c = None if last_c is None else last_c[0]
    if not on:
        return wrap(y), None if s.cell else wrap(last_h), None if last_c is None else wrap(last_c)
    out = recordn(y, LSTM if mode == "lstm" else GRU if mode == "gru" else RNN, (input, h0, c0, *weights), (s,))
    out.node.outputs = 3
    if not s.cell:
        hn = wrap(last_h)
        set_output(hn, out.node, 1)
    if last_c is not None:
        cn = wrap(last_c)
        set_output(cn, out.node, 2)
    s.versions = [(<Tensor>x).version_object() for x in (input, out, h0, c0, *weights) if x is not None]
    s.expected = [(<Version>version).n for version in s.versions]
    return out, hn, cn


def put_rows_backward(grad, rows, rest):
    return grad.reshape(-1, *rest)[rows]


cdef Op PUT_ROWS = Op("PadPackedSequenceBackward0", put_rows_backward, "rows rest")


@PUT_ROWS.second
def _put_rows_second(step, g):
    shape = tuple(g.shape)

    def put(array):
        found = numpy.zeros(shape, array.dtype).reshape(-1, *step.rest)
        found[step.rows] = array
        return found.reshape(shape)
    return step.linear(g, lambda grad: put_rows_backward(grad, step.rows, step.rest), put)


def put_rows(Tensor data not None, np.ndarray rows, tuple shape, padding_value):
    """A matrix of rows, `shape` its leading sizes: row rows[i] is data[i], the others hold `padding_value`."""
    cdef tuple rest = (<object>data.array).shape[1:]
    cdef np.ndarray out = numpy.full((int(numpy.prod(shape)), *rest), padding_value, (<object>data.array).dtype)
    (<object>out)[rows] = data.array
    return record((<object>out).reshape(*shape, *rest), PUT_ROWS, (data,), (rows, rest))


def pad_rows_backward(grad, slices, batch_first):
    grad = grad if batch_first else grad.swapaxes(0, 1)
    return tuple([numpy.ascontiguousarray(grad[part]) for part in slices])


cdef Op PAD_ROWS = Op("PadSequenceBackward0", pad_rows_backward, "slices batch_first")


@PAD_ROWS.second
def _pad_rows_second(step, g):
    g = g if step.batch_first else g.transpose(0, 1)
    return tuple([g[part] for part in step.slices])


def pad_rows(list sequences, bint batch_first, padding_value, bint left):
    """Sequences (length, *) as one array (longest, batch, *), or with batch first."""
    cdef Tensor first = <Tensor?>sequences[0]
    lengths = [(<Tensor?>sequence).array.shape[0] for sequence in sequences]
    longest = max(lengths)
    shape = (len(sequences), longest, *(<object>first.array).shape[1:])
    out = numpy.full(shape, padding_value, (<object>first.array).dtype)
    slices = [(i, slice(longest - n, longest) if left else slice(n)) for i, n in enumerate(lengths)]
    for part, sequence in zip(slices, sequences, strict=True):
        out[part] = (<Tensor>sequence).array
    if not batch_first:
        out = numpy.ascontiguousarray(out.swapaxes(0, 1))
    return record(out, PAD_ROWS, tuple(sequences), (slices, batch_first))
