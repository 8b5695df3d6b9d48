"""RNN, LSTM and GRU layers over whole sequences, forward and backward through time."""
cimport numpy as np
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

import numpy

from fastnn.errors import ShapeError
from fastnn.kernels cimport _core
from fastnn.reference import recurrent as reference

np.import_array()

cdef list MODES = ["rnn_tanh", "rnn_relu", "lstm", "gru"]
cdef int[4] GATES = [1, 1, 4, 3]
cdef int64_t ROWS_TOGETHER = 384
cdef int64_t BYTES_TOGETHER = 1 << 20


cdef class Plan:
    """A checked call: its sizes, and where each step's rows lie."""
    cdef int mode, kind, directions
    cdef bint biases
    cdef int64_t steps, batch, rows, along, n_in, hidden, chunk
    cdef np.ndarray first, sizes
    cdef np.ndarray x, h0, c0
    cdef list weights
    cdef void *pointers[8]

    cdef np.ndarray array(self, int64_t a, int64_t b, int64_t c, int ndim):
        """A new array of 1 to 3 dimensions."""
        cdef np.npy_intp[3] shape = [a, b, c]
        return _core.new_array(ndim, shape, np.NPY_FLOAT if self.kind == 0 else np.NPY_DOUBLE)


cdef np.ndarray zeros(Plan p):
    cdef np.ndarray array = p.array(p.directions, p.batch, p.hidden, 3)
    memset(np.PyArray_DATA(array), 0, np.PyArray_NBYTES(array))
    return array


cdef np.ndarray copied(Plan p, np.ndarray state):
    """A state to compute in; 0 if there is none."""
    if state is None:
        return zeros(p)
    cdef np.ndarray array = p.array(p.directions, p.batch, p.hidden, 3)
    state = _core.contiguous(state)
    if np.PyArray_NBYTES(array):
        memcpy(np.PyArray_DATA(array), np.PyArray_DATA(state), np.PyArray_NBYTES(array))
    return array


cdef object check_shape(np.ndarray array, tuple shape, np.ndarray x, str op, str what):
    _core.same_real_kind(x, array, op)
    if (<object>array).shape != shape:
        raise ShapeError(f"{op}: expected {what} {shape}, got {(<object>array).shape}")


