"""Losses and their gradients: element by element, cross-entropy, negative log-likelihood."""
cimport numpy as np
from libc.stdint cimport int64_t

import numpy

from fastnn.errors import DTypeError, RangeError, ShapeError
from fastnn.kernels cimport _core
from fastnn.kernels import _core as core
from fastnn.reference import loss as reference

np.import_array()

cdef enum:
    NONE, MEAN, SUM

cdef list names = core.loss_names()
cdef dict numbers = {name: number for number, name in enumerate(names)}
cdef int bce = numbers["bce"]
cdef int bce_with_logits = numbers["bce_with_logits"]
cdef int bce_with_logits_weighted = numbers["bce_with_logits_weighted"]


cdef int reduction_number(object reduction, str op) except -1:
    if reduction == "mean":
        return MEAN
    if reduction == "sum":
        return SUM
    if reduction == "none":
        return NONE
    raise ValueError(f"{op}: {reduction!r} is not a valid value for reduction, expected 'none', 'mean' or 'sum'")


cdef np.ndarray new_scalar(int typenum):
    cdef np.npy_intp shape[1]
    return _core.new_array(0, shape, typenum)


# ---- element by element ----

cdef int loss_number(object op, np.ndarray pos_weight) except -1:
    cdef object number = numbers.get(op)
    if number is None:
        raise ValueError(f"pointwise_loss: unknown loss {op!r}; known: {', '.join(names)}")
    if pos_weight is None:
        if number == bce_with_logits_weighted:
            raise ValueError(f"pointwise_loss: {op} needs pos_weight")
        return number
    if number != bce_with_logits and number != bce_with_logits_weighted:
        raise ValueError(f"pointwise_loss: {op} takes no pos_weight")
    return bce_with_logits_weighted


cdef np.ndarray spread(np.ndarray array, np.ndarray x, str name, str op):
    """`array` (or None) broadcast to the shape of x, contiguous."""
    if array is None:
        return None
    _core.same_real_kind(x, array, op)
    if not np.PyArray_SAMESHAPE(array, x):
        try:
            array = numpy.broadcast_to(array, (<object>x).shape)
        except ValueError:
            raise ShapeError(f"{op}: expected {name} that broadcasts to the input's shape {(<object>x).shape}, got "
                             f"{(<object>array).shape}") from None
    return _core.contiguous(array)


cdef np.ndarray same_shape(np.ndarray array, np.ndarray x, str name, str op):
    _core.same_real_kind(x, array, op)
    if not np.PyArray_SAMESHAPE(array, x):
        raise ShapeError(f"{op}: expected {name} of the input's shape {(<object>x).shape}, got {(<object>array).shape}")
    return _core.contiguous(array)


cdef np.ndarray outer_gradient(np.ndarray grad, np.ndarray x, int reduce, tuple shape, str op):
    """The gradient of a loss: one number, or for reduction none of `shape`."""
    _core.same_real_kind(x, grad, op)
    if reduce == NONE:
        if (<object>grad).shape != shape:
            raise ShapeError(f"{op}: expected grad of the loss's shape {shape}, got {(<object>grad).shape}")
    elif np.PyArray_SIZE(grad) != 1:
        raise ShapeError(f"{op}: expected grad of one element, as the loss has, got {(<object>grad).shape}")
    return _core.contiguous(grad)


