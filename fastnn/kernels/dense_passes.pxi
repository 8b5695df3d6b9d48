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
    """static int64_t claim_next(int64_t *next) { return __atomic_fetch_add(next, 1, __ATOMIC_RELAXED); }"""
    int64_t claim_next(int64_t *next) nogil


cdef void shuffle_order(int64_t *order, int64_t n, bitgen_t *random) noexcept nogil:
    """`RandomState.shuffle`, whose numbers NumPy has promised to keep: bits of 32, masked, until one is small enough."""
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
    """Passes, one after the other as they are free, each on this thread alone; who is slower makes fewer."""
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
    cdef size_t failures = _core.alloc_failures()
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
                run_pass(passes, most)
            elif count > 1:
                _core.limit_this_thread(most // running if most > running else 1)
                _core.run_side_by_side(count, work, run_range, &all)
            _core.limit_this_thread(before)
    finally:
        running -= 1
        for i in range(count):
            (<DenseTrainer>passes[i].trainer).busy = False
    _core.check_scratch("dense", failures)
    return 0


cdef bitgen_t *shuffling(object random, np.ndarray order) except? NULL:
    """The source of numbers of a RandomState that shuffles an order."""
    if random is None:
        return NULL
    from numpy.random import RandomState
    if not isinstance(random, RandomState):
        raise TypeError(f"dense: expected a RandomState to shuffle with, got {type(random).__name__}")
    if order is None or not np.PyArray_ISWRITEABLE(order) or len(order) > 2 ** 32:
        raise ValueError("dense: expected an order that can be shuffled, of at most 2**32 rows")
    return <bitgen_t *>PyCapsule_GetPointer(random._bit_generator.capsule, "BitGenerator")


def epochs(list trainers, list xs, list ys, list orders, list batch_sizes, list sample_weights=None, *,
           list lrs, bint count=False, int threads=0, list numbers=None, list shuffles=None, list results=None):
    """Epochs of several trainers side by side, each on one thread, with the bits that it has alone.

    Parameters
    ----------
    trainers : list of DenseTrainer
    xs, ys, orders, batch_sizes, sample_weights, lrs : lists
        What each one's `epoch` takes.
    count, threads
        As there, for all.
    numbers : list of int, optional
        How many epochs of each trainer; one without it.
    shuffles : list of RandomState or None, optional
        Before each epoch its order is shuffled, in place, as by ``shuffle(order)`` of a RandomState that nobody else
        uses meanwhile.
    results : list of lists, optional
        To which results are added; they are there even if an exception, as KeyboardInterrupt, ends the epochs.

    Returns
    -------
    list of lists of (float, int)
        What `epoch` returns, for each epoch of each trainer.
    """
    cdef int64_t i, j, n = len(trainers), room = 0
    cdef DenseTrainer trainer
    sample_weights = [None] * n if sample_weights is None else sample_weights
    numbers = [1] * n if numbers is None else numbers
    shuffles = [None] * n if shuffles is None else shuffles
    results = [[] for i in range(n)] if results is None else results
    if not n == len(xs) == len(ys) == len(orders) == len(batch_sizes) == len(sample_weights) == len(lrs) \
            == len(numbers) == len(shuffles) == len(results):
        raise ShapeError(f"dense: expected lists of {n}, one entry for each trainer, got {len(xs)} xs, {len(ys)} ys, "
                         f"{len(orders)} orders, {len(batch_sizes)} batch_sizes, {len(sample_weights)} sample_weights, "
                         f"{len(lrs)} lrs, {len(numbers)} numbers, {len(shuffles)} shuffles, {len(results)} results")
    if not all([isinstance(each, DenseTrainer) for each in trainers]):
        raise TypeError("dense: expected a list of DenseTrainer")
    if len({id(each) for each in trainers}) != n:
        raise ValueError("dense: expected each trainer once")
    sources = [id(each) for each in shuffles if each is not None]
    if len(set(sources)) != len(sources):
        raise ValueError("dense: expected each RandomState once, they are used at the same time")
    if min(numbers, default=0) < 0 or sum(numbers) > 2 ** 32:
        raise ValueError(f"dense: expected numbers of epochs that are not negative, got {numbers}")
    room = sum(numbers)
    cdef Pass *passes = <Pass *>PyMem_Malloc((n + 1) * sizeof(Pass))
    cdef double *losses = <double *>PyMem_Malloc((room + 1) * sizeof(double))
    cdef int64_t *rights = <int64_t *>PyMem_Malloc((room + 1) * sizeof(int64_t))
    try:
        if passes == NULL or losses == NULL or rights == NULL:
            raise MemoryError(f"dense: {n} trainers")
        room = 0
        for i in range(n):
            trainer = trainers[i]
            trainer.prepare(&passes[i], xs[i], ys[i], orders[i], batch_sizes[i], sample_weights[i], lrs[i], count)
            passes[i].number, passes[i].shuffle = numbers[i], shuffling(shuffles[i], orders[i])
            passes[i].losses, passes[i].rights = &losses[room], &rights[room]
            room += passes[i].number
        try:
            run_passes(passes, n, threads)
        finally:
            for i in range(n):
                for j in range(passes[i].done):
                    results[i].append((passes[i].losses[j], passes[i].rights[j]))
        for i in range(n):
            (<DenseTrainer>trainers[i]).finish(&passes[i])
        return results
    finally:
        PyMem_Free(passes)
        PyMem_Free(losses)
        PyMem_Free(rights)
