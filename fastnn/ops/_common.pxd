"""What the operations share: turning operands into tensors of one dtype, and undoing broadcasting."""
cimport numpy as np
from fastnn._tensor cimport Tensor

cdef Tensor as_tensor(object value, Tensor like)
cdef np.ndarray undo(np.ndarray grad, tuple shape)
cdef bint is_real(np.ndarray array) noexcept
# Whose rules an argument has.
cdef enum:
    ORDINARY, COMPLEX, STORED, SPECIAL
cdef int form_of(object value) except -1
cdef int form_of_array(np.ndarray array) noexcept
cdef bint is_special(object value)  # of a class of tensors with rules of its own
cdef object special_rules(tuple values)
cdef object rule_of(int form, str name, function=*, str home=*)
cdef bint is_complex(np.ndarray array) noexcept
cdef bint is_ordinary(np.ndarray array) noexcept  # neither complex nor of a format
# What the operation `name` gives where one of its two operands is not ordinary, None where both are.
cdef object ruled(str name, object x, object y)
cdef np.ndarray zero_d(object value)
cdef Tensor tensor_of(str op, str name, int position, object value)
cdef int wrap_dim(object dim, int ndim) except -1
cdef enum:
    MOST_DIMS = 64               # of NumPy's arrays
# A view of x's memory that begins at `data`.
cdef np.ndarray strided(np.ndarray x, int n, np.npy_intp *dims, np.npy_intp *strides, char *data)