cpdef np.ndarray pointwise_loss_forward(op, np.ndarray x, np.ndarray target, np.ndarray weight=None,
                                        np.ndarray pos_weight=None, reduction="mean", double a=0.0, double b=0.0):
    """weight * loss(x, target; a, b), element by element, its mean or its sum.

    Parameters
    ----------
    op : str
        A name of `loss_names()`; formulas and what `a` and `b` mean stand in `src_c/kernels/loss.def`:
        smooth_l1 a = beta, huber a = delta, pinball a = the quantile, poisson_nll a = eps and b = 1 for the full loss,
        hinge_embedding a = margin.
    x, target : ndarrays of one shape, float32 or float64
    weight : ndarray or None
        Broadcasts to the shape of x. The mean still divides by the number of elements.
    pos_weight : ndarray or None
        For bce_with_logits, weight of the positive class; broadcasts to the shape of x.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    loss : ndarray, new, of no dimension, or like x for "none"

    Raises
    ------
    ValueError
        Unknown loss or reduction; bce: an element of x or target outside [0, 1] or NaN (a RangeError).
    """
    cdef int number = loss_number(op, pos_weight)
    cdef str name = op
    cdef int reduce = reduction_number(reduction, name)
    cdef int kind = _core.real_kind(x, name)
    target = same_shape(target, x, "target", name)
    weight = spread(weight, x, "weight", name)
    pos_weight = spread(pos_weight, x, "pos_weight", name)
    x = _core.contiguous(x)
    cdef int64_t n = np.PyArray_SIZE(x)
    cdef void *px = np.PyArray_DATA(x)
    cdef void *pt = np.PyArray_DATA(target)
    cdef int inside = 1, target_inside = 1
    if number == bce:
        with nogil:
            _core.active[kind].all_between(&inside, px, n, 0.0, 1.0)
            _core.active[kind].all_between(&target_inside, pt, n, 0.0, 1.0)
        _core.check_interrupt()
        if not inside or not target_inside:
            raise RangeError(f"bce: all elements of {'target' if inside else 'input'} should be between 0 and 1")
    if _core.use_reference:
        return reference.pointwise_loss_forward(op, x, target, weight, pos_weight, reduction, a, b)
    cdef np.ndarray out
    cdef int typenum = np.PyArray_TYPE(x)
    if reduce == NONE:
        out = _core.new_like(x, typenum)
    else:
        out = new_scalar(typenum)
    cdef void *po = np.PyArray_DATA(out)
    cdef void *pv = _core.data(pos_weight)
    cdef void *pw = _core.data(weight)
    with nogil:
        _core.active[kind].pointwise_loss_forward(number, po, px, pt, pv, pw, n, reduce, a, b)
    _core.check_interrupt()
    return out


cpdef tuple pointwise_loss_backward(op, np.ndarray grad, np.ndarray x, np.ndarray target, np.ndarray weight=None,
                                    np.ndarray pos_weight=None, reduction="mean", double a=0.0, double b=0.0,
                                    bint need_input=True, bint need_target=False):
    """Gradients of `pointwise_loss_forward` by x and target, given that of its result.

    Returns
    -------
    (dx, dtarget) : new arrays like x, or None where not needed
    """
    cdef int number = loss_number(op, pos_weight)
    cdef str name = op
    cdef int reduce = reduction_number(reduction, name)
    cdef int kind = _core.real_kind(x, name)
    target = same_shape(target, x, "target", name)
    weight = spread(weight, x, "weight", name)
    pos_weight = spread(pos_weight, x, "pos_weight", name)
    if reduce == NONE:
        grad = same_shape(grad, x, "grad", name)
    else:
        grad = outer_gradient(grad, x, reduce, None, name)
    if _core.use_reference:
        return reference.pointwise_loss_backward(op, grad, x, target, weight, pos_weight, reduction, a, b, need_input,
                                                 need_target)
    x = _core.contiguous(x)
    cdef int typenum = np.PyArray_TYPE(x)
    cdef np.ndarray dx = _core.new_like(x, typenum) if need_input else None
    cdef np.ndarray dt = _core.new_like(x, typenum) if need_target else None
    cdef int64_t n = np.PyArray_SIZE(x)
    cdef void *pdx = _core.data(dx)
    cdef void *pdt = _core.data(dt)
    cdef void *pg = np.PyArray_DATA(grad)
    cdef void *px = np.PyArray_DATA(x)
    cdef void *pt = np.PyArray_DATA(target)
    cdef void *pv = _core.data(pos_weight)
    cdef void *pw = _core.data(weight)
    with nogil:
        _core.active[kind].pointwise_loss_backward(number, pdx, pdt, pg, px, pt, pv, pw, n, reduce, a, b)
    _core.check_interrupt()
    return dx, dt


# ---- classes ----

