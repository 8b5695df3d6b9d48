"""Bytes of images to numbers by a table of the 256 results of scaling and normalizing."""
cimport numpy as np
from libc.stdint cimport int64_t, uint8_t

from fastnn.kernels cimport _core

np.import_array()


cdef void translate(float *out, const uint8_t *pixels, const float *table, int64_t n, int64_t step) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        out[i] = table[pixels[i * step]]


cpdef np.ndarray look_up(np.ndarray images, np.ndarray table):
    """float32 (N, C, H, W) of uint8 images (N, H, W) or (N, H, W, C): out[n, c, h, w] = table[c, images[n, h, w, c]].

    Both arrays must be C-contiguous; the table is float32 (C, 256).
    """
    cdef int ndim = np.PyArray_NDIM(images)
    if ndim not in (3, 4) or np.PyArray_TYPE(images) != np.NPY_UINT8 or not np.PyArray_ISCARRAY_RO(images):
        raise ValueError(f"look_up: expected contiguous uint8 images (N, H, W) or (N, H, W, C), got {images.dtype} "
                         f"with {ndim} axes")
    cdef int64_t channels = np.PyArray_DIM(images, 3) if ndim == 4 else 1
    if (np.PyArray_TYPE(table) != np.NPY_FLOAT or np.PyArray_NDIM(table) != 2 or not np.PyArray_ISCARRAY_RO(table)
            or np.PyArray_DIM(table, 0) != channels or np.PyArray_DIM(table, 1) != 256):
        raise ValueError(f"look_up: expected a contiguous float32 table ({channels}, 256)")
    cdef np.npy_intp shape[4]
    shape[0], shape[1] = np.PyArray_DIM(images, 0), channels
    shape[2], shape[3] = np.PyArray_DIM(images, 1), np.PyArray_DIM(images, 2)
    cdef np.ndarray out = _core.new_array(4, shape, np.NPY_FLOAT)
    cdef float *target = <float *>np.PyArray_DATA(out)
    cdef const uint8_t *source = <const uint8_t *>np.PyArray_DATA(images)
    cdef const float *values = <const float *>np.PyArray_DATA(table)
    cdef int64_t n, c, size = shape[2] * shape[3]
    with nogil:
        if channels == 1:
            translate(target, source, values, shape[0] * size, 1)
        else:
            for n in range(shape[0]):
                for c in range(channels):
                    translate(target + (n * channels + c) * size, source + n * size * channels + c, values + 256 * c,
                              size, channels)
    return out
