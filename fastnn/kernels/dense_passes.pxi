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


cdef extern from *:
    """
    static int64_t claim_next(int64_t *next) { return __atomic_fetch_add(next, 1, __ATOMIC_RELAXED); }
    """
    int64_t claim_next(int64_t *next) nogil


cdef void shuffle_order(int64_t *order, int64_t n, bitgen_t *random) noexcept nogil:
    """`RandomState.shuffle`, whose results NumPy has promised to keep: masked numbers until one is small enough."""
    cdef int64_t i, j, kept
    cdef uint32_t mask
    for i in range(n - 1, 0, -1):
        mask = <uint32_t>i
        mask |= mask >> 1
        mask |= mask >> 2
        mask |= mask >> 4
        mask |= mask >> 8
        mask |= mask >> 16
        j = random.next_uint32(random.state) & mask
        while j > i:
            j = random.next_uint32(random.state) & mask
        kept = order[i]
        order[i] = order[j]
        order[j] = kept


cdef void run_pass(Pass *job, int most) noexcept nogil:
    """The epochs of a pass that has several, or its only one."""
    while job.done < job.number:
        job.sum, job.right, job.whole = 0.0, 0, False
        if job.shuffle != NULL:
            shuffle_order(<int64_t *>job.order, job.total, job.shuffle)
        (<DenseTrainer>job.trainer).run(job, most)
        if not job.whole and job.total:
            break
        if job.losses != NULL:
            job.losses[job.done] = job.sum / job.total if job.total else NAN
            job.rights[job.done] = job.right
        job.done += 1


cdef struct Passes:
    Pass *passes
    int64_t count, next


cdef void run_range(void *context, int64_t begin, int64_t end) noexcept nogil:
    """Passes, each on this thread alone, until none is left that no thread has begun."""
    cdef Passes *all = <Passes *>context
    cdef int before = _core.limit_this_thread(1)
    cdef int64_t i = claim_next(&all.next)
    while i < all.count:
        run_pass(&all.passes[i], 1)
        i = claim_next(&all.next)
    _core.limit_this_thread(before)


cdef int run_passes(Pass *passes, int64_t count, int threads) except -1:
    """One pass with up to so many threads within its kernels (0: as many as kernels may use), or several side by side,
    each on one."""
    global running
    cdef int before, most = core.get_num_threads()
    cdef int status = 0
    cdef int64_t i
    cdef double work = 0.0
    cdef Passes all
    all.passes, all.count, all.next = passes, count, 0
    most = min(threads, most) if threads > 0 else most
    for i in range(count):
        (<DenseTrainer>passes[i].trainer).busy = True
        work += (<DenseTrainer>passes[i].trainer).cost(&passes[i]) * passes[i].number
    running += 1
    try:
        with nogil:
            before = _core.limit_this_thread(most)
            most = before if 0 < before < most else most
            if count == 1:
                run_pass(passes, most if work > SHORT_STEP * passes.number * (passes.total // passes.batch_size + 1)
                         else 1)
            elif count > 1:
                _core.limit_this_thread(most // running if most > running else 1)
                _core.run_side_by_side(count, work, run_range, &all)
            _core.limit_this_thread(before)
    finally:
        running -= 1
        for i in range(count):
            (<DenseTrainer>passes[i].trainer).busy = False
            status |= (<DenseTrainer>passes[i].trainer).status
    _core.check_status(status, "dense")
    return 0


cdef bitgen_t *shuffling(object random, np.ndarray order) except? NULL:
    """The source of numbers of a RandomState that shuffles an order."""
    if random is None:
        return NULL
    if order is None or not np.PyArray_ISWRITEABLE(order) or np.PyArray_DIM(order, 0) > 0xffffffff:
        raise ValueError("dense: expected an order that can be shuffled")
    return <bitgen_t *>PyCapsule_GetPointer(random._bit_generator.capsule, "BitGenerator")


def epochs(list jobs, bint count=False, int threads=0):
    """`fastnn.training.dense.train_side_by_side`, of tuples (trainer, x, y, order, batch_size, sample_weight, lr,
    number of epochs, RandomState or None, list for results)."""
    cdef int64_t i, j, n = len(jobs), room = 0, number
    cdef DenseTrainer trainer
    cdef set used = set()
    for job in jobs:
        number = job[7]
        if not isinstance(job[0], DenseTrainer) or number < 0:
            raise TypeError("dense: expected a DenseTrainer, and a number of epochs that is not negative")
        used.add(job[0])
        room += number
    if len(used) != n:
        raise ValueError("dense: expected each trainer once")
    cdef bytearray memory = bytearray((n + 1) * sizeof(Pass) + room * (sizeof(double) + sizeof(int64_t)))
    cdef Pass *passes = <Pass *><char *>memory
    cdef double *losses = <double *>(passes + n)
    cdef int64_t *rights = <int64_t *>(losses + room)
    for i in range(n):
        trainer, x, y, order, batch_size, weight, lr, number, random, _ = jobs[i]
        trainer.prepare(&passes[i], x, y, order, batch_size, weight, lr, count)
        passes[i].number, passes[i].shuffle = number, shuffling(random, order)
        passes[i].losses, passes[i].rights = losses, rights
        losses += passes[i].number
        rights += passes[i].number
    try:
        run_passes(passes, n, threads)
    finally:
        for i in range(n):
            for j in range(passes[i].done):
                jobs[i][9].append((passes[i].losses[j], passes[i].rights[j]))
    for i in range(n):
        (<DenseTrainer>jobs[i][0]).finish(&passes[i])