cdef class Scores:
    """Checked arguments of a loss over classes: x (n, classes, d), target positions, weights."""
    cdef np.ndarray x, target, weight
    cdef int kind, typenum
    cdef bint soft           # target holds probabilities
    cdef int64_t n, classes, d

    cdef int check(self, str op, np.ndarray x, np.ndarray target, np.ndarray weight, int64_t ignore,
                   bint soft_allowed) except -1:
        if x is None or target is None:
            raise DTypeError(f"{op}: expected arrays as x and target, got None")
        cdef int ndim = np.PyArray_NDIM(x), target_ndim = np.PyArray_NDIM(target), i
        cdef np.npy_intp *shape = np.PyArray_DIMS(x)
        self.kind = _core.real_kind(x, op)
        self.typenum = np.PyArray_TYPE(x)
        if ndim == 0:
            raise ShapeError(f"{op}: expected input (C,), (N, C) or (N, C, d1, ...), got ()")
        self.n = shape[0] if ndim > 1 else 1
        self.classes = shape[1] if ndim > 1 else shape[0]
        self.d = 1
        for i in range(2, ndim):
            self.d *= shape[i]
        self.soft = soft_allowed and np.PyArray_SAMESHAPE(x, target) and np.PyArray_ISFLOAT(target)
        if self.soft:
            if ignore >= 0:
                raise RuntimeError(f"{op}: ignore_index is not supported for floating point target")
            _core.same_real_kind(x, target, op)
            self.target = _core.contiguous(target)
        else:
            self.check_shape(op, x, target, ndim, target_ndim)
            if np.PyArray_TYPE(target) == np.NPY_UBYTE:
                target = target.astype(numpy.int64)
            if np.PyArray_TYPE(target) != np.NPY_INT64:
                raise DTypeError(f"{op}: expected target dtype to be Long or Byte (int64 or uint8), but got "
                                 f"{target.dtype}")
            self.target = _core.contiguous(target)
            self.check_classes(op, ignore)
        if weight is not None:
            _core.same_real_kind(x, weight, op)
            if np.PyArray_NDIM(weight) != 1 or np.PyArray_DIM(weight, 0) != self.classes:
                raise ShapeError(f"{op}: weight tensor should be defined either for all {self.classes} classes or no "
                                 f"classes but got weight tensor of shape: {list((<object>weight).shape)}")
            self.weight = _core.contiguous(weight)
        self.x = _core.contiguous(x)
        return 0

    cdef int check_shape(self, str op, np.ndarray x, np.ndarray target, int ndim, int target_ndim) except -1:
        """Target (N, d1, ...) for x (N, C, d1, ...); () or (1,) for (C,)."""
        cdef int i
        cdef np.npy_intp *shape = np.PyArray_DIMS(x)
        cdef np.npy_intp *target_shape = np.PyArray_DIMS(target)
        if ndim == 1:
            if target_ndim <= 1 and np.PyArray_SIZE(target) == 1:
                return 0
            raise ShapeError(f"{op}: expected target () for input {(<object>x).shape}, got {(<object>target).shape}")
        if target_ndim >= 1 and target_shape[0] != shape[0]:
            raise ShapeError(f"{op}: Expected input batch_size ({shape[0]}) to match target batch_size "
                             f"({target_shape[0]}).")
        cdef bint right = target_ndim == ndim - 1
        for i in range(2, ndim):
            right = right and target_shape[i - 1] == shape[i]
        if not right:
            raise ShapeError(f"{op}: expected target {(shape[0], *(<object>x).shape[2:])} for input "
                             f"{(<object>x).shape}, got {(<object>target).shape}")
        return 0

    cdef int check_classes(self, str op, int64_t ignore) except -1:
        cdef int64_t *t = <int64_t *>np.PyArray_DATA(self.target)
        cdef int64_t i, count = np.PyArray_SIZE(self.target), classes = self.classes, wrong = 0
        for i in range(count):
            wrong |= (t[i] < 0 or t[i] >= classes) and t[i] != ignore
        if not wrong:
            return 0
        for i in range(count):
            if (t[i] < 0 or t[i] >= classes) and t[i] != ignore:
                raise IndexError(f"{op}: Target {t[i]} is out of bounds. Expected a class in [0, {classes}) or "
                                 f"ignore_index {ignore}")
        return 0

    cdef np.ndarray new_loss(self, int reduce, bint as_target):
        """An array for the loss."""
        cdef np.npy_intp shape[64]
        cdef int i, ndim = np.PyArray_NDIM(self.x)
        if reduce != NONE:
            return new_scalar(self.typenum)
        if as_target:
            return _core.new_like(self.target, self.typenum)
        shape[0] = self.n
        for i in range(2, ndim):
            shape[i - 1] = np.PyArray_DIM(self.x, i)
        return _core.new_array(ndim - 1, shape, self.typenum)

    cdef tuple loss_shape(self):
        if not self.soft:
            return (<object>self.target).shape
        shape = (<object>self.x).shape
        return shape[:1] + shape[2:] if len(shape) > 1 else ()


