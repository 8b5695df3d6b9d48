"""Products of matrices."""
import numpy as np

from fastnn.errors import DTypeError, ShapeError
from fastnn.testing.spec import Bench, ErrorSample, OpSpec, Sample, normal

# (m, n, k) around the edges of tiles (4, 6, 14 rows; 2 to 32 columns), of blocks (192, 384 deep), and odd ones.
SHAPES = ((1, 1, 1), (4, 3, 2), (4, 8, 8), (1, 10, 128), (1, 33, 70), (2, 784, 5), (70, 1, 33), (5, 4, 100),
          (7, 31, 17), (14, 32, 64), (15, 33, 65), (29, 65, 193), (64, 10, 385), (3, 7, 1025), (127, 129, 131),
          (90, 300, 400), (0, 3, 4), (3, 0, 4), (3, 4, 0))


def samples(rng, dtype):
    for m, n, k in SHAPES:
        a, b = normal(rng, dtype, m, k), normal(rng, dtype, k, n)
        yield Sample((a, b), atol=atol(dtype, k))
        yield Sample((a.T.copy().T, b), atol=atol(dtype, k), layouts=False)
        yield Sample((a, b.T.copy().T), atol=atol(dtype, k), layouts=False)
    for a, b in (((5,), (5,)), ((5,), (5, 3)), ((3, 5), (5,)), ((2, 3, 5), (5, 4)), ((2, 3, 5), (2, 5, 4)),
                 ((3, 5), (2, 5, 4)), ((2, 1, 3, 5), (6, 5, 4)), ((7, 1, 5), (5, 4)), ((4, 3, 5), (5,)),
                 ((5,), (4, 5, 3)),
                 ((0, 3, 5), (5, 2)), ((2, 3, 0), (2, 0, 5))):
        yield Sample((normal(rng, dtype, *a), normal(rng, dtype, *b)), atol=atol(dtype, 5))
    a = np.ones((3, 4), dtype)
    a[1, 2], a[2, 0] = np.nan, np.inf
    yield Sample((a, np.ones((4, 20), dtype)))


def atol(dtype, k):
    """A chain of k roundings of partial sums of size up to sqrt(k): relative to the terms, not to the sum."""
    return float(np.finfo(dtype).eps) * (4 + k)


def errors(dtype):
    one = np.ones
    yield ErrorSample((one((2, 3), dtype), one((2, 3), dtype)), {}, ShapeError, "matmul: shapes (2, 3) and (2, 3)")
    yield ErrorSample((one(3, dtype), one(2, dtype)), {}, ShapeError, "matmul: shapes (3,) and (2,)")
    yield ErrorSample((one((2, 2, 3), dtype), one((3, 3, 2), dtype)), {}, ShapeError, "(2, 2, 3) and (3, 3, 2)")
    yield ErrorSample((np.array(1, dtype), one(2, dtype)), {}, ShapeError, "1 or more axes")
    yield ErrorSample((one(2, np.int64), one(2, np.int64)), {}, DTypeError, "int64")
    yield ErrorSample((one(2, np.float32), one(2, np.float64)), {}, DTypeError, "float32 and float64")


def bench(rng, dtype):
    for m, n, k in ((4, 8, 8), (64, 64, 64), (64, 128, 784), (256, 256, 256), (1024, 1024, 1024)):
        a, b = normal(rng, dtype, m, k), normal(rng, dtype, k, n)
        bytes = a.nbytes + b.nbytes + m * n * a.itemsize
        yield Bench(f"{m}x{n}x{k}", (a, b), flops=2 * m * n * k, bytes=bytes)
        yield Bench(f"{m}x{n}x{k}-NT", (a, b.T.copy().T), flops=2 * m * n * k, bytes=bytes)


SPECS = [OpSpec("matmul", samples, kernels=("matmul",), errors=errors, oracle="double",
                rtol={"float32": 2e-6, "float64": 1e-14}, torch=lambda a, b: a @ b, bench=bench)]