cdef int64_t steps_together(Plan p):
    """Steps of one chunk: their gates fit a cache, but products get a fair number of rows."""
    cdef int64_t row = (4 if p.mode >= 2 else 1) * p.hidden * (4 if p.kind == 0 else 8), most, chunks
    if p.steps == 0 or p.batch == 0:
        return 1
    most = max(1, ROWS_TOGETHER // p.batch, BYTES_TOGETHER // max(row * p.batch, 1))
    chunks = (p.steps + most - 1) // most
    return (p.steps + chunks - 1) // chunks


cdef int check_weights(Plan p, str op, np.ndarray x, list weights) except -1:
    """The weights, contiguous, and their addresses."""
    cdef int d, i, per
    cdef int64_t gates = GATES[p.mode]
    cdef np.ndarray w
    if weights is None or len(weights) != 2 * p.directions and len(weights) != 4 * p.directions:
        raise ValueError(f"{op}: expected w_ih, w_hh and perhaps b_ih, b_hh for each of {p.directions} directions, got "
                         f"{0 if weights is None else len(weights)} arrays")
    per = len(weights) // p.directions
    p.biases = per == 4
    w = weights[1]
    _core.same_real_kind(x, w, op)
    if np.PyArray_NDIM(w) != 2:
        raise ShapeError(f"{op}: expected w_hh of 2 dimensions, got {(<object>w).shape}")
    p.hidden = np.PyArray_DIM(w, 1)
    p.weights = []
    for i in range(len(weights)):
        w = weights[i]
        if i % per == 0:
            check_shape(w, (gates * p.hidden, p.n_in), x, op, "w_ih")
        elif i % per == 1:
            check_shape(w, (gates * p.hidden, p.hidden), x, op, "w_hh")
        else:
            check_shape(w, (gates * p.hidden,), x, op, "b_ih" if i % per == 2 else "b_hh")
        w = _core.contiguous(w)
        p.weights.append(w)
        p.pointers[4 * (i // per) + i % per] = np.PyArray_DATA(w)
    if not p.biases:
        for d in range(p.directions):
            p.pointers[4 * d + 2] = p.pointers[4 * d + 3] = NULL
    return 0


cdef int same_sizes(Plan p, np.ndarray x, bint batch_first) except -1:
    """Sequences of one length."""
    cdef int64_t t
    cdef np.npy_intp steps
    p.steps, p.batch = np.PyArray_DIM(x, 0), np.PyArray_DIM(x, 1)
    if batch_first:
        p.steps, p.batch = p.batch, p.steps
    p.rows = p.steps * p.batch
    steps = p.steps
    p.sizes = np.PyArray_EMPTY(1, &steps, np.NPY_INT64, 0)
    cdef int64_t *sizes = <int64_t *>np.PyArray_DATA(p.sizes)
    for t in range(p.steps):
        sizes[t] = p.batch
    return 0


cdef int check_sizes(Plan p, str op, np.ndarray x, batch_sizes) except -1:
    """Sequences of falling length: how many are alive at each step."""
    cdef int64_t t, total = 0
    p.sizes = _core.contiguous(numpy.asarray(batch_sizes, dtype=numpy.int64))
    if np.PyArray_NDIM(p.sizes) != 1:
        raise ShapeError(f"{op}: expected batch_sizes (steps,), got {(<object>p.sizes).shape}")
    p.steps = np.PyArray_DIM(p.sizes, 0)
    cdef int64_t *sizes = <int64_t *>np.PyArray_DATA(p.sizes)
    p.batch = sizes[0] if p.steps else 0
    for t in range(p.steps):
        if sizes[t] <= 0 or (t > 0 and sizes[t] > sizes[t - 1]):
            raise ValueError(f"{op}: expected batch_sizes that are positive and do not grow, got "
                             f"{sizes[t]} at step {t}")
        total += sizes[t]
    p.rows = np.PyArray_DIM(x, 0)
    if total != p.rows:
        raise ShapeError(f"{op}: expected {total} rows of input as batch_sizes say, got {p.rows}")
    return 0


cdef int put_offsets(Plan p, bint batch_first) except -1:
    """Each step's first row, and the stride from one of its rows to the next."""
    cdef int64_t t, total = 0
    cdef np.npy_intp steps = p.steps
    p.first = np.PyArray_EMPTY(1, &steps, np.NPY_INT64, 0)
    cdef int64_t *first = <int64_t *>np.PyArray_DATA(p.first)
    cdef int64_t *sizes = <int64_t *>np.PyArray_DATA(p.sizes)
    p.along = p.steps if batch_first and p.batch != 1 and p.steps != 0 else 1
    for t in range(p.steps):
        first[t] = t if p.along != 1 else total
        total += sizes[t]
    return 0


cdef Plan check(str op, str mode, np.ndarray x, list weights, np.ndarray h0, np.ndarray c0, batch_sizes,
                bint batch_first, int directions):
    cdef Plan p = Plan.__new__(Plan)
    if mode not in MODES:
        raise ValueError(f"{op}: expected a mode of {', '.join(MODES)}, got {mode!r}")
    p.mode = MODES.index(mode)
    p.kind = _core.real_kind(x, op)
    if directions != 1 and directions != 2:
        raise ValueError(f"{op}: expected 1 or 2 directions, got {directions}")
    p.directions = directions
    if np.PyArray_NDIM(x) != (3 if batch_sizes is None else 2):
        expected = "(rows, in)" if batch_sizes is not None else "(batch, steps, in)" if batch_first else \
            "(steps, batch, in)"
        raise ShapeError(f"{op}: expected input {expected}, got {(<object>x).shape}")
    p.n_in = np.PyArray_DIM(x, np.PyArray_NDIM(x) - 1)
    check_weights(p, op, x, weights)
    if batch_sizes is None:
        same_sizes(p, x, batch_first)
    else:
        check_sizes(p, op, x, batch_sizes)
    put_offsets(p, batch_first and batch_sizes is None)
    p.x = _core.contiguous(x)
    if h0 is not None:
        check_shape(h0, (directions, p.batch, p.hidden), x, op, "h0")
        p.h0 = _core.contiguous(h0)
    if p.mode == 2 and c0 is not None:
        check_shape(c0, (directions, p.batch, p.hidden), x, op, "c0")
        p.c0 = _core.contiguous(c0)
    p.chunk = steps_together(p)
    return p


cpdef tuple recurrent_forward(str mode, np.ndarray x, list weights, np.ndarray h0=None, np.ndarray c0=None,
                              batch_sizes=None, bint batch_first=False, int directions=1, bint save=True):
    """A recurrent layer over whole sequences.

    With ``a = w_ih x + b_ih + w_hh h + b_hh``, where h is of the step before:
    rnn_tanh, rnn_relu: ``h = tanh(a)``, ``h = relu(a)``;
    lstm: ``i, f, g, o = a``; ``c = sigmoid(f) c + sigmoid(i) tanh(g)``; ``h = sigmoid(o) tanh(c)``;
    gru: ``r, z = sigmoid(a)``; ``n = tanh(w_in x + b_in + r (w_hn h + b_hn))``; ``h = (1 - z) n + z h``.

    Parameters
    ----------
    mode : str
        ``"rnn_tanh"``, ``"rnn_relu"``, ``"lstm"`` or ``"gru"``.
    x : array (steps, batch, in), or (batch, steps, in), or (rows, in)
        float32 or float64; the second with `batch_first`, the third with `batch_sizes`.
    weights : list of arrays
        For each direction w_ih (G hidden, in), w_hh (G hidden, hidden) and, if there are biases, b_ih and b_hh
        (G hidden,); G = 1, 1, 4, 3.
    h0, c0 : arrays (directions, batch, hidden), optional
        Initial states; 0 if not given. c0 is the LSTM's.
    batch_sizes : integer array (steps,), optional
        How many sequences are alive at each step, not growing; their rows follow each other in x.
    directions : int
        1, or 2: then a second one runs from the last step of each sequence to the first.
    save : bool
        Whether there will be a backward call.

    Returns
    -------
    (y, hn, cn, saved)
        y like x with directions * hidden as its last size; final states (directions, batch, hidden), cn None
        unless LSTM; what `recurrent_backward` needs, None for RNN or without `save`.

    Raises
    ------
    ShapeError, DTypeError, ValueError
        Arrays that do not fit each other.

    References
    ----------
    Elman (1990); Hochreiter and Schmidhuber (1997); Cho et al. (2014) with the reset gate after the product.
    """
    cdef int status
    cdef Plan p = check("recurrent", mode, x, weights, h0, c0, batch_sizes, batch_first, directions)
    if _core.use_reference:
        return reference.recurrent_forward(mode, x, weights, h0, c0, batch_sizes, batch_first, directions, save)
    cdef np.npy_intp shape[3]
    cdef int i, ndim = np.PyArray_NDIM(x)
    cdef int64_t gates = GATES[p.mode]
    for i in range(ndim):
        shape[i] = np.PyArray_DIM(x, i)
    shape[ndim - 1] = directions * p.hidden
    cdef np.ndarray y = _core.new_array(ndim, shape, np.PyArray_TYPE(x))
    cdef np.ndarray hn = copied(p, h0), cn = None, saved = None, scratch
    cdef void *pcn = NULL
    cdef void *psaved = NULL
    if p.mode == 2:
        cn = copied(p, c0)
        pcn = np.PyArray_DATA(cn)
    if p.mode >= 2 and save:
        saved = p.array(directions * p.rows * p.hidden * (5 if p.mode == 2 else 4), 0, 0, 1)
        psaved = np.PyArray_DATA(saved)
    scratch = p.array(directions * (p.chunk * p.batch * (4 if p.mode >= 2 else 1) * p.hidden + gates * p.hidden
                                    + (p.n_in + p.hidden) * (gates * p.hidden + 64)), 0, 0, 1)
    cdef void *py = np.PyArray_DATA(y)
    cdef void *phn = np.PyArray_DATA(hn)
    cdef void *ps = np.PyArray_DATA(scratch)
    cdef void *px = np.PyArray_DATA(p.x)
    cdef int64_t *first = <int64_t *>np.PyArray_DATA(p.first)
    cdef int64_t *sizes = <int64_t *>np.PyArray_DATA(p.sizes)
    with nogil:
        status = _core.active[p.kind].recurrent_forward(p.mode, p.steps, p.batch, p.rows, p.along, first, sizes, p.n_in,
                                                        p.hidden, directions, p.chunk, py, phn, pcn, psaved, ps, px,
                                                        p.pointers)
    _core.check_status(status, "recurrent_forward")
    return y, hn, cn, saved


cdef int check_backward(Plan p, np.ndarray grad, np.ndarray grad_h, np.ndarray grad_c, np.ndarray x, np.ndarray y,
                        np.ndarray saved) except -1:
    cdef str op = "recurrent_backward"
    cdef tuple shape = (<object>x).shape[:-1] + (p.directions * p.hidden,), state = (p.directions, p.batch, p.hidden)
    if y is None:
        raise ShapeError(f"{op}: expected y {shape}, got None")
    check_shape(y, shape, x, op, "y")
    if grad is not None:
        check_shape(grad, shape, x, op, "grad")
    if p.mode >= 2:
        if saved is None:
            raise ShapeError(f"{op}: expected saved as the forward call returned it, got None")
        check_shape(saved, (p.directions * p.rows * p.hidden * (5 if p.mode == 2 else 4),), x, op, "saved")
    if grad_h is not None:
        check_shape(grad_h, state, x, op, "grad_h")
    if grad_c is not None:
        check_shape(grad_c, state, x, op, "grad_c")
    return 0


cdef list new_gradients(Plan p, void **pointers):
    """Arrays for the weights' gradients, and their addresses."""
    cdef int i, per = len(p.weights) // p.directions
    cdef np.ndarray w
    cdef list found = []
    for i in range(8):
        pointers[i] = NULL
    for i in range(len(p.weights)):
        w = _core.new_like(p.weights[i], np.PyArray_TYPE(p.x))
        if p.rows == 0:
            memset(np.PyArray_DATA(w), 0, np.PyArray_NBYTES(w))
        found.append(w)
        pointers[4 * (i // per) + i % per] = np.PyArray_DATA(w)
    return found


cpdef tuple recurrent_backward(str mode, np.ndarray grad, np.ndarray grad_h, np.ndarray grad_c, np.ndarray x,
                               np.ndarray y, list weights, np.ndarray saved, np.ndarray h0=None, np.ndarray c0=None,
                               batch_sizes=None, bint batch_first=False, int directions=1, bint need_x=True,
                               bint need_weights=True):
    """Gradients of `recurrent_forward`, through all steps.

    Parameters
    ----------
    mode, x, weights, h0, c0, batch_sizes, batch_first, directions
        As in the forward call.
    grad : array like y, or None
        The gradient with respect to y; None for 0.
    grad_h, grad_c : arrays like hn and cn, or None
        The gradients with respect to the final states; None for 0.
    y, saved
        What the forward call returned.
    need_x, need_weights : bool
        Whether those gradients are wanted.

    Returns
    -------
    (dx, dh0, dc0, dweights)
        dweights a list like `weights`; dx and dweights None if not wanted, dc0 None unless LSTM.

    Raises
    ------
    ShapeError, DTypeError, ValueError
        Arrays that do not fit each other.
    """
    cdef int status
    cdef Plan p = check("recurrent_backward", mode, x, weights, h0, c0, batch_sizes, batch_first, directions)
    check_backward(p, grad, grad_h, grad_c, x, y, saved)
    if _core.use_reference:
        return reference.recurrent_backward(mode, grad, grad_h, grad_c, x, y, weights, saved, h0, c0, batch_sizes,
                                            batch_first, directions, need_x, need_weights)
    cdef np.ndarray dh = copied(p, grad_h), dc = copied(p, grad_c) if p.mode == 2 else None
    cdef np.ndarray initial_h = p.h0 if h0 is not None else zeros(p)
    cdef np.ndarray initial_c = None if dc is None else p.c0 if c0 is not None else zeros(p)
    cdef void *pointers[8]
    cdef list dweights = new_gradients(p, pointers) if need_weights else None
    cdef np.ndarray dx = None
    if need_x:
        dx = _core.new_like(p.x, np.PyArray_TYPE(x))
        if p.hidden == 0:
            memset(np.PyArray_DATA(dx), 0, np.PyArray_NBYTES(dx))
    if p.rows == 0:
        return dx, dh, dc, dweights
    cdef np.ndarray scratch = p.array(p.chunk * p.batch * (p.hidden * (5 if p.mode >= 2 else 2) + p.n_in)
                                      + directions * GATES[p.mode] * p.hidden * (p.n_in + p.hidden + 64), 0, 0, 1)
    y = _core.contiguous(y)
    cdef void *pdx = np.PyArray_DATA(dx) if need_x else NULL
    cdef void *pdh = np.PyArray_DATA(dh)
    cdef void *pdc = np.PyArray_DATA(dc) if dc is not None else NULL
    cdef void *pc0 = np.PyArray_DATA(initial_c) if dc is not None else NULL
    cdef void *psaved = NULL
    cdef void *pgrad = NULL
    if p.mode >= 2:
        saved = _core.contiguous(saved)
        psaved = np.PyArray_DATA(saved)
    if grad is not None:
        grad = _core.contiguous(grad)
        pgrad = np.PyArray_DATA(grad)
    cdef void **pdw = pointers if need_weights else NULL
    cdef void *ps = np.PyArray_DATA(scratch)
    cdef void *px = np.PyArray_DATA(p.x)
    cdef void *py = np.PyArray_DATA(y)
    cdef void *ph0 = np.PyArray_DATA(initial_h)
    cdef int64_t *first = <int64_t *>np.PyArray_DATA(p.first)
    cdef int64_t *sizes = <int64_t *>np.PyArray_DATA(p.sizes)
    with nogil:
        status = _core.active[p.kind].recurrent_backward(p.mode, p.steps, p.batch, p.rows, p.along, first, sizes,
                                                         p.n_in, p.hidden, directions, p.chunk, pdx, pdh, pdc, pdw, ps,
                                                         pgrad, px, py, ph0, pc0, psaved, p.pointers)
    _core.check_status(status, "recurrent_backward")
    return dx, dh, dc, dweights
