"""The dense layer."""
import math

import numpy as np

from fastnn.reference import elementwise


def linear_forward(x, weight, bias=None, activation=None, a=0.0, b=0.0):
    y = np.matmul(x, weight.T)
    if bias is not None:
        y += bias
    return y if activation is None else elementwise.unary_forward(activation, y, a, b)


def linear_backward(grad, x, weight, y=None, activation=None, a=0.0, b=0.0, need_x=True, need_weight=True,
                    need_bias=True, dw=None, db=None):
    dz = grad if activation is None else elementwise.unary_backward(activation, grad, None, y, a, b)
    m = math.prod(x.shape[:-1])
    rows = dz.reshape(m, weight.shape[0])
    dx = np.matmul(dz, weight) if need_x else None
    new_dw = rows.T @ x.reshape(m, weight.shape[1]) if need_weight else None
    new_db = rows.sum(axis=0) if need_bias else None
    if need_weight and dw is not None:
        dw += new_dw
        new_dw = None
    if need_bias and db is not None:
        db += new_db
        new_db = None
    return dx, new_dw, new_db
