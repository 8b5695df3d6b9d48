"""Optimizer steps, in place; see fastnn.kernels.optim."""
import numpy as np


def decayed(p, grad, weight_decay, maximize):
    """The gradient, turned for `maximize`, with its weight decay."""
    g = -grad if maximize else grad
    return g + weight_decay * p if weight_decay != 0 else g


def move(x, y, weight):
    """x towards y in place, exact at the nearer end."""
    x[...] = x + weight * (y - x) if weight < 0.5 else y - (y - x) * (1 - weight)


def sgd_step(params, grads, momentum_buffers, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False,
             maximize=False):
    for i, (p, grad) in enumerate(zip(params, grads, strict=True)):
        g = decayed(p, grad, weight_decay, maximize)
        if momentum != 0:
            buffer = momentum_buffers[i]
            if buffer is None:
                buffer = momentum_buffers[i] = np.array(g, order="C")
            else:
                buffer[...] = momentum * buffer + (1 - dampening) * g
            g = g + momentum * buffer if nesterov else buffer
        p -= lr * g


def adagrad_step(params, grads, sums, steps, lr, lr_decay=0.0, weight_decay=0.0, eps=1e-10, maximize=False):
    for p, grad, total, step in zip(params, grads, sums, steps, strict=True):
        step += 1
        g = decayed(p, grad, weight_decay, maximize)
        total += g * g
        p -= lr / (1 + (step.item() - 1) * lr_decay) * g / (np.sqrt(total) + eps)


def rmsprop_step(params, grads, square_avgs, grad_avgs, momentum_buffers, steps, lr, alpha=0.99, eps=1e-8,
                 weight_decay=0.0, momentum=0.0, maximize=False):
    for i, (p, grad, square_avg) in enumerate(zip(params, grads, square_avgs, strict=True)):
        steps[i] += 1
        g = decayed(p, grad, weight_decay, maximize)
        square_avg[...] = alpha * square_avg + (1 - alpha) * g * g
        variance = square_avg
        if grad_avgs is not None:
            move(grad_avgs[i], g, 1 - alpha)
            variance = square_avg - grad_avgs[i] * grad_avgs[i]
            variance = np.where(variance < 0, 0, variance)  # below 0 by rounding alone
        change = g / (np.sqrt(variance) + eps)
        if momentum > 0:
            momentum_buffers[i][...] = change = momentum * momentum_buffers[i] + change
        p -= lr * change


def adadelta_step(params, grads, square_avgs, acc_deltas, steps, lr, rho=0.9, eps=1e-6, weight_decay=0.0,
                  maximize=False):
    for i, (p, grad, v, total) in enumerate(zip(params, grads, square_avgs, acc_deltas, strict=True)):
        steps[i] += 1
        g = decayed(p, grad, weight_decay, maximize)
        v[...] = rho * v + (1 - rho) * g * g
        change = np.sqrt(total + eps) / np.sqrt(v + eps) * g
        total[...] = rho * total + (1 - rho) * change * change
        p -= lr * change


def rprop_step(params, grads, prevs, step_sizes, steps, etaminus=0.5, etaplus=1.2, step_size_min=1e-6,
               step_size_max=50.0, maximize=False):
    for i, (p, grad, prev, size) in enumerate(zip(params, grads, prevs, step_sizes, strict=True)):
        steps[i] += 1
        g = decayed(p, grad, 0, maximize)
        same = g * prev
        size *= np.where(same > 0, etaplus, np.where(same < 0, etaminus, 1)).astype(size.dtype)
        np.minimum(np.maximum(size, step_size_min), step_size_max, out=size)
        prev[...] = np.where(same < 0, 0, g)
        p -= ((prev > 0).astype(p.dtype) - (prev < 0)) * size


def asgd_step(params, grads, axs, mus, etas, steps, lr, lambd=1e-4, alpha=0.75, t0=1e6, weight_decay=0.0,
              maximize=False):
    for i, (p, grad, ax) in enumerate(zip(params, grads, axs, strict=True)):
        steps[i] += 1
        step, eta, mu = steps[i].item(), etas[i].item(), mus[i].item()
        g = decayed(p, grad, weight_decay, maximize)
        p[...] = (1 - lambd * eta) * p - eta * g
        ax[...] = p if mu == 1 else ax + (p - ax) * mu
        etas[i][...] = lr / (1 + lambd * lr * step) ** alpha
        mus[i][...] = 1 / max(1, step - t0)
