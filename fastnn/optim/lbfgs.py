"""L-BFGS."""
import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array
from fastnn.autograd import enable_grad, no_grad
from fastnn.kernels import lbfgs_direction, matmul
from fastnn.optim import _update
from fastnn.optim.optimizer import Optimizer, check_lr


class LBFGS(Optimizer):
    """Limited-memory BFGS: Newton's method with an inverse Hessian estimated from the last steps (Liu & Nocedal 1989).

    Same as torch.optim.LBFGS. `step` needs a closure and calls it several times. There is one parameter group only.

    Parameters
    ----------
    params : iterable of Tensor
    lr : float
        Default 1.
    max_iter : int
        Iterations of one step; default 20.
    max_eval : int, optional
        Calls of the closure in one step; default ``max_iter * 5 // 4``.
    tolerance_grad, tolerance_change : float
        A step ends when the largest gradient, or the change of the parameters or of the loss, is below; default 1e-7
        and 1e-9.
    history_size : int
        Steps that the estimate is made from, each with the memory of two copies of the parameters; default 100.
    line_search_fn : {None, "strong_wolfe"}
        None: each iteration goes `lr` times the direction.

    Raises
    ------
    ValueError
        There are several parameter groups.

    Examples
    --------
    >>> p = nn.Parameter(fastnn.tensor([1.0, -2.0]))
    >>> optimizer = fastnn.optim.LBFGS([p], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (p - 3).square().sum()
    ...     loss.backward()
    ...     return loss
    >>> first = optimizer.step(closure)
    >>> first.item(), p.detach().round()
    (29.0, tensor([3., 3.]))
    """

    def __init__(self, params, lr=1, max_iter=20, max_eval=None, tolerance_grad=1e-7, tolerance_change=1e-9,
                 history_size=100, line_search_fn=None):
        check_lr(lr)
        if max_eval is None:
            max_eval = max_iter * 5 // 4
        super().__init__(params, {"lr": lr, "max_iter": max_iter, "max_eval": max_eval,
                                  "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change,
                                  "history_size": history_size, "line_search_fn": line_search_fn})
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    @no_grad()
    def step(self, closure):
        """Minimize from the present parameters; the result is the loss before.

        Parameters
        ----------
        closure : callable
            Computes the loss and its gradients anew and returns the loss.

        Examples
        --------
        >>> p = nn.Parameter(fastnn.tensor([4.0]))
        >>> optimizer = fastnn.optim.LBFGS([p])
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = p.square().sum()
        ...     loss.backward()
        ...     return loss
        >>> optimizer.step(closure).item(), p.detach().round().abs()
        (16.0, tensor([0.]))
        """
        if len(self.param_groups) != 1:
            raise AssertionError(f"Expected exactly one param_group, but got {len(self.param_groups)}")
        for param in self.param_groups[0]["params"]:
            if param.dtype in dtypes.HALVES:
                raise NotImplementedError(f"LBFGS: not implemented for {param.dtype}")
        with np.errstate(all="ignore"):
            return _Run(self, closure).minimize()


class _Run:
    """One step: what changes from iteration to iteration."""

    def __init__(self, optimizer, closure):
        self.group = optimizer.param_groups[0]
        self.params = self.group["params"]
        self.state = optimizer.state[self.params[0]]  # as in PyTorch
        self.closure = closure

    def evaluate(self):
        """(loss as it came, as a number, gradient of all parameters)."""
        with enable_grad():
            loss = self.closure()
        return loss, float(loss), _update.flat_grad(self.params)

    def at(self, start, t, d):
        """Loss and gradient at ``start + t * d``; the parameters end at `start`."""
        _update.move(self.params, d, t)
        _, loss, grad = self.evaluate()
        _update.assign(self.params, start)
        return loss, grad

    def minimize(self):
        group, state = self.group, self.state
        lr, max_iter, max_eval = group["lr"], group["max_iter"], group["max_eval"]
        lr = lr.item() if isinstance(lr, Tensor) else lr
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        original, loss, grad = self.evaluate()
        evaluations = 1
        state["func_evals"] += 1
        if _largest(grad) <= group["tolerance_grad"]:
            return original
        d, previous = _array(state.get("d")), _array(state.get("prev_flat_grad"))
        t, previous_loss = _number(state.get("t")), state.get("prev_loss")
        dirs, stps = [[_array(item) for item in state.get(key) or ()] for key in ("old_dirs", "old_stps")]
        ro, h_diag = [_number(item) for item in state.get("ro") or ()], _number(state.get("H_diag"))
        al = None
        for n_iter in range(1, max_iter + 1):
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                d, dirs, stps, ro, h_diag = -grad, [], [], [], 1
            else:
                y, s = grad - previous, d * grad.dtype.type(t)
                curvature = _dot(y, s)
                if curvature > 1e-10:
                    if len(dirs) == group["history_size"]:
                        del dirs[0], stps[0], ro[0]
                    dirs.append(y)
                    stps.append(s)
                    ro.append(1.0 / curvature)
                    h_diag = curvature / _dot(y, y)
                d, al = lbfgs_direction(grad, dirs, stps, np.array(ro, np.float64), h_diag)
            previous, previous_loss = grad, loss
            t = min(1.0, 1.0 / np.float64(np.abs(grad).sum())) * lr if state["n_iter"] == 1 else lr
            slope = _dot(grad, d)
            if slope > -group["tolerance_change"]:
                break
            calls = 0
            if group["line_search_fn"] is not None:
                if group["line_search_fn"] != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                start = [param.detach().numpy().copy() for param in self.params]
                loss, grad, t, calls = _strong_wolfe(lambda t, start=start, d=d: self.at(start, t, d), t, d, loss, grad,
                                                     slope, max_eval - evaluations)
                _update.move(self.params, d, t)
            else:
                _update.move(self.params, d, t)
                if n_iter != max_iter:
                    _, loss, grad = self.evaluate()
                    calls = 1
            evaluations += calls
            state["func_evals"] += calls
            if (n_iter == max_iter or evaluations >= max_eval or _largest(grad) <= group["tolerance_grad"]
                    or _largest(d * t) <= group["tolerance_change"]
                    or abs(loss - previous_loss) < group["tolerance_change"]):
                break
        self.save(d, t, dirs, stps, ro, h_diag, previous, previous_loss, al)
        return original

    def save(self, d, t, dirs, stps, ro, h_diag, previous, previous_loss, al):
        """Into the optimizer's state, in PyTorch's form."""
        def number(value):
            return from_array(np.array(value, previous.dtype))
        state = self.state
        if al is not None:
            state["al"] = [number(item) for item in al] + [None] * (self.group["history_size"] - len(al))
        state["d"], state["t"] = from_array(d), t if isinstance(t, int) else float(t)
        state["old_dirs"], state["old_stps"] = [from_array(y) for y in dirs], [from_array(s) for s in stps]
        state["ro"] = [number(item) for item in ro]
        state["H_diag"] = h_diag if isinstance(h_diag, int) else number(h_diag)
        state["prev_flat_grad"], state["prev_loss"] = from_array(previous), previous_loss


