"""Convolution of images as a product over windows: views of the padded input, one window for each output position."""
import numpy as np


def _margins(padding):
    """(top, bottom, left, right)."""
    return tuple(padding) if len(padding) == 4 else (padding[0], padding[0], padding[1], padding[1])


def _windows(x, kernel, stride, padding, dilation, groups):
    """(n, groups, c / groups, oh, ow, kh, kw)"""
    top, bottom, left, right = _margins(padding)
    n, c = x.shape[:2]
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation)]
    windows = np.lib.stride_tricks.sliding_window_view(x, reach, (2, 3))
    windows = windows[:, :, ::stride[0], ::stride[1], ::dilation[0], ::dilation[1]]
    return windows.reshape(n, groups, c // groups, *windows.shape[2:])


def conv_forward(x, weight, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1, relu=False):
    windows = _windows(x, weight.shape[2:], stride, padding, dilation, groups)
    kernels = weight.reshape(groups, weight.shape[0] // groups, *weight.shape[1:])
    y = np.einsum("ngcrqij,gocij->ngorq", windows, kernels, optimize=True)
    y = y.reshape(x.shape[0], weight.shape[0], *y.shape[3:])
    if bias is not None:
        y = y + bias[:, None, None]
    return np.ascontiguousarray(np.where(y < 0, 0, y) if relu else y, x.dtype)


def conv_backward_input(grad, weight, size, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1,
                        relu=False):
    top, bottom, left, right = _margins(padding)
    n, o, oh, ow = grad.shape
    c, (kh, kw) = weight.shape[1] * groups, weight.shape[2:]
    kernels = weight.reshape(groups, o // groups, *weight.shape[1:])
    dx = np.zeros((n, c, size[0] + top + bottom, size[1] + left + right), grad.dtype)
    for i in range(kh):
        for j in range(kw):
            part = np.einsum("ngorq,goc->ngcrq", grad.reshape(n, groups, o // groups, oh, ow), kernels[..., i, j],
                             optimize=True)
            y, x = i * dilation[0], j * dilation[1]
            dx[:, :, y:y + oh * stride[0]:stride[0], x:x + ow * stride[1]:stride[1]] += part.reshape(n, c, oh, ow)
    dx = dx[:, :, top:top + size[0], left:left + size[1]]
    if bias is not None:
        dx = dx + bias[:, None, None]
    return np.ascontiguousarray(np.where(dx < 0, 0, dx) if relu else dx, grad.dtype)


def conv_backward_weight(grad, x, kernel, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    windows = _windows(x, kernel, stride, padding, dilation, groups)
    n, o, oh, ow = grad.shape
    windows = windows[:, :, :, :oh, :ow]
    dw = np.einsum("ngcrqij,ngorq->gocij", windows, grad.reshape(n, groups, o // groups, oh, ow), optimize=True)
    return np.ascontiguousarray(dw.reshape(o, x.shape[1] // groups, *kernel), x.dtype)