cdef int check_smoothing(double label_smoothing) except -1:
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"cross_entropy: label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    return 0


cpdef tuple cross_entropy_forward(np.ndarray x, np.ndarray target, np.ndarray weight=None, long ignore_index=-100,
                                  double label_smoothing=0.0, reduction="mean"):
    """Cross-entropy between softmax(x) along the class axis and the target.

    With ``e = -log_softmax(x)``, s = label_smoothing and C classes: for class indices t
    ``l = (1 - s) weight[t] e[t] + s/C sum_j weight[j] e[j]``, 0 where t is ignore_index; for probabilities p
    ``l = sum_j weight[j] ((1 - s) p[j] + s/C) e[j]``. The mean divides by the sum of weight[t] over what is not ignored
    (NaN if all is), with probabilities by the number of positions.

    Parameters
    ----------
    x : ndarray (C,), (N, C) or (N, C, d1, ...), float32 or float64
    target : ndarray
        int64 (or uint8) classes (), (N,) or (N, d1, ...); or probabilities, shape and dtype of x.
    weight : ndarray (C,) or None
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    loss : ndarray of no dimension, or shaped as class targets are for "none"
    saved : ndarray
        What `cross_entropy_backward` needs.

    Raises
    ------
    IndexError
        A class outside [0, C) that is not ignore_index.
    """
    check_smoothing(label_smoothing)
    cdef int reduce = reduction_number(reduction, "cross_entropy")
    cdef Scores s = Scores.__new__(Scores)
    s.check("cross_entropy", x, target, weight, ignore_index, True)
    if _core.use_reference:
        return reference.cross_entropy_forward(x, s.target, weight, ignore_index, label_smoothing, reduction)
    cdef np.npy_intp size[1]
    size[0] = s.n * s.d * (2 if reduce == NONE else 3) + 1
    cdef np.ndarray loss = s.new_loss(reduce, not s.soft)
    cdef np.ndarray saved = _core.new_array(1, size, s.typenum)
    cdef void *pl = np.PyArray_DATA(loss)
    cdef void *ps = np.PyArray_DATA(saved)
    cdef void *px = np.PyArray_DATA(s.x)
    cdef void *pt = np.PyArray_DATA(s.target)
    cdef void *pw = _core.data(s.weight)
    with nogil:
        _core.active[s.kind].cross_entropy_forward(pl, ps, px, NULL if s.soft else <int64_t *>pt,
                                                   pt if s.soft else NULL, pw, s.n, s.classes, s.d, ignore_index,
                                                   label_smoothing, reduce)
    _core.check_interrupt()
    return loss, saved


