"""Optimizer steps of Adam's family, in place; see fastnn.kernels.optim_adam."""
import numpy as np

from fastnn.reference.optim import decayed, move


def adam_step(params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, steps, lr, beta1=0.9, beta2=0.999, eps=1e-8,
              weight_decay=0.0, decoupled=False, maximize=False):
    for i, (p, grad, m, v) in enumerate(zip(params, grads, exp_avgs, exp_avg_sqs, strict=True)):
        steps[i] += 1
        step = steps[i].item()
        g = decayed(p, grad, 0 if decoupled else weight_decay, maximize)
        if decoupled:
            p *= 1 - lr * weight_decay
        move(m, g, 1 - beta1)
        v[...] = beta2 * v + (1 - beta2) * g * g
        if max_exp_avg_sqs is not None:
            v = np.maximum(max_exp_avg_sqs[i], v, out=max_exp_avg_sqs[i])
        p -= lr / (1 - beta1 ** step) * m / (np.sqrt(v) / (1 - beta2 ** step) ** 0.5 + eps)


def adamax_step(params, grads, exp_avgs, exp_infs, steps, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0,
                maximize=False):
    for i, (p, grad, m, u) in enumerate(zip(params, grads, exp_avgs, exp_infs, strict=True)):
        steps[i] += 1
        g = decayed(p, grad, weight_decay, maximize)
        move(m, g, 1 - beta1)
        np.maximum(beta2 * u, np.abs(g) + eps, out=u)
        p -= lr / (1 - beta1 ** steps[i].item()) * m / u


def nadam_step(params, grads, exp_avgs, exp_avg_sqs, mu_products, steps, lr, beta1=0.9, beta2=0.999, eps=1e-8,
               weight_decay=0.0, momentum_decay=4e-3, decoupled=False, maximize=False):
    for i, (p, grad, m, v) in enumerate(zip(params, grads, exp_avgs, exp_avg_sqs, strict=True)):
        steps[i] += 1
        step = steps[i].item()
        mu, following = (beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay)) for t in (step, step + 1))
        mu_products[i] *= np.float32(mu)
        product = mu_products[i].item()
        g = decayed(p, grad, 0 if decoupled else weight_decay, maximize)
        if decoupled:
            p *= 1 - lr * weight_decay
        move(m, g, 1 - beta1)
        v[...] = beta2 * v + (1 - beta2) * g * g
        change = lr * (1 - mu) / (1 - product) * g + lr * following / (1 - product * following) * m
        p -= change / (np.sqrt(v / (1 - beta2 ** step)) + eps)


def radam_step(params, grads, exp_avgs, exp_avg_sqs, steps, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0,
               decoupled=False, maximize=False):
    longest = 2 / (1 - beta2) - 1
    for i, (p, grad, m, v) in enumerate(zip(params, grads, exp_avgs, exp_avg_sqs, strict=True)):
        steps[i] += 1
        step = steps[i].item()
        g = decayed(p, grad, 0 if decoupled else weight_decay, maximize)
        if decoupled:
            p *= 1 - lr * weight_decay
        move(m, g, 1 - beta1)
        v[...] = beta2 * v + (1 - beta2) * g * g
        correction = 1 - beta2 ** step
        length = longest - 2 * step * beta2 ** step / correction
        adapted = 1
        if length > 5:
            rectified = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            adapted = (correction * rectified) ** 0.5 / (np.sqrt(v) + eps)
        p -= lr / (1 - beta1 ** step) * m * adapted
