"""Rows of a table by their numbers."""
import numpy as np


def embedding_forward(weight, index):
    return weight[index]


def embedding_backward(grad, index, rows, padding_idx=-1, source=None, scale=None, largest=False):
    dim = grad.shape[-1]
    dw = np.zeros((rows, dim), grad.dtype)
    if largest:
        used = index >= 0
        np.add.at(dw, (index[used], np.broadcast_to(np.arange(dim), index.shape)[used]), grad[used])
        return dw
    index = index.reshape(-1)
    part = grad.reshape(-1, dim) if dim else np.zeros((index.size, 0), grad.dtype)
    part = part if source is None else part[source.reshape(-1)]
    if scale is not None:
        part = part * scale.reshape(-1, 1)
    used = index != padding_idx
    np.add.at(dw, index[used], part[used])
    return dw


def embedding_bag_forward(weight, index, offsets, mode="sum", scale=None, padding_idx=-1):
    bags, dim = offsets.size - 1, weight.shape[1]
    y = np.zeros((bags, dim), weight.dtype)
    argmax = np.full((bags, dim), -1, np.int64) if mode == "max" else None
    for bag in range(bags):
        entries = np.arange(offsets[bag], offsets[bag + 1])
        entries = entries[index[entries] != padding_idx]
        if not entries.size:
            continue
        rows = weight[index[entries]]
        if mode == "max":  # the first that no other exceeds; a NaN stays where it comes first and loses elsewhere
            best = np.zeros(dim, np.int64)
            for i in range(1, len(rows)):
                best = np.where(rows[i] > rows[best, np.arange(dim)], i, best)
            y[bag], argmax[bag] = rows[best, np.arange(dim)], index[entries][best]
        else:
            y[bag] = (rows if scale is None else rows * scale.reshape(-1)[entries, None]).sum(0)
            y[bag] /= len(entries) if mode == "mean" else 1
    return y, argmax