cpdef tuple cross_entropy_backward(np.ndarray grad, np.ndarray x, np.ndarray target, np.ndarray saved,
                                   np.ndarray weight=None, long ignore_index=-100, double label_smoothing=0.0,
                                   reduction="mean", bint need_input=True, bint need_target=False):
    """Gradients of `cross_entropy_forward` by x and, for probabilities, by target.

    Returns
    -------
    (dx, dtarget) : new arrays like x, or None where not needed
    """
    check_smoothing(label_smoothing)
    cdef int reduce = reduction_number(reduction, "cross_entropy")
    cdef Scores s = Scores.__new__(Scores)
    s.check("cross_entropy", x, target, weight, ignore_index, True)
    if need_target and not s.soft:
        raise ValueError("cross_entropy: class indices have no gradient")
    grad = outer_gradient(grad, x, reduce, s.loss_shape() if reduce == NONE else None, "cross_entropy")
    if _core.use_reference:
        return reference.cross_entropy_backward(grad, x, s.target, saved, weight, ignore_index, label_smoothing,
                                                reduction, need_input, need_target)
    if saved is None or np.PyArray_TYPE(saved) != s.typenum or not np.PyArray_ISCARRAY_RO(saved) or \
            np.PyArray_SIZE(saved) != s.n * s.d * (2 if reduce == NONE else 3) + 1:
        raise ShapeError("cross_entropy: saved is not what cross_entropy_forward returned for this call")
    cdef np.ndarray dx = None
    cdef np.ndarray dt = None
    if need_input:
        dx = _core.new_like(s.x, s.typenum)
    if need_target:
        dt = _core.new_like(s.x, s.typenum)
    if dx is None and dt is None:
        return None, None
    cdef void *pdx = _core.data(dx)
    cdef void *pdt = _core.data(dt)
    cdef void *pg = np.PyArray_DATA(grad)
    cdef void *px = np.PyArray_DATA(s.x)
    cdef void *ps = np.PyArray_DATA(saved)
    cdef void *pt = np.PyArray_DATA(s.target)
    cdef void *pw = _core.data(s.weight)
    with nogil:
        _core.active[s.kind].cross_entropy_backward(pdx, pdt, pg, px, ps, NULL if s.soft else <int64_t *>pt,
                                                    pt if s.soft else NULL, pw, s.n, s.classes, s.d, ignore_index,
                                                    label_smoothing, reduce)
    _core.check_interrupt()
    return dx, dt


cpdef tuple nll_forward(np.ndarray x, np.ndarray target, np.ndarray weight=None, long ignore_index=-100,
                        reduction="mean"):
    """Negative log-likelihood of classes: ``l = -weight[t] x[t]``, 0 where t is ignore_index.

    Parameters
    ----------
    x : ndarray (C,), (N, C) or (N, C, d1, ...), float32 or float64
        Logarithms of probabilities.
    target : ndarray, int64 (or uint8), (), (N,) or (N, d1, ...)
    weight : ndarray (C,) or None
    reduction : {"mean", "sum", "none"}
        The mean divides by the sum of weight[t] over what is not ignored.

    Returns
    -------
    loss : ndarray of no dimension, or like target for "none"
    total : ndarray of no dimension
        What the mean divided by; 1 for other reductions.
    """
    cdef int reduce = reduction_number(reduction, "nll")
    cdef Scores s = Scores.__new__(Scores)
    s.check("nll", x, target, weight, ignore_index, False)
    if _core.use_reference:
        return reference.nll_forward(x, s.target, weight, ignore_index, reduction)
    cdef np.ndarray loss = s.new_loss(reduce, True)
    cdef np.ndarray total = new_scalar(s.typenum)
    cdef void *pl = np.PyArray_DATA(loss)
    cdef void *pn = np.PyArray_DATA(total)
    cdef void *px = np.PyArray_DATA(s.x)
    cdef int64_t *pt = <int64_t *>np.PyArray_DATA(s.target)
    cdef void *pw = _core.data(s.weight)
    with nogil:
        _core.active[s.kind].nll_forward(pl, pn, px, pt, pw, s.n, s.classes, s.d, ignore_index, reduce)
    _core.check_interrupt()
    return loss, total


cpdef np.ndarray nll_backward(np.ndarray grad, np.ndarray x, np.ndarray target, np.ndarray total,
                              np.ndarray weight=None, long ignore_index=-100, reduction="mean"):
    """Gradient of `nll_forward` by x, of which only shape and dtype are read; `total` is what the forward returned."""
    cdef int reduce = reduction_number(reduction, "nll")
    cdef Scores s = Scores.__new__(Scores)
    s.check("nll", x, target, weight, ignore_index, False)
    grad = outer_gradient(grad, x, reduce, s.loss_shape() if reduce == NONE else None, "nll")
    total = outer_gradient(total, x, MEAN, None, "nll")
    if _core.use_reference:
        return reference.nll_backward(grad, x, s.target, total, weight, ignore_index, reduction)
    cdef np.ndarray dx = _core.new_like(s.x, s.typenum)
    cdef void *pdx = np.PyArray_DATA(dx)
    cdef void *pg = np.PyArray_DATA(grad)
    cdef void *pn = np.PyArray_DATA(total)
    cdef int64_t *pt = <int64_t *>np.PyArray_DATA(s.target)
    cdef void *pw = _core.data(s.weight)
    with nogil:
        _core.active[s.kind].nll_backward(pdx, pg, pt, pw, pn, s.n, s.classes, s.d, ignore_index, reduce)
    _core.check_interrupt()
    return dx


