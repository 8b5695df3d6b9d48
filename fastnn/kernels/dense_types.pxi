# Of dense.pyx: numbers that stand for names, and what a layer and a pass over the rows have.

cdef dict unary_numbers = {name: number for number, name in enumerate(core.unary_names())}
cdef dict loss_numbers = {name: number for number, name in enumerate(core.loss_names())}

cdef enum:
    NONE, MEAN, SUM  # reductions
    CROSS_ENTROPY = -1  # the loss that is not element by element
    NO_CLASS = -100  # to be ignored: none has it
    # ns, by `cost`: in shorter steps a second thread costs more than it brings, since what one kernel has written on a
    # processor the next one reads on another
    SHORT_STEP = 500000

cdef enum Optimizer:
    SGD, ADAM, RMSPROP, ADAGRAD

# name: (number, how many arrays of state each parameter has)
cdef dict optimizers = {"sgd": (SGD, 1), "adam": (ADAM, 2), "rmsprop": (RMSPROP, 1), "adagrad": (ADAGRAD, 1)}

cdef volatile int running = 0  # epochs at present, which share the threads; changed under the GIL

cdef struct Layer:
    int64_t n_in, n_out
    void *weight
    void *bias
    void *dw
    void *db
    void *y       # what the layer gives
    void *z       # the same before the activation, where its backward reads that; else NULL
    bint saves_x
    int op        # activation, -1: none
    double a, b


cdef extern from "numpy/random/bitgen.h":
    ctypedef struct bitgen_t:
        void *state
        uint32_t (*next_uint32)(void *state) nogil


# An epoch's arguments and results.
cdef struct Pass:
    PyObject *trainer
    char *x
    char *y
    char *w
    const int64_t *columns
    const int64_t *starts
    const int64_t *order
    int64_t total, batch_size, right
    double lr, sum
    bint count, zero, whole
    # of several epochs in one call: how many, how many are done, their results, and what shuffles the order before each
    int64_t number, done
    double *losses
    int64_t *rights
    bitgen_t *shuffle
