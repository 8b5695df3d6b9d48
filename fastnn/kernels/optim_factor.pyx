"""Adafactor's step; conventions as in fastnn.kernels.optim."""
from libc.stdint cimport int64_t

from fastnn.kernels cimport _core
from fastnn.kernels.optim cimport Tables, tables_of
from fastnn.reference import optim_factor as reference


cpdef adafactor_step(list params, list grads, list row_vars, list col_vars, list variances, list steps, double lr,
                     double beta2_decay=-0.8, eps1=None, double eps2=1e-3, double d=1.0, double weight_decay=0.0,
                     bint maximize=False):
    """Adafactor (Shazeer and Stern, 2018), in place on `params`, all state and `steps`.

    ``w = step**beta2_decay``; for a parameter of two or more dimensions ``row_var += w * (mean(g**2, -1) - row_var)``,
    ``col_var += w * (mean(g**2, -2) - col_var)``, ``v = row_var @ col_var / max(mean(row_var, -2), eps1)``; for others
    ``variance += w * (g**2 - variance)``, ``v = variance``. ``u = g / sqrt(max(v, eps1**2))``;
    ``a = max(eps2, rms(p)) * min(lr, 1 / sqrt(step)) / max(1, rms(u) / d)``;
    ``p = (1 - lr * weight_decay) * p - a * u``.

    Parameters
    ----------
    row_vars, col_vars : lists
        For parameters of shape (..., r, c) arrays (..., r, 1) and (..., 1, c); None for others.
    variances : list
        Arrays like the others' parameters; not looked at for those of two or more dimensions.
    eps1 : float or None
        None: the dtype's machine epsilon.
    """
    if _core.use_reference:
        return reference.adafactor_step(params, grads, row_vars, col_vars, variances, steps, lr, beta2_decay, eps1,
                                        eps2, d, weight_decay, maximize)
    cdef int status
    cdef Tables tables = tables_of("adafactor_step", params, grads)
    cdef Py_ssize_t i
    cdef int64_t *rows
    cdef int64_t *cols
    cdef double least
    cdef list row_shapes, col_shapes, firsts
    shapes = [p.shape for p in params]
    row_shapes = [(*shape[:-1], 1) if len(shape) > 1 else shape for shape in shapes]
    col_shapes = [(*shape[:-2], 1, shape[-1]) if len(shape) > 1 else None for shape in shapes]
    firsts = row_vars
    if row_vars is not None and variances is not None and len(row_vars) == len(variances) == len(shapes):
        firsts = [row if len(shape) > 1 else variance
                  for shape, row, variance in zip(shapes, row_vars, variances, strict=True)]
    cdef void **row_table = tables.add_shaped(firsts, row_shapes, "row_vars or variances")
    cdef void **col_table = tables.add_shaped(col_vars, col_shapes, "col_vars")
    cdef float **step_table = tables.add_numbers(steps, "steps")
    rows, cols = <int64_t *>tables.next, <int64_t *>(tables.next + tables.count)
    for i in range(tables.count):
        shape = shapes[i]
        rows[i] = shape[-2] if len(shape) > 1 else 1
        cols[i] = shape[-1] if len(shape) > 1 else tables.sizes[i]
    least = (2.0 ** -23 if tables.kind == 0 else 2.0 ** -52) if eps1 is None else eps1
    with nogil:
        status = _core.active[tables.kind].adafactor_step(tables.params, tables.grads, row_table, col_table, step_table,
                                                          tables.sizes, rows, cols, tables.count, lr, beta2_decay,
                                                          least, eps2, d, weight_decay, maximize)
    _core.check_status(status, "adafactor_step")
    tables.finish()