# ---- connectionist temporal classification ----

cdef class Alignments:
    """Checked arguments of ctc_loss: x (t, n, c), targets with where each begins, lengths."""
    cdef np.ndarray x, targets, starts, steps, lengths
    cdef int kind, typenum
    cdef int64_t sizes[4]  # t, n, c, the longest target

    cdef int check(self, np.ndarray x, np.ndarray targets, np.ndarray input_lengths, np.ndarray target_lengths,
                   int64_t blank) except -1:
        cdef int64_t i, k, total = 0, most = 0
        cdef int64_t *t
        self.kind, self.typenum = _core.real_kind(x, "ctc_loss"), np.PyArray_TYPE(x)
        if np.PyArray_NDIM(x) != 3 or np.PyArray_SIZE(x) == 0:
            raise ShapeError(f"ctc_loss: expected log_probs (T, N, C) that are not empty, got {(<object>x).shape}")
        cdef int64_t n = np.PyArray_DIM(x, 1), classes = np.PyArray_DIM(x, 2)
        if blank < 0 or blank >= classes:
            raise RangeError(f"ctc_loss: blank must be in label range, 0 to {classes - 1}, got {blank}")
        self.steps = self.whole("input_lengths", input_lengths, n, np.PyArray_DIM(x, 0))
        self.lengths = self.whole("target_lengths", target_lengths, n, -1)
        if targets is None or np.PyArray_TYPE(targets) != np.NPY_INT64:
            raise DTypeError(f"ctc_loss: expected targets of int64, got {None if targets is None else targets.dtype}")
        cdef int64_t *length = <int64_t *>np.PyArray_DATA(self.lengths)
        for i in range(n):
            total += length[i]
            most = max(most, length[i])
        self.starts = numpy.cumsum(self.lengths) - self.lengths
        if np.PyArray_NDIM(targets) == 2:
            if np.PyArray_DIM(targets, 0) != n or np.PyArray_DIM(targets, 1) < most:
                raise ShapeError(f"ctc_loss: expected targets ({n}, {most} or more), got {(<object>targets).shape}")
            self.starts = numpy.arange(n) * np.PyArray_DIM(targets, 1)
        elif np.PyArray_NDIM(targets) != 1 or np.PyArray_SIZE(targets) != total:
            raise ShapeError(f"ctc_loss: expected targets ({total},), the sum of target_lengths, or (N, S), got "
                             f"{(<object>targets).shape}")
        self.x, self.targets = _core.contiguous(x), _core.contiguous(targets)
        for i in range(n):
            t = <int64_t *>np.PyArray_DATA(self.targets) + (<int64_t *>np.PyArray_DATA(self.starts))[i]
            for k in range(length[i]):
                if t[k] < 0 or t[k] >= classes:
                    raise RangeError(f"ctc_loss: expected targets of 0 to {classes - 1}, got {t[k]} in target {i}")
        self.sizes[0], self.sizes[1], self.sizes[2], self.sizes[3] = np.PyArray_DIM(x, 0), n, classes, most
        return 0

    cdef np.ndarray whole(self, str name, np.ndarray lengths, int64_t n, int64_t most):
        """Lengths of 0 to `most` (-1: any)."""
        cdef int64_t i
        if lengths is None or np.PyArray_TYPE(lengths) != np.NPY_INT64:
            raise DTypeError(f"ctc_loss: expected {name} of int64, got {None if lengths is None else lengths.dtype}")
        if np.PyArray_NDIM(lengths) != 1 or np.PyArray_SIZE(lengths) != n:
            raise ShapeError(f"ctc_loss: {name} must be of size batch_size, {n}, got {(<object>lengths).shape}")
        lengths = _core.contiguous(lengths)
        for i in range(n):
            length = (<int64_t *>np.PyArray_DATA(lengths))[i]
            if length < 0 or most >= 0 and length > most:
                raise RangeError(f"ctc_loss: expected {name} to have values of at least 0"
                                 f"{f' and at most {most}' if most >= 0 else ''}, but got value {length}")
        return lengths


