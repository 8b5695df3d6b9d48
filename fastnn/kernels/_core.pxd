"""What the kernel modules share: the active table of C kernels, new arrays, and checks of arguments."""
cimport numpy as np
from libc.stdint cimport int64_t, uint8_t, uint64_t

# The table of C kernels as src_c/kernels.def declares it: formulas, shapes and aliasing are there.
cdef extern from "fastnn.h" nogil:
    int FNN_F32, FNN_F64, FNN_MAX_NDIM
    ctypedef struct fnn_windows:
        int64_t outer, h, w, inner, oh, ow, kh, kw, sh, sw, ph, pw, dh, dw
    ctypedef struct fnn_conv:
        int64_t n, c, h, w, o, kh, kw, oh, ow, sh, sw, top, left, dh, dw, groups
    ctypedef struct fnn_kernels:
        const char *isa
        # elementwise
        void (*unary_forward[2])(int op, void *y, const void *x, int64_t n, double a, double b) noexcept nogil
        void (*unary_backward[2])(int op, void *dx, const void *dy, const void *x, const void *y, int64_t n,
                                  double a, double b) noexcept nogil
        # binary
        void (*binary[2])(int op, int ndim, const int64_t *shape, void *out, const int64_t *out_strides,
                          const void *x, const int64_t *x_strides, const void *y,
                          const int64_t *y_strides) noexcept nogil
        void (*compare[2])(int op, int ndim, const int64_t *shape, void *out, const int64_t *out_strides,
                           const void *x, const int64_t *x_strides, const void *y,
                           const int64_t *y_strides) noexcept nogil
        void (*where[2])(int ndim, const int64_t *shape, void *out, const int64_t *out_strides,
                         const uint8_t *condition, const int64_t *condition_strides, const void *x,
                         const int64_t *x_strides, const void *y, const int64_t *y_strides) noexcept nogil
        void (*copy[2])(int ndim, const int64_t *shape, void *out, const int64_t *out_strides, const void *x,
                        const int64_t *x_strides) noexcept nogil
        void (*add_scaled[2])(void *out, const void *x, int64_t n, double a) noexcept nogil
        # loss
        void (*pointwise_loss_forward[2])(int op, void *out, const void *x, const void *t, const void *v,
                                          const void *w, int64_t n, int reduction, double a, double b) noexcept nogil
        void (*pointwise_loss_backward[2])(int op, void *dx, void *dt, const void *dy, const void *x, const void *t,
                                           const void *v, const void *w, int64_t n, int reduction, double a,
                                           double b) noexcept nogil
        void (*all_between[2])(int *inside, const void *x, int64_t n, double low, double high) noexcept nogil
        void (*cross_entropy_forward[2])(void *loss, void *saved, const void *x, const int64_t *target,
                                         const void *probability, const void *weight, int64_t n, int64_t c, int64_t d,
                                         int64_t ignore, double smoothing, int reduction) noexcept nogil
        void (*cross_entropy_backward[2])(void *dx, void *dt, const void *dy, const void *x, const void *saved,
                                          const int64_t *target, const void *probability, const void *weight,
                                          int64_t n, int64_t c, int64_t d, int64_t ignore, double smoothing,
                                          int reduction) noexcept nogil
        void (*nll_forward[2])(void *loss, void *total, const void *x, const int64_t *target, const void *weight,
                               int64_t n, int64_t c, int64_t d, int64_t ignore, int reduction) noexcept nogil
        void (*nll_backward[2])(void *dx, const void *dy, const int64_t *target, const void *weight,
                                const void *total, int64_t n, int64_t c, int64_t d, int64_t ignore,
                                int reduction) noexcept nogil
        # reduce
        void (*reduce[2])(int op, void *out, const void *x, int64_t outer, int64_t n, int64_t inner,
                          double divisor) noexcept nogil
        void (*argreduce[2])(int smallest, int64_t *out, const void *x, int64_t outer, int64_t n,
                             int64_t inner) noexcept nogil
        void (*cumulate[2])(int op, void *out, const void *x, int64_t outer, int64_t n, int64_t inner,
                            int reverse) noexcept nogil
        # pool
        void (*max_pool_forward[2])(void *y, void *index, int kind, const void *x,
                                    const fnn_windows *windows) noexcept nogil
        void (*max_pool_backward[2])(void *dx, const void *dy, const void *index, int kind,
                                     const fnn_windows *windows) noexcept nogil
        void (*avg_pool_forward[2])(void *y, const void *x, const fnn_windows *windows, int include_pad,
                                    double divisor) noexcept nogil
        void (*avg_pool_backward[2])(void *dx, const void *dy, const fnn_windows *windows, int include_pad,
                                     double divisor) noexcept nogil
        # resample
        void (*resample_forward[2])(void *y, const void *x, const int64_t *index, const void *weight, int64_t taps,
                                    int64_t outer, int64_t n, int64_t m, int64_t inner) noexcept nogil
        void (*resample_backward[2])(void *dx, const void *dy, const int64_t *index, const void *weight, int64_t taps,
                                     int64_t outer, int64_t n, int64_t m, int64_t inner) noexcept nogil
        void (*unfold_forward[2])(void *y, const void *x, const fnn_windows *windows) noexcept nogil
        void (*unfold_backward[2])(void *dx, const void *dy, const fnn_windows *windows) noexcept nogil
        # embedding
        void (*embedding_forward[2])(void *y, const void *weight, const int64_t *index, int64_t n,
                                     int64_t dim) noexcept nogil
        void (*embedding_backward[2])(void *dw, const void *dy, const int64_t *index, const int64_t *row,
                                      const void *scale, int64_t n, int64_t rows, int64_t dim, int64_t skip,
                                      int largest) noexcept nogil
        void (*embedding_bag_forward[2])(void *y, int64_t *argmax, const void *weight, const int64_t *index,
                                         const int64_t *offsets, const void *scale, int64_t n, int64_t bags,
                                         int64_t dim, int mode, int64_t skip) noexcept nogil
        # softmax
        void (*softmax_forward[2])(int log, void *y, const void *x, int64_t outer, int64_t n,
                                   int64_t inner) noexcept nogil
        void (*softmax_backward[2])(int log, void *dx, const void *dy, const void *y, int64_t outer, int64_t n,
                                    int64_t inner) noexcept nogil
        void (*logsumexp[2])(void *out, const void *x, int64_t outer, int64_t n) noexcept nogil
        # dropout
        void (*dropout[2])(void *y, const void *x, const uint8_t *mask, int64_t n, int64_t inner, double scale,
                           double kept, double dropped) noexcept nogil
        # norm
        void (*group_norm_forward[2])(void *y, void *mean, void *rstd, const void *x, const void *weight,
                                      const void *bias, int64_t n, int64_t groups, int64_t c, int64_t s, double eps,
                                      int rms) noexcept nogil
        void (*group_norm_backward[2])(void *dx, void *dw, void *db, void *scratch, const void *dy, const void *x,
                                       const void *mean, const void *rstd, const void *weight, int64_t n,
                                       int64_t groups, int64_t c, int64_t s, int rms) noexcept nogil
        void (*batch_norm_forward[2])(void *y, void *mean, void *rstd, void *running_mean, void *running_var,
                                      void *scratch, const void *x, const void *weight, const void *bias, int64_t n,
                                      int64_t c, int64_t s, int training, double momentum, double eps) noexcept nogil
        void (*batch_norm_backward[2])(void *dx, void *dw, void *db, void *scratch, const void *dy, const void *x,
                                       const void *mean, const void *rstd, const void *weight, int64_t n, int64_t c,
                                       int64_t s, int training) noexcept nogil
        void (*variance[2])(void *variance, void *mean, void *scratch, const void *x, int64_t n, int64_t c, int64_t s,
                            double divisor) noexcept nogil
        # optim
        void (*sgd_step[2])(void **p, void **g, void **buffer, const uint8_t *first, const int64_t *sizes,
                            int64_t count, double lr, double momentum, double dampening, double decay, int nesterov,
                            int maximize) noexcept nogil
        void (*adagrad_step[2])(void **p, void **g, void **sum, float **steps, const int64_t *sizes, int64_t count,
                                double lr, double lr_decay, double decay, double eps, int maximize) noexcept nogil
        void (*rmsprop_step[2])(void **p, void **g, void **square_avg, void **grad_avg, void **buffer, float **steps,
                                const int64_t *sizes, int64_t count, double lr, double alpha, double eps,
                                double decay, double momentum, int maximize) noexcept nogil
        void (*adam_step[2])(void **p, void **g, void **exp_avg, void **exp_avg_sq, void **max_exp_avg_sq,
                             float **steps, const int64_t *sizes, int64_t count, double lr, double beta1,
                             double beta2, double eps, double decay, int decoupled, int maximize) noexcept nogil
        void (*adamax_step[2])(void **p, void **g, void **exp_avg, void **exp_inf, float **steps,
                               const int64_t *sizes, int64_t count, double lr, double beta1, double beta2, double eps,
                               double decay, int maximize) noexcept nogil
        void (*nadam_step[2])(void **p, void **g, void **exp_avg, void **exp_avg_sq, float **mu_products,
                              float **steps, const int64_t *sizes, int64_t count, double lr, double beta1,
                              double beta2, double eps, double decay, double momentum_decay, int decoupled,
                              int maximize) noexcept nogil
        void (*radam_step[2])(void **p, void **g, void **exp_avg, void **exp_avg_sq, float **steps,
                              const int64_t *sizes, int64_t count, double lr, double beta1, double beta2, double eps,
                              double decay, int decoupled, int maximize) noexcept nogil
        void (*adadelta_step[2])(void **p, void **g, void **square_avg, void **acc_delta, float **steps,
                                 const int64_t *sizes, int64_t count, double lr, double rho, double eps, double decay,
                                 int maximize) noexcept nogil
        void (*rprop_step[2])(void **p, void **g, void **prev, void **step_size, float **steps, const int64_t *sizes,
                              int64_t count, double eta_minus, double eta_plus, double low, double high,
                              int maximize) noexcept nogil
        void (*asgd_step[2])(void **p, void **g, void **ax, float **mus, float **etas, float **steps,
                             const int64_t *sizes, int64_t count, double lr, double lambd, double alpha, double t0,
                             double decay, int maximize) noexcept nogil
        void (*adafactor_step[2])(void **p, void **g, void **row, void **col, float **steps, const int64_t *sizes,
                                  const int64_t *rows, const int64_t *cols, int64_t count, double lr,
                                  double beta2_decay, double eps1, double eps2, double d, double decay,
                                  int maximize) noexcept nogil
        # lbfgs
        void (*lbfgs_direction[2])(void *d, const void *g, void **dirs, void **stps, const double *ro, double *al,
                                   int64_t count, int64_t n, double h_diag) noexcept nogil
        # clip
        void (*total_norm[2])(double *norm, void **x, const int64_t *sizes, int64_t count, int order) noexcept nogil
        void (*scale_arrays[2])(void **x, const int64_t *sizes, int64_t count, double factor) noexcept nogil
        # gemm
        void (*matmul[2])(void *c, const void *a, const void *b, int64_t m, int64_t n, int64_t k, int64_t as_m,
                          int64_t as_k, int64_t bs_k, int64_t bs_n, int batch_ndim, const int64_t *batch,
                          const int64_t *a_batch, const int64_t *b_batch, int accumulate) noexcept nogil
        # linear
        void (*linear_forward[2])(void *y, const void *x, const void *weight, const void *bias, int64_t m, int64_t n,
                                  int64_t k, int64_t xs_m, int64_t xs_k, int64_t ws_n, int64_t ws_k, int op, double a,
                                  double b) noexcept nogil
        void (*linear_backward[2])(void *dx, void *dw, void *db, void *dz, const void *dy, const void *x,
                                   const void *weight, const void *y, int64_t m, int64_t n, int64_t k, int64_t dys_m,
                                   int64_t dys_n, int64_t xs_m, int64_t xs_k, int64_t ws_n, int64_t ws_k, int op,
                                   double a, double b, int accumulate, int dw_transposed) noexcept nogil
        # recurrent
        void (*recurrent_forward[2])(int mode, int64_t steps, int64_t batch, int64_t rows, int64_t along,
                                     const int64_t *first, const int64_t *sizes, int64_t n_in, int64_t hidden,
                                     int directions, int64_t chunk, void *y, void *h, void *c, void *saved,
                                     void *scratch, const void *x, void **weights) noexcept nogil
        void (*recurrent_backward[2])(int mode, int64_t steps, int64_t batch, int64_t rows, int64_t along,
                                      const int64_t *first, const int64_t *sizes, int64_t n_in, int64_t hidden,
                                      int directions, int64_t chunk, void *dx, void *dh, void *dc, void **dweights,
                                      void *scratch, const void *dy, const void *x, const void *y, const void *h0,
                                      const void *c0, const void *saved, void **weights) noexcept nogil
        # conv
        void (*conv_forward[2])(void *y, const void *x, const void *weight, const void *bias, const fnn_conv *s,
                                const int64_t *xs, int relu) noexcept nogil
        void (*conv_backward_input[2])(void *dx, const void *dy, const void *weight, const void *bias,
                                       const fnn_conv *s, const int64_t *dys, int relu) noexcept nogil
        void (*conv_backward_weight[2])(void *dw, const void *dy, const void *x, const fnn_conv *s,
                                        const int64_t *dys, const int64_t *xs) noexcept nogil
        # attention
        void (*attention_forward[2])(void *out, void *lse, void *weights, const void *q, const void *k, const void *v,
                                     const void *mask, int mask_kind, const int64_t *shape, const int64_t *strides,
                                     int causal, int mean, double scale, double p,
                                     const uint8_t *keep) noexcept nogil
        void (*attention_backward[2])(void *dq, void *dk, void *dv, void *dmask, const void *dy, const void *out,
                                      const void *lse, const void *q, const void *k, const void *v, const void *mask,
                                      int mask_kind, const int64_t *shape, const int64_t *strides, int causal,
                                      double scale, double p, const uint8_t *keep) noexcept nogil

