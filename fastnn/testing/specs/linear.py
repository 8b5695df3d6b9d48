"""The dense layer."""
import numpy as np

from fastnn.errors import DTypeError, ShapeError
from fastnn.testing.spec import Bench, ErrorSample, GradientCase, OpSpec, Sample, normal, uniform
from fastnn.testing.specs.gemm import atol

# (leading axes, in, out)
SHAPES = (((1,), 1, 1), ((4,), 2, 3), ((4,), 8, 8), ((), 5, 3), ((1,), 128, 10), ((3,), 70, 33), ((7, 3), 17, 31),
          ((64,), 33, 65), ((2, 3, 5), 20, 1), ((29,), 785, 14), ((127,), 131, 129), ((0,), 3, 4), ((3,), 0, 4),
          ((3,), 4, 0))


def forward_samples(activation):
    def samples(rng, dtype):
        for leading, n_in, n_out in SHAPES:
            x, weight = normal(rng, dtype, *leading, n_in), normal(rng, dtype, n_out, n_in)
            bias = normal(rng, dtype, n_out)
            yield Sample((x, weight, bias, activation), atol=atol(dtype, n_in))
            yield Sample((x, weight, None, activation), atol=atol(dtype, n_in), layouts=False)
            yield Sample((x, weight.T.copy().T, bias, activation), atol=atol(dtype, n_in), layouts=False)
    return samples


def backward_samples(activation):
    def samples(rng, dtype):
        for leading, n_in, n_out in SHAPES:
            x, weight = normal(rng, dtype, *leading, n_in), normal(rng, dtype, n_out, n_in)
            grad, y = normal(rng, dtype, *leading, n_out), normal(rng, dtype, *leading, n_out)
            if activation == "sigmoid":
                y = uniform(rng, dtype, *leading, n_out, low=0)
            tolerance = atol(dtype, max(x.size // max(n_in, 1), n_out))
            yield Sample((grad, x, weight, y, activation), atol=tolerance)
            for i in range(3):
                need = [i == 0, i == 1, i == 2]
                yield Sample((grad, x, weight.T.copy().T, y, activation, 0.0, 0.0, *need), atol=tolerance,
                             layouts=False)
            dw, db = normal(rng, dtype, n_out, n_in), normal(rng, dtype, n_out)
            yield Sample((grad, x, weight, y, activation), {"dw": dw, "db": db}, atol=tolerance, layouts=False)
    return samples


def forward_errors(dtype):
    x, weight, bias = np.ones((32, 100), dtype), np.ones((128, 784), dtype), np.ones(128, dtype)
    yield ErrorSample((x, weight), {}, ShapeError, "linear: expected input (*, 784), got (32, 100)")
    yield ErrorSample((np.array(1, dtype), weight), {}, ShapeError, "linear: expected input (*, 784), got ()")
    yield ErrorSample((x, bias), {}, ShapeError, "linear: expected weight (out, in), got (128,)")
    yield ErrorSample((weight, weight, bias[1:]), {}, ShapeError, "linear: expected bias (128,), got (127,)")
    yield ErrorSample((weight.astype(int), weight), {}, DTypeError, "linear: expected arrays of one dtype")
    yield ErrorSample((weight, weight, bias, "no such map"), {}, ValueError, "linear: unknown activation 'no such map'")


def backward_errors(dtype):
    grad, x, weight = np.ones((3, 5), dtype), np.ones((3, 4), dtype), np.ones((5, 4), dtype)
    yield ErrorSample((x, x, weight), {}, ShapeError, "linear_backward: expected grad (3, 5), got (3, 4)")
    yield ErrorSample((grad, x, weight, x, "relu"), {}, ShapeError, "linear_backward: expected y (3, 5), got (3, 4)")
    yield ErrorSample((grad, x, weight, None, "relu"), {}, ValueError, "expected y")
    yield ErrorSample((grad, x, weight, grad, "gelu"), {}, ValueError, "linear_backward: the gradient of gelu needs")
    yield ErrorSample((grad, x, weight), {"dw": x}, ShapeError, "linear_backward: expected dw (5, 4), got (3, 4)")
    yield ErrorSample((grad, x, weight), {"db": np.ones(4, dtype)}, ShapeError, "expected db (5,), got (4,)")


def gradient(kernels, rng):
    x, weight, bias = rng.standard_normal((3, 4)), rng.standard_normal((5, 4)), rng.standard_normal(5)
    grad = rng.standard_normal((3, 5))
    y = kernels.linear_forward(x, weight, bias)
    gradients = kernels.linear_backward(grad, x, weight, y)
    yield GradientCase("x", lambda x: float((kernels.linear_forward(x, weight, bias) * grad).sum()), x, gradients[0])
    yield GradientCase("weight", lambda w: float((kernels.linear_forward(x, w, bias) * grad).sum()), weight,
                       gradients[1])
    yield GradientCase("bias", lambda b: float((kernels.linear_forward(x, weight, b) * grad).sum()), bias, gradients[2])


LAYERS = ((4, 2, 3), (1, 784, 128), (64, 784, 128), (64, 128, 64), (64, 64, 32), (64, 32, 64), (64, 64, 128),
          (64, 128, 784), (32, 784, 10), (1000, 784, 128))


def forward_bench(rng, dtype):
    for m, n_in, n_out in LAYERS:
        x, weight, bias = normal(rng, dtype, m, n_in), normal(rng, dtype, n_out, n_in), normal(rng, dtype, n_out)
        yield Bench(f"{m}x{n_in}-{n_out}", (x, weight, bias, "relu"), flops=2 * m * n_in * n_out,
                    bytes=x.nbytes + weight.nbytes + bias.nbytes + m * n_out * x.itemsize)


def backward_bench(rng, dtype):
    for m, n_in, n_out in LAYERS:
        x, weight = normal(rng, dtype, m, n_in), normal(rng, dtype, n_out, n_in)
        grad, y = normal(rng, dtype, m, n_out), normal(rng, dtype, m, n_out)
        yield Bench(f"{m}x{n_in}-{n_out}", (grad, x, weight, y, "relu"), flops=4 * m * n_in * n_out,
                    bytes=2 * (x.nbytes + weight.nbytes + grad.nbytes))


def torch_forward(x, weight, bias=None, activation=None, a=0.0, b=0.0):
    y = x @ weight.T if bias is None else x @ weight.T + bias
    return y if activation is None else getattr(y, activation)()


SPECS = [
    OpSpec("linear_forward", forward_samples(None), kernels=("linear_forward",), errors=forward_errors, oracle="double",
           torch=torch_forward, bench=forward_bench),
    OpSpec("linear_forward", forward_samples("relu"), variant="relu", kernels=("linear_forward",), oracle="double",
           torch=torch_forward),
    OpSpec("linear_forward", forward_samples("tanh"), variant="tanh", kernels=("linear_forward",), oracle="double",
           torch=torch_forward),
    OpSpec("linear_backward", backward_samples(None), kernels=("linear_backward",), errors=backward_errors,
           oracle="double", gradient=gradient, inplace=("dw", "db"), bench=backward_bench),
    OpSpec("linear_backward", backward_samples("relu"), variant="relu", kernels=("linear_backward",), oracle="double",
           inplace=("dw", "db")),
    OpSpec("linear_backward", backward_samples("sigmoid"), variant="sigmoid", kernels=("linear_backward",),
           oracle="double", inplace=("dw", "db")),
]
