"""Recurrent layers: one node for a layer over a whole sequence, whose final states are nodes of their own."""
cimport numpy as np

import numpy

from fastnn._tape cimport Node, Version
from fastnn._tensor cimport Tensor, record1, recording, recordn, wrap
from fastnn.kernels cimport recurrent as K

np.import_array()


cdef class Layer:
    """What the backward rule needs, and the gradients of the final states as they arrive."""
    cdef str mode
    cdef np.ndarray x, y, saved, h0, c0
    cdef np.ndarray grad_h, grad_c
    cdef list weights
    cdef object batch_sizes
    cdef bint batch_first
    cdef int directions
    cdef list versions, expected


cdef object layer_backward(Node node, np.ndarray grad):
    cdef Layer s = <Layer>node.saved[0]
    cdef tuple edges = node.edges
    cdef np.ndarray grad_h = s.grad_h, grad_c = s.grad_c
    cdef Py_ssize_t i
    s.grad_h = s.grad_c = None
    for i in range(len(s.versions)):
        if (<Version>s.versions[i]).n != s.expected[i]:
            raise node.modified((<Version>s.versions[i]).n, s.expected[i])
    if np.PyArray_NDIM(grad) and np.PyArray_SIZE(grad) and not any((<object>grad).strides):
        grad = None  # the zeros of state_backward
    need_weights = any([edge is not None for edge in edges[3:]])
    dx, dh0, dc0, dweights = K.recurrent_backward(
        s.mode, grad, grad_h, grad_c, s.x, s.y, s.weights, s.saved, s.h0, s.c0, s.batch_sizes, s.batch_first,
        s.directions, edges[0] is not None, need_weights)
    return (dx, dh0, dc0, *(dweights if need_weights else [None] * len(s.weights)))


cdef object state_backward(Node node, np.ndarray grad):
    """A final state's gradient waits for the layer's rule; the layer itself gets nothing, or zeros to be called."""
    cdef Layer s = <Layer>node.saved[0]
    cdef Node layer = <Node>node.edges[0]
    if node.saved[1]:
        s.grad_c = grad
    else:
        s.grad_h = grad
    if layer.arrived is None:
        return (numpy.broadcast_to(numpy.zeros((), grad.dtype), (<object>s.y).shape),)
    return (None,)


def recurrent(str mode, Tensor input, list weights, Tensor h0=None, Tensor c0=None, batch_sizes=None,
              bint batch_first=False, int directions=1):
    """One recurrent layer; arguments as `kernels.recurrent_forward`, with tensors.

    Returns
    -------
    (output, hn, cn); cn None unless LSTM.
    """
    cdef Layer s = Layer.__new__(Layer)
    cdef bint on = recording(input) or (h0 is not None and recording(h0)) or (c0 is not None and recording(c0))
    cdef Tensor w, out, hn, cn = None
    cdef str name
    s.weights = []
    for w in weights:
        on = on or recording(w)
        s.weights.append(w.array)
    s.mode, s.batch_sizes, s.batch_first, s.directions = mode, batch_sizes, batch_first, directions
    s.h0 = None if h0 is None else h0.array
    s.c0 = None if c0 is None else c0.array
    s.x = input.array
    s.y, last_h, last_c, s.saved = K.recurrent_forward(mode, s.x, s.weights, s.h0, s.c0, batch_sizes, batch_first,
                                                       directions)
    if not on:
        return wrap(s.y), wrap(last_h), None if last_c is None else wrap(last_c)
    name = {"lstm": "LstmBackward0", "gru": "GruBackward0"}.get(mode, "RnnBackward0")
    out = recordn(s.y, layer_backward, name, (input, h0, c0, *weights), (s,))
    hn = record1(last_h, state_backward, name, out, (s, False))
    if last_c is not None:
        cn = record1(last_c, state_backward, name, out, (s, True))
    s.versions = [(<Tensor>x).version_object() for x in (input, out, h0, c0, *weights) if x is not None]
    s.expected = [(<Version>version).n for version in s.versions]
    return out, hn, cn