cpdef tuple ctc_loss_forward(np.ndarray x, np.ndarray targets, np.ndarray input_lengths, np.ndarray target_lengths,
                             long blank=0):
    """-log of what probabilities exp(x) of classes, step by step, give to all alignments with a target.

    An alignment has the target's classes in their order, each on one or several steps, with or without blanks between
    them (with, between equal ones). Graves, Fernandez, Gomez, Schmidhuber 2006.

    Parameters
    ----------
    x : array (T, N, C), float32 or float64
        Logarithms of probabilities.
    targets : array (N, S) or (sum of target_lengths,), int64
    input_lengths, target_lengths : array (N,), int64
        How many steps and classes count; the first 0 to T.
    blank : int

    Returns
    -------
    loss : array (N,)
        inf where there is no alignment.
    alpha : array (N, T, 2 (S + 1)), S the longest target's length
        For ``ctc_loss_backward``: of a step -inf and the logarithms of what alignments of the steps so far give that
        end in each class of the target and in the blanks before, between and behind these, less their largest.

    Raises
    ------
    RangeError
        Classes, lengths or the blank out of range.
    ShapeError, DTypeError
        Shapes or dtypes that do not fit; no steps, classes or targets at all.
    """
    cdef Alignments a = Alignments.__new__(Alignments)
    a.check(x, targets, input_lengths, target_lengths, blank)
    if _core.use_reference:
        return reference.ctc_loss_forward(x, targets, input_lengths, target_lengths, blank)
    cdef np.npy_intp shape[3]
    shape[0], shape[1], shape[2] = a.sizes[1], a.sizes[0], 2 * (a.sizes[3] + 1)
    cdef np.ndarray loss = _core.new_array(1, shape, a.typenum)
    cdef np.ndarray alpha = _core.new_array(3, shape, a.typenum)
    with nogil:
        _core.active[a.kind].ctc_loss_forward(_core.data(loss), _core.data(alpha), _core.data(a.x),
                                              <int64_t *>_core.data(a.targets), <int64_t *>_core.data(a.starts),
                                              <int64_t *>_core.data(a.steps), <int64_t *>_core.data(a.lengths),
                                              a.sizes, blank)
    _core.check_interrupt()
    return loss, alpha


cpdef np.ndarray ctc_loss_backward(np.ndarray grad, np.ndarray x, np.ndarray targets, np.ndarray input_lengths,
                                   np.ndarray target_lengths, np.ndarray loss, np.ndarray alpha, long blank=0,
                                   bint zero_infinity=False):
    """The gradient of ``ctc_loss_forward`` by x, if log_softmax made that: ``grad (exp(x) - share of the class)``.

    The share is what part of the alignments' probability has the class on the step. 0 on steps that do not count; NaN
    where there is no alignment, or with `zero_infinity` 0.
    """
    cdef Alignments a = Alignments.__new__(Alignments)
    cdef np.npy_intp shape[3]
    cdef int status
    a.check(x, targets, input_lengths, target_lengths, blank)
    shape[0], shape[1], shape[2] = a.sizes[1], a.sizes[0], 2 * (a.sizes[3] + 1)
    _core.check_shape("ctc_loss", "grad", x, grad, 1, shape)
    _core.check_shape("ctc_loss", "loss", x, loss, 1, shape)
    _core.check_shape("ctc_loss", "alpha", x, alpha, 3, shape)
    if _core.use_reference:
        return reference.ctc_loss_backward(grad, x, targets, input_lengths, target_lengths, loss, alpha, blank,
                                           zero_infinity)
    grad, loss, alpha = _core.contiguous(grad), _core.contiguous(loss), _core.contiguous(alpha)
    cdef np.ndarray dx = _core.new_like(a.x, a.typenum)
    with nogil:
        status = _core.active[a.kind].ctc_loss_backward(
            _core.data(dx), _core.data(grad), _core.data(loss), _core.data(alpha), _core.data(a.x),
            <int64_t *>_core.data(a.targets), <int64_t *>_core.data(a.starts), <int64_t *>_core.data(a.steps),
            <int64_t *>_core.data(a.lengths), a.sizes, blank, zero_infinity)
    _core.check_status(status, "ctc_loss")
    return dx
