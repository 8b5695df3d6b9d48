"""The direction of a step of L-BFGS; see fastnn.kernels.lbfgs."""
import numpy as np


def lbfgs_direction(grad, dirs, stps, ro, h_diag=1.0):
    al = np.empty(len(dirs))
    d = -grad
    for i in range(len(dirs) - 1, -1, -1):
        al[i] = stps[i] @ d * ro[i]
        d -= al[i].astype(d.dtype) * dirs[i]
    d *= h_diag
    for i in range(len(dirs)):
        d += (al[i] - dirs[i] @ d * ro[i]).astype(d.dtype) * stps[i]
    return d, al
