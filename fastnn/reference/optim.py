"""Optimizer steps, in place; see fastnn.kernels.optim."""
import numpy as np


def _gradient(p, grad, weight_decay, maximize):
    g = -grad if maximize else grad
    return g + weight_decay * p if weight_decay != 0 else g


def _move(x, y, weight):
    """x towards y in place, exact at the nearer end."""
    x[...] = x + weight * (y - x) if weight < 0.5 else y - (y - x) * (1 - weight)


def sgd_step(params, grads, momentum_buffers, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False,
             maximize=False):
    for i, (p, grad) in enumerate(zip(params, grads, strict=True)):
        g = _gradient(p, grad, weight_decay, maximize)
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
        g = _gradient(p, grad, weight_decay, maximize)
        total += g * g
        p -= lr / (1 + (step.item() - 1) * lr_decay) * g / (np.sqrt(total) + eps)


def rmsprop_step(params, grads, square_avgs, grad_avgs, momentum_buffers, steps, lr, alpha=0.99, eps=1e-8,
                 weight_decay=0.0, momentum=0.0, maximize=False):
    for i, (p, grad, square_avg) in enumerate(zip(params, grads, square_avgs, strict=True)):
        steps[i] += 1
        g = _gradient(p, grad, weight_decay, maximize)
        square_avg[...] = alpha * square_avg + (1 - alpha) * g * g
        variance = square_avg
        if grad_avgs is not None:
            _move(grad_avgs[i], g, 1 - alpha)
            variance = square_avg - grad_avgs[i] * grad_avgs[i]
            variance = np.where(variance < 0, 0, variance)  # below 0 by rounding alone
        change = g / (np.sqrt(variance) + eps)
        if momentum > 0:
            momentum_buffers[i][...] = change = momentum * momentum_buffers[i] + change
        p -= lr * change


def adam_step(params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, steps, lr, beta1=0.9, beta2=0.999, eps=1e-8,
              weight_decay=0.0, decoupled=False, maximize=False):
    for i, (p, grad, m, v) in enumerate(zip(params, grads, exp_avgs, exp_avg_sqs, strict=True)):
        steps[i] += 1
        step = steps[i].item()
        g = _gradient(p, grad, 0 if decoupled else weight_decay, maximize)
        if decoupled:
            p *= 1 - lr * weight_decay
        _move(m, g, 1 - beta1)
        v[...] = beta2 * v + (1 - beta2) * g * g
        if max_exp_avg_sqs is not None:
            v = np.maximum(max_exp_avg_sqs[i], v, out=max_exp_avg_sqs[i])
        p -= lr / (1 - beta1 ** step) * m / (np.sqrt(v) / (1 - beta2 ** step) ** 0.5 + eps)
