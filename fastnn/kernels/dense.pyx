"""Training a stack of dense layers: whole epochs without Python between batches.

The kernels and their order are those of the ordinary way (a loop over batches that calls the functions of
`fastnn.kernels`), so results have its bits; buffers are kept from batch to batch, and the GIL is released throughout.
"""
cimport numpy as np
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cpython.pycapsule cimport PyCapsule_GetPointer
from cpython.ref cimport PyObject
from libc.math cimport NAN, pow, sqrt
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy, memset

from fastnn.errors import DTypeError, ShapeError
from fastnn.kernels cimport _core
from fastnn.kernels import _core as core
from fastnn.kernels.elementwise import unary_saves
from fastnn.kernels.optim cimport Tables

np.import_array()

include "dense_types.pxi"


cdef class DenseTrainer:
    """A stack of dense layers with its loss and its optimizer, trained in place, an epoch a call.

    ``h = f(h @ weight + bias)`` for each layer; the mean of the loss over a batch's elements is what the optimizer
    makes smaller.

    Parameters
    ----------
    weights : list of arrays (in, out)
        float32 or float64, C-contiguous; changed in place.
    biases : list of arrays (out,) or None
    activations : list of None, str or (str, a, b)
        Names of `unary_names()`, with their parameters.
    loss : str
        "cross_entropy", between softmax of the last layer and classes (int64), or a name of `loss_names()`.
    optimizer : {"sgd", "adam", "rmsprop", "adagrad"}
    state : sequence of lists of arrays
        The optimizer's state for all weights, then all biases that are there, changed in place: sgd the momentum's
        buffers (none: no momentum), adam the averages of gradients and of their squares (and with a third list
        AMSGrad), rmsprop the averages of squares (and with a second list the momentum's buffers), adagrad the sums of
        squares.
    steps : list of float32 arrays of one element, optional
        How many steps each parameter has taken; not read by sgd.
    a, b : float
        The loss's parameters.
    loss_scale, grad_scale : float
        Factors of the loss that `epoch` reports and of the gradient.
    momentum, nesterov, beta1, beta2, eps, weight_decay
        As `sgd_step`, `adam_step`, `rmsprop_step` (whose alpha is `beta2`) and `adagrad_step` take them.
    decoupled, decay_biases : bool
        Weight decay makes the weights smaller by ``lr * weight_decay`` before the step, past the optimizer; and the
        biases, which it otherwise leaves alone.
    outer_eps : bool
        Adam's `eps` is added to the root of the average of squares itself, not to that of the corrected one.
    l2 : float
        Adds ``l2 / 2 / rows`` times the sum of all weights' squares to the loss of a batch; `rows` is the sum of sample
        weights where they are normalised.
    normalize : bool
        Divide weighted losses of a batch by the sum of its sample weights instead of its number of rows.

    Examples
    --------
    >>> import numpy as np
    >>> weights, biases = [np.ones((2, 1))], [np.zeros(1)]
    >>> trainer = DenseTrainer(weights, biases, [None], "mse", "sgd", ())
    >>> x, y = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[1.0], [3.0]])
    >>> loss, correct = trainer.epoch(x, y, batch_size=2, lr=0.1)
    >>> float(loss), weights[0].ravel().round(3).tolist()
    (2.0, [1.2, 1.0])
    """
    cdef Layer *layers
    cdef readonly Py_ssize_t depth
    cdef int kind, typenum, loss, optimizer
    cdef Py_ssize_t item, biased
    cdef double a, b, loss_scale, grad_scale, momentum, beta1, beta2, eps, weight_decay, l2
    cdef int status  # of the kernels of the epoch
    cdef bint nesterov, decoupled, decay_biases, outer_eps, normalize, busy, ready
    cdef list kept  # what the pointers point into
    cdef Tables tables
    cdef void **state1
    cdef void **state2
    cdef void **state3
    cdef float **steps
    # buffers of a batch; in one block, which the next trainer on the same thread finds in its cache
    cdef void *x_rows
    cdef void *y_rows
    cdef void *w_rows
    cdef void *w_elements
    cdef void *losses
    cdef void *saved
    cdef void *dz
    cdef void *grads[2]

    def __cinit__(self):
        self.layers = NULL

    def __dealloc__(self):
        PyMem_Free(self.layers)

    def __init__(self, list weights, list biases, list activations, loss, optimizer, state, steps=None, *,
                 double a=0.0, double b=0.0, double loss_scale=1.0, double grad_scale=1.0, double momentum=0.0,
                 bint nesterov=False, double beta1=0.9, double beta2=0.999, double eps=1e-8, double weight_decay=0.0,
                 bint decoupled=False, bint decay_biases=False, bint outer_eps=False, double l2=0.0,
                 bint normalize=True):
        cdef Py_ssize_t i
        if self.layers != NULL:
            raise RuntimeError("dense: a trainer is made once")
        if not weights or len(biases) != len(weights) or len(activations) != len(weights):
            raise ShapeError(f"dense: expected as many biases and activations as weights, at least one; got "
                             f"{len(weights)} weights, {len(biases)} biases, {len(activations)} activations")
        self.depth = len(weights)
        self.kind = _core.real_kind(weights[0], "dense")
        self.typenum = np.PyArray_TYPE(weights[0])
        self.item = np.PyArray_ITEMSIZE(weights[0])
        if loss != "cross_entropy" and loss not in loss_numbers:
            raise ValueError(f"dense: unknown loss {loss!r}; known: cross_entropy, {', '.join(loss_numbers)}")
        if loss == "bce_with_logits_weighted":
            raise ValueError("dense: bce_with_logits_weighted needs weights of classes, which epochs do not have")
        self.loss = loss_numbers.get(loss, CROSS_ENTROPY)
        if optimizer not in optimizers:
            raise ValueError(f"dense: unknown optimizer {optimizer!r}; known: {', '.join(optimizers)}")
        self.optimizer, arrays = optimizers[optimizer]
        if not (len(state) == arrays or len(state) == 0 and optimizer == "sgd"
                or len(state) == arrays + 1 and optimizer in ("adam", "rmsprop")):
            raise ShapeError(f"dense: {optimizer} has {arrays} lists of state, got {len(state)}")
        self.a, self.b, self.loss_scale, self.grad_scale = a, b, loss_scale, grad_scale
        self.momentum, self.nesterov, self.beta1, self.beta2, self.eps = momentum, nesterov, beta1, beta2, eps
        self.weight_decay, self.decoupled, self.decay_biases = weight_decay, decoupled, decay_biases
        self.outer_eps = outer_eps
        self.l2, self.normalize = l2, normalize
        self.layers = <Layer *>PyMem_Calloc(self.depth, sizeof(Layer))
        if self.layers == NULL:
            raise MemoryError(f"dense: {self.depth} layers")
        self.kept = [weights, biases, state, steps]
        params, grads = [], []
        for i in range(self.depth):
            grads.append(self.add_layer(&self.layers[i], weights[i], activations[i], i))
            params.append(weights[i])
        for i in range(self.depth):
            if biases[i] is not None:
                grads.append(self.add_bias(&self.layers[i], biases[i], i))
                params.append(biases[i])
        self.biased = len(params) - self.depth
        self.kept.append(grads)
        self.tables = Tables.__new__(Tables)
        self.tables.start("dense", params, grads)
        cdef list lists = [list(arrays) for arrays in state]
        self.kept.append(lists)
        self.state1 = self.tables.add(lists[0], "state[0]", True) if len(lists) > 0 else NULL
        self.state2 = self.tables.add(lists[1], "state[1]", True) if len(lists) > 1 else NULL
        self.state3 = self.tables.add(lists[2], "state[2]", True) if len(lists) > 2 else NULL
        self.steps = self.tables.add_numbers(list(steps), "steps") if self.optimizer != SGD else NULL
        if self.tables.kept is not None:
            raise ValueError("dense: expected C-contiguous parameters and state")
        self.ready = True

    cdef np.ndarray add_layer(self, Layer *layer, object weight, object activation, Py_ssize_t i):
        """Fills a layer in; returns the array for the weight's gradient."""
        plain(weight, self.typenum, 2, f"weights[{i}]")
        name, layer.a, layer.b = activation if isinstance(activation, tuple) else (activation, 0.0, 0.0)
        if name is not None and name not in unary_numbers:
            raise ValueError(f"dense: unknown activation {name!r}; known: {', '.join(unary_numbers)}")
        layer.n_in, layer.n_out = weight.shape
        if i and layer.n_in != (layer - 1).n_out:
            raise ShapeError(f"dense: expected weights[{i}] ({(layer - 1).n_out}, out), got {weight.shape}")
        layer.op = -1 if name is None else unary_numbers[name]
        layer.saves_x = name is not None and "x" in unary_saves(name)
        layer.weight = np.PyArray_DATA(weight)
        cdef np.ndarray gradient = _core.new_like(weight, self.typenum)
        layer.dw = np.PyArray_DATA(gradient)
        return gradient

    cdef np.ndarray add_bias(self, Layer *layer, object bias, Py_ssize_t i):
        plain(bias, self.typenum, 1, f"biases[{i}]")
        if len(bias) != layer.n_out:
            raise ShapeError(f"dense: expected biases[{i}] ({layer.n_out},), got {bias.shape}")
        layer.bias = np.PyArray_DATA(bias)
        cdef np.ndarray gradient = _core.new_like(bias, self.typenum)
        layer.db = np.PyArray_DATA(gradient)
        return gradient

    cdef void *buffer(self, int64_t size, char **memory) noexcept nogil:
        """Room for so many numbers, and a cache line between neighbours; counts alone if there is no memory yet."""
        cdef char *found = memory[0]
        memory[0] = found + (size * self.item + 127) // 64 * 64
        return found

    cdef char *lay_out(self, int64_t rows, char *memory) noexcept nogil:
        """Places the buffers for batches of so many rows; returns their end."""
        cdef int64_t width = 0, last = self.layers[self.depth - 1].n_out
        cdef Py_ssize_t i
        for i in range(self.depth):
            width = self.layers[i].n_out if self.layers[i].n_out > width else width
            self.layers[i].y = self.buffer(rows * self.layers[i].n_out, &memory)
            if self.layers[i].saves_x:
                self.layers[i].z = self.buffer(rows * self.layers[i].n_out, &memory)
        self.x_rows = self.buffer(rows * self.layers[0].n_in, &memory)
        self.y_rows = self.buffer(2 * rows * last, &memory)  # classes take twice what a float does
        self.w_rows, self.w_elements = self.buffer(rows, &memory), self.buffer(rows * last, &memory)
        self.losses, self.saved = self.buffer(rows, &memory), self.buffer(3 * rows + 1, &memory)
        self.dz, self.grads[0] = self.buffer(rows * width, &memory), self.buffer(rows * width, &memory)
        self.grads[1] = self.buffer(rows * width, &memory)
        return memory

    def epoch(self, x, np.ndarray y, np.ndarray order=None, int64_t batch_size=32, np.ndarray sample_weight=None, *,
              double lr=0.001, bint count=False, int threads=0):
        """One pass over the rows: an optimizer's step for each batch.

        Parameters
        ----------
        x : array (rows, in), or (data, indices, indptr)
            Of the weights' dtype, C-contiguous; or the arrays of a matrix in CSR format, with int64 numbers.
        y : array (rows,) of int64, or (rows, out)
            Classes for cross_entropy, else numbers of the weights' dtype.
        order : int64 array, optional
            The rows in the order in which they are taken; as they lie without it.
        batch_size : int
            The last batch may be smaller.
        sample_weight : array (rows,), optional
        lr : float
        count : bool
            Count right answers, of cross_entropy and bce_with_logits alone.
        threads : int
            Use at most so many; 0: as many as kernels may. Epochs that run at the same time share them.

        Returns
        -------
        (float, int)
            The mean loss of the rows, each with the parameters before its step, and how many answers were right.

        Raises
        ------
        ZeroDivisionError
            The sample weights of a batch are 0 altogether.
        KeyboardInterrupt
            Or whatever a signal's handler raises; steps that were done stay.
        """
        cdef Pass job
        self.prepare(&job, x, y, order, batch_size, sample_weight, lr, count)
        run_passes(&job, 1, threads)
        return self.finish(&job)

    cdef int prepare(self, Pass *job, x, np.ndarray y, np.ndarray order, int64_t batch_size, np.ndarray sample_weight,
                     double lr, bint count) except -1:
        """Checks what an epoch is given, and keeps where it lies."""
        cdef Layer *first = &self.layers[0]
        cdef int64_t rows
        if not self.ready:
            raise RuntimeError("dense: the making of this trainer has failed")
        if batch_size < 1:
            raise ValueError(f"dense: expected a batch_size of at least 1, got {batch_size}")
        memset(job, 0, sizeof(Pass))
        job.number = 1
        self.status = 0
        job.batch_size, job.lr, job.count, job.trainer = batch_size, lr, count, <PyObject *>self
        if isinstance(x, tuple):
            data, indices, indptr = x
            job.x = <char *>np.PyArray_DATA(plain(data, self.typenum, 1, "x's data"))
            job.columns = <const int64_t *>np.PyArray_DATA(plain(indices, np.NPY_INT64, 1, "x's indices"))
            job.starts = <const int64_t *>np.PyArray_DATA(plain(indptr, np.NPY_INT64, 1, "x's indptr"))
            rows = len(indptr) - 1
            if rows < 0 or len(data) != len(indices):
                raise ShapeError(f"dense: expected as many indices as data of x, and one more of indptr than rows, "
                                 f"got {len(indices)}, {len(data)} and {len(indptr)}")
            check_sparse(job.columns, job.starts, rows, len(indices), first.n_in)
        else:
            job.x = <char *>np.PyArray_DATA(plain(x, self.typenum, 2, "x"))
            rows = x.shape[0]
            if x.shape[1] != first.n_in:
                raise ShapeError(f"dense: expected x (rows, {first.n_in}), got {x.shape}")
        self.check_target(y, rows, self.layers[self.depth - 1].n_out)
        job.y = <char *>np.PyArray_DATA(y)
        if sample_weight is not None:
            job.w = <char *>np.PyArray_DATA(plain(sample_weight, self.typenum, 1, "sample_weight"))
            if len(sample_weight) != rows:
                raise ShapeError(f"dense: expected sample_weight ({rows},), got {(<object>sample_weight).shape}")
        job.total = rows
        if order is not None:
            job.order = <const int64_t *>np.PyArray_DATA(plain(order, np.NPY_INT64, 1, "order"))
            job.total = len(order)
            check_order(job.order, job.total, rows)
        if self.busy:
            raise RuntimeError("dense: an epoch of this trainer is running")
        return 0

    cdef tuple finish(self, Pass *job):
        if job.zero:
            raise ZeroDivisionError("dense: the sample weights of a batch sum to zero, they cannot be normalized")
        return job.sum / job.total if job.total else float("nan"), job.right

    cdef double cost(self, Pass *job):
        """Nanoseconds that a pass takes on one thread, about."""
        cdef double products = 0.0
        cdef Py_ssize_t i
        for i in range(self.depth):
            products += <double>self.layers[i].n_in * self.layers[i].n_out
        return job.total * (0.06 * (1 + self.kind) * products + 20) + 1e4 * (job.total // job.batch_size + 1)

    cdef void run(self, Pass *job, int most) noexcept nogil:
        """The batches of an epoch; `most`: threads, which other calls at the same time share."""
        cdef int64_t m, begin = 0
        cdef int64_t rows = job.batch_size if job.batch_size < job.total else job.total
        cdef char *memory = <char *>_core.take_memory(<size_t>self.lay_out(rows, NULL)) if job.total else NULL
        if memory == NULL:
            self.status = _core.FNN_NO_MEMORY if job.total else 0
            return
        self.lay_out(rows, memory)
        while begin < job.total:
            m = job.batch_size if job.batch_size < job.total - begin else job.total - begin
            _core.limit_this_thread(most // running if most > running else 1)
            if self.gather(job.x, job.y, job.w, job.columns, job.starts, job.order, begin, m):
                job.zero = True
                break
            job.sum += self.step(m, job.w != NULL, job.lr) * m
            if job.count:
                job.right += self.count_right(m)
            if self.status or _core.interrupted_between():
                break
            begin += m
        job.whole = begin >= job.total
        _core.give_memory(memory)

    cdef int check_target(self, np.ndarray y, int64_t rows, int64_t outputs) except -1:
        cdef const int64_t *classes
        cdef int64_t i
        cdef bint wrong = False
        if self.loss == CROSS_ENTROPY:
            classes = <const int64_t *>np.PyArray_DATA(plain(y, np.NPY_INT64, 1, "y"))
            if len(y) == rows:
                for i in range(rows):
                    wrong |= classes[i] < 0 or classes[i] >= outputs
                if wrong:
                    raise IndexError(f"dense: expected classes in [0, {outputs}) as y, got {y.min()} to {y.max()}")
                return 0
            expected = (rows,)
        else:
            plain(y, self.typenum, 2, "y")
            if np.PyArray_DIM(y, 0) == rows and np.PyArray_DIM(y, 1) == outputs:
                return 0
            expected = (rows, outputs)
        raise ShapeError(f"dense: expected y {expected}, got {(<object>y).shape}")

    cdef int gather(self, char *x, char *y, char *w, const int64_t *columns, const int64_t *starts,
                    const int64_t *order, int64_t begin, int64_t m) noexcept nogil:
        """Rows of a batch into the buffers; 1 if its weights cannot be normalised."""
        cdef int64_t i, j, row, n = self.layers[0].n_in, outputs = self.layers[self.depth - 1].n_out
        cdef int64_t *classes = <int64_t *>self.y_rows
        cdef char *rows = <char *>self.x_rows
        cdef double sum = 0.0
        cdef Py_ssize_t item = self.item
        if columns != NULL:
            memset(rows, 0, m * n * item)
            for i in range(m):
                row = order[begin + i] if order != NULL else begin + i
                for j in range(starts[row], starts[row + 1]):
                    if self.kind == 0:  # entries of one place are added
                        (<float *>rows)[i * n + columns[j]] += (<float *>x)[j]
                    else:
                        (<double *>rows)[i * n + columns[j]] += (<double *>x)[j]
        elif order != NULL:
            _core.active[self.kind].embedding_forward(rows, x, order + begin, m, n)
        else:
            memcpy(rows, x + begin * n * item, m * n * item)
        if self.loss == CROSS_ENTROPY:
            for i in range(m):
                classes[i] = (<int64_t *>y)[order[begin + i] if order != NULL else begin + i]
        elif order != NULL:
            _core.active[self.kind].embedding_forward(self.y_rows, y, order + begin, m, outputs)
        else:
            memcpy(self.y_rows, y + begin * outputs * item, m * outputs * item)
        if w != NULL:
            for i in range(m):
                row = order[begin + i] if order != NULL else begin + i
                memcpy(<char *>self.w_rows + i * item, w + row * item, item)
                sum += self.weight_of(i)
            if self.normalize and sum == 0:
                return 1
            self.spread_weights(m, outputs, sum if self.normalize else m)
        return 0

    cdef double weight_of(self, int64_t i) noexcept nogil:
        return (<float *>self.w_rows)[i] if self.kind == 0 else (<double *>self.w_rows)[i]

    cdef void spread_weights(self, int64_t m, int64_t outputs, double total) noexcept nogil:
        """Factors of the losses of a batch: of the elements in a mean, or of the rows in a sum."""
        cdef int64_t i, j
        cdef double factor
        cdef bint rows = self.loss == CROSS_ENTROPY
        for i in range(m):
            factor = self.weight_of(i) / total if rows else self.weight_of(i) * (m / total)
            for j in range(1 if rows else outputs):
                if self.kind == 0:
                    (<float *>self.w_elements)[i if rows else i * outputs + j] = <float>factor
                else:
                    (<double *>self.w_elements)[i if rows else i * outputs + j] = factor

    cdef double step(self, int64_t m, bint weighted, double lr) noexcept nogil:
        """Forward, backward and update for the batch in the buffers; its loss."""
        cdef Layer *layer
        cdef Py_ssize_t l
        cdef int kind = self.kind
        cdef double loss, size = m, norm
        cdef int64_t i
        cdef void *h = self.x_rows
        for l in range(self.depth):
            layer = &self.layers[l]
            self.status |= _core.active[kind].linear_forward(layer.y if layer.z == NULL else layer.z, h, layer.weight,
                                                             layer.bias, m, layer.n_out, layer.n_in, layer.n_in, 1, 1,
                                                             layer.n_out, layer.op if layer.z == NULL else -1, layer.a,
                                                             layer.b)
            if layer.z != NULL:
                _core.active[kind].unary_forward(layer.op, layer.y, layer.z, m * layer.n_out, layer.a, layer.b)
            h = layer.y
        loss = self.loss_and_gradient(m, weighted)
        self.backward(m)
        if self.l2 != 0:
            if weighted and self.normalize:
                size = 0.0
                for i in range(m):
                    size += self.weight_of(i)
            self.status |= _core.active[kind].total_norm(&norm, self.tables.params, self.tables.sizes, self.depth, 1)
            loss += 0.5 * self.l2 * (norm * norm) / size
        if self.status == 0:
            self.update(lr, self.l2 / size)
        return loss

    cdef double loss_and_gradient(self, int64_t m, bint weighted) noexcept nogil:
        """The batch's loss; its gradient by what the last layer gave goes to `grads[0]`."""
        cdef int64_t i, outputs = self.layers[self.depth - 1].n_out
        cdef void *out = self.layers[self.depth - 1].y
        cdef double loss = 0.0
        cdef int kind = self.kind, reduction = NONE if weighted else MEAN
        cdef float scale32 = <float>self.grad_scale
        cdef double scale64 = self.grad_scale
        cdef void *scale = &scale64
        if kind == 0:
            scale = &scale32
        if self.loss != CROSS_ENTROPY:
            _core.active[kind].pointwise_loss_forward(self.loss, self.losses, out, self.y_rows, NULL,
                                                      self.w_elements if weighted else NULL, m * outputs, MEAN, self.a,
                                                      self.b)
            _core.active[kind].pointwise_loss_backward(self.loss, self.grads[0], NULL, scale, out, self.y_rows, NULL,
                                                       self.w_elements if weighted else NULL, m * outputs, MEAN, self.a,
                                                       self.b)
            return self.loss_scale * self.first_loss()
        _core.active[kind].cross_entropy_forward(self.losses, self.saved, out, <int64_t *>self.y_rows, NULL, NULL, m,
                                                 outputs, 1, NO_CLASS, 0.0, reduction)
        if not weighted:
            loss = self.first_loss()
        else:
            for i in range(m):
                if kind == 0:
                    loss += <double>(<float *>self.losses)[i] * (<float *>self.w_elements)[i]
                    (<float *>self.w_elements)[i] *= scale32
                else:
                    loss += (<double *>self.losses)[i] * (<double *>self.w_elements)[i]
                    (<double *>self.w_elements)[i] *= scale64
            scale = self.w_elements
        _core.active[kind].cross_entropy_backward(self.grads[0], NULL, scale, out, self.saved, <int64_t *>self.y_rows,
                                                  NULL, NULL, m, outputs, 1, NO_CLASS, 0.0, reduction)
        return self.loss_scale * loss

    cdef double first_loss(self) noexcept nogil:
        return (<float *>self.losses)[0] if self.kind == 0 else (<double *>self.losses)[0]

    cdef void backward(self, int64_t m) noexcept nogil:
        cdef Layer *layer
        cdef Py_ssize_t l, side = 0
        cdef int kind = self.kind, op
        cdef void *dx
        cdef void *dy
        for l in range(self.depth - 1, -1, -1):
            layer = &self.layers[l]
            dy, dx, op = self.grads[side], self.grads[1 - side], layer.op
            if layer.z != NULL:
                _core.active[kind].unary_backward(op, dy, dy, layer.z, layer.y, m * layer.n_out, layer.a, layer.b)
                op = -1
            self.status |= _core.active[kind].linear_backward(dx if l else NULL, layer.dw, layer.db, self.dz, dy,
                                                              self.x_rows if l == 0 else (layer - 1).y, layer.weight,
                                                              layer.y, m, layer.n_out, layer.n_in, layer.n_out, 1,
                                                              layer.n_in, 1, 1, layer.n_out, op, layer.a, layer.b, 0, 1)
            side = 1 - side

    cdef void update(self, double lr, double penalty) noexcept nogil:
        """A step for the weights and one for the biases, or one for both if they decay alike."""
        cdef double biases = self.weight_decay if self.decay_biases else 0.0
        if penalty == 0 and biases == self.weight_decay:
            self.update_part(0, self.depth + self.biased, lr, 0.0, biases)
        else:
            self.update_part(0, self.depth, lr, penalty, self.weight_decay)
            self.update_part(self.depth, self.biased, lr, 0.0, biases)

    cdef void update_part(self, Py_ssize_t begin, Py_ssize_t count, double lr, double penalty,
                          double decay) noexcept nogil:
        cdef void **p = self.tables.params + begin
        cdef void **g = self.tables.grads + begin
        cdef const int64_t *sizes = self.tables.sizes + begin
        cdef void **s1 = self.state1 + begin if self.state1 != NULL else NULL
        cdef void **s2 = self.state2 + begin if self.state2 != NULL else NULL
        cdef void **s3 = self.state3 + begin if self.state3 != NULL else NULL
        cdef float **steps = self.steps + begin if self.steps != NULL else NULL
        cdef double eps = self.eps
        cdef int kind = self.kind
        cdef bint decoupled = self.decoupled and decay != 0
        if count == 0:
            return
        if decoupled and (self.optimizer != ADAM or penalty != 0):  # no kernel does both
            _core.active[kind].scale_arrays(p, sizes, count, 1 - lr * decay)
            decoupled, decay = False, 0.0
        if not decoupled:
            decay += penalty
        if self.optimizer == SGD:
            _core.active[kind].sgd_step(p, g, s1, NULL, sizes, count, lr, self.momentum, 0.0, decay, self.nesterov, 0)
        elif self.optimizer == ADAM:
            if self.outer_eps and self.beta2 > 0:
                eps /= sqrt(1 - pow(self.beta2, steps[0][0] + 1))
            _core.active[kind].adam_step(p, g, s1, s2, s3, steps, sizes, count, lr, self.beta1, self.beta2, eps, decay,
                                         decoupled, 0)
        elif self.optimizer == RMSPROP:
            _core.active[kind].rmsprop_step(p, g, s1, NULL, s2, steps, sizes, count, lr, self.beta2, eps, decay,
                                            self.momentum, 0)
        else:
            _core.active[kind].adagrad_step(p, g, s1, steps, sizes, count, lr, 0.0, decay, eps, 0)

    cdef int64_t count_right(self, int64_t m) noexcept nogil:
        """Answers of the batch, before its step, that were right."""
        cdef int64_t i, right = 0, outputs = self.layers[self.depth - 1].n_out
        cdef int64_t *classes = <int64_t *>self.y_rows
        cdef int64_t *best = <int64_t *>self.grads[0]  # as wide as the widest layer, and no longer needed
        cdef void *out = self.layers[self.depth - 1].y
        if self.loss == CROSS_ENTROPY:
            if outputs < 2:
                return m
            _core.active[self.kind].argreduce(0, best, out, m, outputs, 1)
            for i in range(m):
                right += best[i] == classes[i]
        elif self.kind == 0:
            for i in range(m * outputs):
                right += ((<float *>out)[i] > 0) == ((<float *>self.y_rows)[i] > <float>0.5)
        else:
            for i in range(m * outputs):
                right += ((<double *>out)[i] > 0) == ((<double *>self.y_rows)[i] > 0.5)
        return right


include "dense_passes.pxi"
