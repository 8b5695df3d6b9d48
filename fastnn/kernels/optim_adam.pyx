"""One step of an optimizer of Adam's family; conventions as in fastnn.kernels.optim."""
from fastnn.kernels cimport _core
from fastnn.kernels.optim cimport Tables, tables_of
from fastnn.reference import optim_adam as reference


cpdef adam_step(list params, list grads, list exp_avgs, list exp_avg_sqs, list max_exp_avg_sqs, list steps,
                double lr, double beta1=0.9, double beta2=0.999, double eps=1e-8, double weight_decay=0.0,
                bint decoupled=False, bint maximize=False):
    """Adam, AdamW (`decoupled`) and AMSGrad, in place on `params`, all state and `steps`.

    ``g = sign * grad + weight_decay * p`` (decoupled: ``p *= 1 - lr * weight_decay`` instead);
    ``m = beta1 * m + (1 - beta1) * g``; ``v = beta2 * v + (1 - beta2) * g**2``;
    ``p -= lr / (1 - beta1**step) * m / (sqrt(v / (1 - beta2**step)) + eps)``.

    Parameters
    ----------
    max_exp_avg_sqs : list of arrays or None
        Largest v so far, used in its place (AMSGrad); None: plain Adam.
    """
    if _core.use_reference:
        return reference.adam_step(params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, steps, lr, beta1, beta2, eps,
                                   weight_decay, decoupled, maximize)
    cdef Tables tables = tables_of("adam_step", params, grads)
    cdef void **max_table = NULL
    cdef void **avg_table = tables.add(exp_avgs, "exp_avgs", True)
    cdef void **sq_table = tables.add(exp_avg_sqs, "exp_avg_sqs", True)
    cdef float **step_table = tables.add_numbers(steps, "steps")
    if max_exp_avg_sqs is not None:
        max_table = tables.add(max_exp_avg_sqs, "max_exp_avg_sqs", True)
    with nogil:
        _core.active[tables.kind].adam_step(tables.params, tables.grads, avg_table, sq_table, max_table, step_table,
                                            tables.sizes, tables.count, lr, beta1, beta2, eps, weight_decay, decoupled,
                                            maximize)
    _core.check_interrupt()
    tables.finish()


cpdef adamax_step(list params, list grads, list exp_avgs, list exp_infs, list steps, double lr, double beta1=0.9,
                  double beta2=0.999, double eps=1e-8, double weight_decay=0.0, bint maximize=False):
    """Adamax, in place on `params`, all state and `steps`.

    ``g = sign * grad + weight_decay * p``; ``m = beta1 * m + (1 - beta1) * g``;
    ``u = max(beta2 * u, |g| + eps)``; ``p -= lr / (1 - beta1**step) * m / u``.
    """
    if _core.use_reference:
        return reference.adamax_step(params, grads, exp_avgs, exp_infs, steps, lr, beta1, beta2, eps, weight_decay,
                                     maximize)
    cdef Tables tables = tables_of("adamax_step", params, grads)
    cdef void **avg_table = tables.add(exp_avgs, "exp_avgs", True)
    cdef void **inf_table = tables.add(exp_infs, "exp_infs", True)
    cdef float **step_table = tables.add_numbers(steps, "steps")
    with nogil:
        _core.active[tables.kind].adamax_step(tables.params, tables.grads, avg_table, inf_table, step_table,
                                              tables.sizes, tables.count, lr, beta1, beta2, eps, weight_decay, maximize)
    _core.check_interrupt()
    tables.finish()


cpdef nadam_step(list params, list grads, list exp_avgs, list exp_avg_sqs, list mu_products, list steps, double lr,
                 double beta1=0.9, double beta2=0.999, double eps=1e-8, double weight_decay=0.0,
                 double momentum_decay=4e-3, bint decoupled=False, bint maximize=False):
    """Adam with Nesterov's momentum, in place on `params`, all state and `steps`; m and v as in `adam_step`.

    ``mu(t) = beta1 * (1 - 0.5 * 0.96**(t * momentum_decay))``; ``product *= mu(step)``;
    ``change = (1 - mu(step)) / (1 - product) * g + mu(step + 1) / (1 - product * mu(step + 1)) * m``;
    ``p -= lr * change / (sqrt(v / (1 - beta2**step)) + eps)``.

    Parameters
    ----------
    mu_products : list of arrays
        float32 arrays of one element.
    """
    if _core.use_reference:
        return reference.nadam_step(params, grads, exp_avgs, exp_avg_sqs, mu_products, steps, lr, beta1, beta2, eps,
                                    weight_decay, momentum_decay, decoupled, maximize)
    cdef Tables tables = tables_of("nadam_step", params, grads)
    cdef void **avg_table = tables.add(exp_avgs, "exp_avgs", True)
    cdef void **sq_table = tables.add(exp_avg_sqs, "exp_avg_sqs", True)
    cdef float **product_table = tables.add_numbers(mu_products, "mu_products")
    cdef float **step_table = tables.add_numbers(steps, "steps")
    with nogil:
        _core.active[tables.kind].nadam_step(tables.params, tables.grads, avg_table, sq_table, product_table,
                                             step_table, tables.sizes, tables.count, lr, beta1, beta2, eps,
                                             weight_decay, momentum_decay, decoupled, maximize)
    _core.check_interrupt()
    tables.finish()


cpdef radam_step(list params, list grads, list exp_avgs, list exp_avg_sqs, list steps, double lr, double beta1=0.9,
                 double beta2=0.999, double eps=1e-8, double weight_decay=0.0, bint decoupled=False,
                 bint maximize=False):
    """Rectified Adam, in place on `params`, all state and `steps`; m and v as in `adam_step`.

    ``p -= lr / (1 - beta1**step) * m * r``, where r is 1 while the variance of Adam's step is not yet finite, and then
    ``sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho) * (1 - beta2**step))
    / (sqrt(v) + eps)`` with ``rho_inf = 2 / (1 - beta2) - 1`` and
    ``rho = rho_inf - 2 * step * beta2**step / (1 - beta2**step)``, which must be above 5.
    """
    if _core.use_reference:
        return reference.radam_step(params, grads, exp_avgs, exp_avg_sqs, steps, lr, beta1, beta2, eps, weight_decay,
                                    decoupled, maximize)
    cdef Tables tables = tables_of("radam_step", params, grads)
    cdef void **avg_table = tables.add(exp_avgs, "exp_avgs", True)
    cdef void **sq_table = tables.add(exp_avg_sqs, "exp_avg_sqs", True)
    cdef float **step_table = tables.add_numbers(steps, "steps")
    with nogil:
        _core.active[tables.kind].radam_step(tables.params, tables.grads, avg_table, sq_table, step_table, tables.sizes,
                                             tables.count, lr, beta1, beta2, eps, weight_decay, decoupled, maximize)
    _core.check_interrupt()
    tables.finish()
