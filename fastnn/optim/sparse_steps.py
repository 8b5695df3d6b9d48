"""Steps of parameters with sparse gradients: they touch the rows that a gradient names, and no others."""
import math

import numpy as np

from fastnn._tensor import from_array, record_inplace, to_array
from fastnn.autograd import no_grad


def rows_of(grad, maximize=False):
    """(index, values) of a gradient, every row named once: its elements are ``array[index]``."""
    grad = grad.detach().coalesce()
    values = grad.values().numpy()
    return tuple(grad.indices().numpy()), -values if maximize else values


def changed(param, index, values):
    """Add to the rows of a parameter, in place."""
    to_array(param)[index] += values.astype(to_array(param).dtype, copy=False)
    with no_grad():
        record_inplace(param, None)  # counts as a change


def sgd(group, state, param):
    """Momentum's buffer is sparse too."""
    grad = -param.grad if group["maximize"] else param.grad.detach()
    if group["weight_decay"]:
        raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
    if group["momentum"]:
        buffer = state.get("momentum_buffer")
        buffer = grad.clone() if buffer is None else buffer * group["momentum"] + grad * (1 - group["dampening"])
        state["momentum_buffer"] = buffer
        grad = grad + buffer * group["momentum"] if group["nesterov"] else buffer
    index, values = rows_of(grad)
    changed(param, index, -float(group["lr"]) * values)


def adagrad(group, state, param):
    """Sums of squares of the rows that have come."""
    if group["weight_decay"]:
        raise RuntimeError("weight_decay option is not compatible with sparse gradients")
    state["step"] += 1
    rate = float(group["lr"]) / (1 + (state["step"].item() - 1) * group["lr_decay"])
    index, values = rows_of(param.grad, group["maximize"])
    total = to_array(state["sum"])
    total[index] += values * values
    changed(param, index, -rate * values / (np.sqrt(total[index]) + group["eps"]))


def adam(group, state, param):
    """Lazy: averages of a row that has no gradient stay as they are."""
    (beta1, beta2), zeros = group["betas"], np.zeros(tuple(param.shape), to_array(param).dtype)
    if not state:
        state.update(step=0, exp_avg=from_array(zeros), exp_avg_sq=from_array(zeros.copy()))
    state["step"] += 1
    index, values = rows_of(param.grad, group["maximize"])
    if not values.size:
        return
    average, square = to_array(state["exp_avg"]), to_array(state["exp_avg_sq"])
    average[index] += (values - average[index]) * (1 - beta1)
    square[index] += (values * values - square[index]) * (1 - beta2)
    step = float(group["lr"]) * math.sqrt(1 - beta2 ** state["step"]) / (1 - beta1 ** state["step"])
    changed(param, index, -step * average[index] / (np.sqrt(square[index]) + group["eps"]))
