# Of dense.pyx: checks of what it is given, and running epochs, one or several side by side.

cdef np.ndarray plain(object array, int typenum, int ndim, str what):
    """`array` if kernels can take its memory as it is."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"dense: expected an array as {what}, got {type(array).__name__}")
    if np.PyArray_TYPE(array) != typenum or not array.dtype.isnative:
        raise DTypeError(f"dense: expected {what} of dtype {np.PyArray_DescrFromType(typenum)}, got {array.dtype}")
    if np.PyArray_NDIM(array) != ndim:
        raise ShapeError(f"dense: expected {what} with {ndim} dimensions, got {array.shape}")
    if not np.PyArray_ISCARRAY_RO(array):
        raise ValueError(f"dense: expected {what} C-contiguous")
    return array


cdef int check_order(const int64_t *order, int64_t total, int64_t rows) except -1:
    cdef int64_t i
    for i in range(total):
        if order[i] < 0 or order[i] >= rows:
            raise IndexError(f"dense: expected rows in [0, {rows}) as order, got {order[i]}")
    return 0


cdef int check_sparse(const int64_t *columns, const int64_t *starts, int64_t rows, int64_t size,
                      int64_t n) except -1:
    cdef int64_t i
    cdef bint wrong = starts[0] != 0 or starts[rows] != size
    for i in range(rows):
        wrong |= starts[i] > starts[i + 1]
    if wrong:
        raise ValueError("dense: expected the indptr of x to rise from 0 to the number of its indices")
    for i in range(size):
        if columns[i] < 0 or columns[i] >= n:
            raise IndexError(f"dense: expected indices of x in [0, {n}), got {columns[i]}")
    return 0


cdef void run_pass(Pass *job, int most) noexcept nogil:
    (<DenseTrainer>job.trainer).run(job, most)


cdef void run_range(void *context, int64_t begin, int64_t end) noexcept nogil:
    """Passes begin..end, each on this thread alone."""
    cdef Pass *passes = <Pass *>context
    cdef int before = _core.limit_this_thread(1)
    cdef int64_t i
    for i in range(begin, end):
        run_pass(&passes[i], 1)
    _core.limit_this_thread(before)


cdef int run_passes(Pass *passes, int64_t count, int threads) except -1:
    """One pass with up to so many threads within its kernels (0: as many as kernels may use), or several side by side,
    each on one."""
    global running
    cdef int before, most = core.get_num_threads()
    cdef int status = 0
    cdef int64_t i
    cdef double work = 0.0
    most = min(threads, most) if threads > 0 else most
    for i in range(count):
        (<DenseTrainer>passes[i].trainer).busy = True
        work += (<DenseTrainer>passes[i].trainer).cost(&passes[i])
    running += 1
    try:
        with nogil:
            before = _core.limit_this_thread(most)
            most = before if 0 < before < most else most
            if count == 1:
                run_pass(passes, most if work > SHORT_STEP * (passes.total // passes.batch_size + 1) else 1)
            elif count > 1:
                _core.limit_this_thread(most // running if most > running else 1)
                _core.run_side_by_side(count, work, run_range, passes)
            _core.limit_this_thread(before)
    finally:
        running -= 1
        for i in range(count):
            (<DenseTrainer>passes[i].trainer).busy = False
            status |= (<DenseTrainer>passes[i].trainer).status
    _core.check_status(status, "dense")
    return 0


def epochs(list trainers, list xs, list ys, list orders, list batch_sizes, list sample_weights=None, *,
           list lrs, bint count=False, int threads=0):
    """One epoch of several trainers side by side, each on one thread, with the bits that it has alone.

    Parameters
    ----------
    trainers : list of DenseTrainer
    xs, ys, orders, batch_sizes, sample_weights, lrs : lists
        What each one's `epoch` takes.
    count, threads
        As there, for all.

    Returns
    -------
    list of (float, int)
    """
    cdef int64_t i, n = len(trainers)
    cdef DenseTrainer trainer
    sample_weights = [None] * n if sample_weights is None else sample_weights
    if not n == len(xs) == len(ys) == len(orders) == len(batch_sizes) == len(sample_weights) == len(lrs):
        raise ShapeError(f"dense: expected lists of {n}, one entry for each trainer, got {len(xs)} xs, {len(ys)} ys, "
                         f"{len(orders)} orders, {len(batch_sizes)} batch_sizes, {len(sample_weights)} sample_weights, "
                         f"{len(lrs)} lrs")
    if not all([isinstance(each, DenseTrainer) for each in trainers]):
        raise TypeError("dense: expected a list of DenseTrainer")
    if len({id(each) for each in trainers}) != n:
        raise ValueError("dense: expected each trainer once")
    cdef Pass *passes = <Pass *>PyMem_Malloc((n + 1) * sizeof(Pass))
    if passes == NULL:
        raise MemoryError(f"dense: {n} trainers")
    try:
        for i in range(n):
            trainer = trainers[i]
            trainer.prepare(&passes[i], xs[i], ys[i], orders[i], batch_sizes[i], sample_weights[i], lrs[i], count)
        run_passes(passes, n, threads)
        return [(<DenseTrainer>trainers[i]).finish(&passes[i]) for i in range(n)]
    finally:
        PyMem_Free(passes)
