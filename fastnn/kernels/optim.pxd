from libc.stdint cimport int64_t


cdef enum:
    FEW = 32  # parameters whose tables fit the stack
    MOST_TABLES = 6


cdef class Tables:
    cdef void *few[FEW * (MOST_TABLES + 2)]
    cdef void *memory
    cdef void **next
    cdef void **params
    cdef void **grads
    cdef int64_t *sizes
    cdef Py_ssize_t count
    cdef int typenum, kind
    cdef str op
    cdef list arrays
    cdef list kept      # copies in use
    cdef list changed   # pairs (array, copy) to write back

    cdef int start(self, str op, list params, list grads) except -1
    cdef int check_count(self, list arrays, str name) except -1
    cdef void **add(self, list arrays, str name, bint writeable) except NULL
    cdef void **add_shaped(self, list arrays, list shapes, str name) except NULL
    cdef void *copy(self, object array, Py_ssize_t i, str name, bint writeable) except? NULL
    cdef float **add_numbers(self, list numbers, str name) except NULL
    cdef int finish(self) except -1


# With the tables of params and grads.
cdef Tables tables_of(str op, list params, list grads)

cpdef sgd_step(list params, list grads, list momentum_buffers, double lr, double momentum=*, double dampening=*,
               double weight_decay=*, bint nesterov=*, bint maximize=*)
cpdef adagrad_step(list params, list grads, list sums, list steps, double lr, double lr_decay=*,
                   double weight_decay=*, double eps=*, bint maximize=*)
cpdef rmsprop_step(list params, list grads, list square_avgs, list grad_avgs, list momentum_buffers, list steps,
                   double lr, double alpha=*, double eps=*, double weight_decay=*, double momentum=*,
                   bint maximize=*)
cpdef adadelta_step(list params, list grads, list square_avgs, list acc_deltas, list steps, double lr, double rho=*,
                    double eps=*, double weight_decay=*, bint maximize=*)
cpdef rprop_step(list params, list grads, list prevs, list step_sizes, list steps, double etaminus=*,
                 double etaplus=*, double step_size_min=*, double step_size_max=*, bint maximize=*)
cpdef asgd_step(list params, list grads, list axs, list mus, list etas, list steps, double lr, double lambd=*,
                double alpha=*, double t0=*, double weight_decay=*, bint maximize=*)