cdef extern from "memory.h":
    void *fnn_alloc(size_t size) nogil
    void fnn_free(void *pointer) nogil

cdef const fnn_kernels *active   # never NULL; swapped by set_isa
cdef bint use_reference          # set by use_backend: wrappers then call the reference instead

# New arrays, uninitialised, C-contiguous, from the buffer cache. `typenum` is NumPy's (np.NPY_FLOAT, ...).
cdef np.ndarray new_array(int ndim, np.npy_intp *shape, int typenum)
cdef np.ndarray new_like(np.ndarray array, int typenum)
# The same for float32, float64 and bool, with its axes in memory in the order of the array's, as NumPy's and PyTorch's
# elementwise functions have it.
cdef np.ndarray new_in_order(np.ndarray array, int typenum)
# The axes by falling strides in `order`; whether that is another order than C's. No order with strides of 0 or below.
cdef bint memory_order(np.ndarray array, int *order) noexcept
# Whether the array can be walked as one block of memory, its axes in whatever order.
cdef bint has_no_gaps(np.ndarray array) noexcept
# The array itself, or a copy, with the strides of another one of its shape and item size that has no gaps.
cdef np.ndarray laid_out_as(np.ndarray array, np.ndarray other)

# Where an array's elements are; NULL for None.
cdef inline void *data(np.ndarray array) noexcept nogil:
    return np.PyArray_DATA(array) if array is not None else NULL