def _array(value):
    return value.detach().numpy() if isinstance(value, Tensor) else value


def _number(value):
    return np.float64(float(value)) if isinstance(value, (Tensor, float)) else value


def _dot(x, y):
    return np.float64(matmul(x.reshape(1, -1), y.reshape(-1, 1))[0, 0])


def _largest(x):
    return np.abs(x).max()


def _cubic_minimum(x1, f1, g1, x2, f2, g2, bounds=None):
    """Where the cubic through two points with these values and slopes is least, within bounds, or their middle."""
    low, high = bounds if bounds is not None else (min(x1, x2), max(x1, x2))
    d1 = g1 + g2 - 3 * (f1 - f2) / (x1 - x2)
    square = d1 * d1 - g1 * g2
    if not square >= 0:
        return (low + high) / 2.0
    d2 = np.sqrt(square)
    if x1 <= x2:
        least = x2 - (x2 - x1) * ((g2 + d2 - d1) / (g2 - g1 + 2 * d2))
    else:
        least = x1 - (x1 - x2) * ((g1 + d2 - d1) / (g1 - g2 + 2 * d2))
    return min(max(least, low), high)


class _Point:
    """A point t of the line search: loss f, gradient, slope along the line."""

    def __init__(self, t, f, grad, slope):
        self.t, self.f, self.grad, self.slope = np.float64(t), f, grad, slope


def _strong_wolfe(evaluate, t, d, f, grad, slope, most, c1=1e-4, c2=0.9, tolerance_change=1e-9):
    """(loss, gradient, t, calls of evaluate): a t that fulfils the strong Wolfe conditions (Nocedal and Wright,
    algorithms 3.5 and 3.6), or the best found in `most` calls."""
    def look(t):
        f, grad = evaluate(t)
        return _Point(t, f, grad, _dot(grad, d))

    def fulfils(point):
        return abs(point.slope) <= -c2 * slope

    start = previous = _Point(0, f, grad, slope)
    point = look(t)
    calls, tries, done = 1, 0, False
    while tries < most:
        if point.f > f + c1 * point.t * slope or tries > 1 and point.f >= previous.f:
            bracket = [previous, point]
            break
        if fulfils(point):
            bracket, done = [point], True
            break
        if point.slope >= 0:
            bracket = [previous, point]
            break
        bounds = (point.t + 0.01 * (point.t - previous.t), point.t * 10)
        t = _cubic_minimum(previous.t, previous.f, previous.slope, point.t, point.f, point.slope, bounds)
        previous, point = point, look(t)
        calls, tries = calls + 1, tries + 1
    if tries == most:
        bracket = [start, point]

    stalled = False
    low, high = (0, 1) if bracket[0].f <= bracket[-1].f else (1, 0)
    if len(bracket) == 1:
        low = 0
    width = _largest(d)
    while not done and tries < most:
        a, b = bracket
        if abs(b.t - a.t) * width < tolerance_change:
            break
        t = _cubic_minimum(a.t, a.f, a.slope, b.t, b.f, b.slope)
        left, right = min(a.t, b.t), max(a.t, b.t)
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:  # close to an end: allowed once, if it is inside
            if stalled or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                stalled = False
            else:
                stalled = True
        else:
            stalled = False
        point = look(t)
        calls, tries = calls + 1, tries + 1
        if point.f > f + c1 * point.t * slope or point.f >= bracket[low].f:
            bracket[high] = point
            low, high = (0, 1) if bracket[0].f <= bracket[1].f else (1, 0)
        else:
            if fulfils(point):
                done = True
            elif point.slope * (bracket[high].t - bracket[low].t) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = point
    best = bracket[low]
    return best.f, best.grad, best.t, calls