# 0 for float32, 1 for float64; DTypeError naming `op` for anything else.
cdef int real_kind(np.ndarray array, str op) except -1
# The same, when all arrays must agree.
cdef int same_real_kind(np.ndarray x, np.ndarray y, str op) except -1
# The array itself if C-contiguous, aligned and in native byte order, else such a copy.
cdef np.ndarray contiguous(np.ndarray array)
# After every kernel that can take long: raises what a signal's handler raised meanwhile (KeyboardInterrupt, say). Then
# the rest of the kernel was skipped.
cdef int interrupted
cdef int raise_interrupt() except -1
cdef inline int check_interrupt() except -1:
    return raise_interrupt() if interrupted else 0

# Between kernels of a loop without the GIL: whether a handler has raised; then the loop ends with check_interrupt.
cdef bint interrupted_between() noexcept nogil
# A further limit of threads for kernels that this thread calls, 0 for none; returns the one before.
cdef int limit_this_thread(int n) noexcept nogil

# range(context, begin, end) for parts of 0..n on several threads; what takes long within them looks for signals.
ctypedef void (*range_of_work)(void *context, int64_t begin, int64_t end) noexcept nogil
# `work` estimates the nanoseconds that all take on one thread.
cdef void run_side_by_side(int64_t n, double work, range_of_work range, void *context) noexcept nogil

# Memory for loops without the GIL, as kernels get it; NULL counts as a failure for check_scratch.
cdef void *take_memory(size_t size) noexcept nogil
cdef void give_memory(void *memory) noexcept nogil

# The same around kernels that need scratch memory: how often there was none so far, MemoryError if that has changed.
cdef size_t alloc_failures() noexcept nogil
cdef int check_scratch(str op, size_t before) except -1
