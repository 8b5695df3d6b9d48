# distutils: depends = src_c/random.h
"""Random numbers: the streams of PyTorch's CPU generator, number for number.

A `Generator` seeded like a ``torch.Generator`` gives the same numbers: bit for bit for uniform, integer, Bernoulli
and permutation draws and for float32 normal draws as PyTorch computes them on a processor with AVX2; within rounding
of the C library's functions for the rest. So initial weights, shuffles and splits are PyTorch's for the same seed.

The default stream starts from a seed of the operating system's, so that programs that set none differ from run to run.
"""
cimport numpy as np
from libc.math cimport ceil, cos, exp, log, log1p, sin, sqrt, tan

import contextlib
import os

import numpy

from fastnn import dtypes
from fastnn.errors import DTypeError, OptionError, ShapeError

cdef extern from "random.h" nogil:
    void fnn_mt_seed(fnn_mt *mt, uint64_t seed)
    uint32_t fnn_mt_next(fnn_mt *mt)
    uint64_t fnn_mt_next64(fnn_mt *mt)
    double fnn_mt_double(fnn_mt *mt)
    float fnn_mt_float(fnn_mt *mt)
    void fnn_uniform_f32(fnn_mt *mt, float *out, int64_t n, float low, float high)
    void fnn_uniform_f64(fnn_mt *mt, double *out, int64_t n, double low, double high)
    void fnn_normal_f32(fnn_mt *mt, float *out, int64_t n, float mean, float std)
    void fnn_normal_f64(fnn_mt *mt, double *out, int64_t n, double mean, double std)
    void fnn_permute(fnn_mt *mt, int64_t *out, int64_t n)
    void fnn_bernoulli(fnn_mt *mt, uint8_t *out, int64_t n, double p)

np.import_array()

__all__ = ["Generator", "default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "memory_order",
           "seed", "set_rng_state"]

cdef double PI = 3.141592653589793
DEFAULT_SEED = 67280421310721
cdef object rounded = dtypes.as_gradient  # numbers as another dtype holds them

# PyTorch's saved state of a CPU generator, byte for byte.
cdef object STATE = numpy.dtype({
    "names": ["seed", "left", "seeded", "next", "state", "normal_x", "normal_y", "normal_rho", "has_normal",
              "normal_f32", "has_normal_f32"],
    "formats": ["<u8", "<i4", "<i4", "<u8", ("<u8", (624,)), "<f8", "<f8", "<f8", "<i4", "<f4", "?"],
    "offsets": [0, 8, 12, 16, 24, 5016, 5024, 5032, 5040, 5048, 5052], "itemsize": 5056})

cdef enum:
    NORMAL, EXPONENTIAL, LOG_NORMAL, CAUCHY, GEOMETRIC


tensor_of = None  # array -> tensor, set by `fastnn.ops.creation`, which stands above this module


cdef uint64_t seed_bits(seed) except? 0:
    seed = int(seed)
    if not -0x8000000000000000 <= seed <= 0xffffffffffffffff:
        raise OptionError(f"manual_seed: expected a seed of 64 bits, got {seed}")
    return seed & 0xffffffffffffffff


cdef bint plain(np.ndarray out):
    return np.PyArray_ISCARRAY(out)


cpdef list memory_order(np.ndarray x):
    """The dimensions of an array from that of the largest stride to that of the smallest; those of stride 0 stay.

    Parameters
    ----------
    x : ndarray
    """
    cdef int i, place, other
    cdef np.npy_intp step, before
    cdef list order = list(range(x.ndim))
    for i in range(x.ndim - 2, -1, -1):
        place = i
        step = abs(np.PyArray_STRIDE(x, i))
        for other in range(i + 1, x.ndim):
            before = abs(np.PyArray_STRIDE(x, order[other]))
            if step == 0 or before == 0:
                continue
            if step > before or step == before and np.PyArray_DIM(x, i) >= np.PyArray_DIM(x, order[other]):
                break
            order[place], order[other] = order[other], i
            place = other
    return order


cdef staging(np.ndarray out, kind):
    """A C-contiguous array to fill in place of `out`, whose elements are drawn in the order they have in memory."""
    if not out.flags.writeable:
        raise ValueError("random: the output array is read-only")
    order = memory_order(out)
    return numpy.empty([out.shape[axis] for axis in order], numpy.dtype(kind).newbyteorder("=")), order


cdef bint narrow(str op, np.ndarray out) except -1:
    """Whether numbers are drawn wider than `out` holds and rounded; DTypeError of dtypes that hold none."""
    cdef int kind = np.PyArray_TYPE(out)
    if kind == np.NPY_FLOAT16 or kind == np.NPY_VOID and out.dtype == dtypes.bfloat16.numpy:
        return True
    if kind != np.NPY_FLOAT and kind != np.NPY_DOUBLE:
        raise DTypeError(f"{op}: expected an array of floating-point numbers, got {out.dtype}")
    return False


cdef class Generator:
    """A stream of random numbers, equal to ``torch.Generator(device="cpu")`` of the same seed.

    MT19937 (Matsumoto & Nishimura 1998), seeded from the low 32 bits of the seed. The methods fill NumPy arrays; each
    says which of PyTorch's functions it equals. One generator must not be used by two threads at once; the methods hold
    the GIL.

    Parameters
    ----------
    device : str or device
        The CPU; another is a ValueError.

    Examples
    --------
    >>> generator = fastnn.Generator().manual_seed(0)
    >>> fastnn.randperm(5, generator=generator)
    tensor([4, 0, 1, 3, 2])
    """

    def __cinit__(self, device="cpu"):
        if str(device).partition(":")[0] != "cpu":
            raise OptionError(f"Generator: fastnn runs on the CPU only, got device {str(device)!r}")
        fnn_mt_seed(&self.mt, DEFAULT_SEED)
        self.has_normal = self.has_normal_f32 = False

    @property
    def device(self):
        """The device: always the CPU."""
        return dtypes.device("cpu")

    def __repr__(self):
        return "<fastnn.Generator of device cpu>"

    def manual_seed(self, seed):
        """Restart the stream from `seed` (an integer of 64 bits, negative ones allowed) and return the generator."""
        fnn_mt_seed(&self.mt, seed_bits(seed))
        self.has_normal = self.has_normal_f32 = False
        return self

    def initial_seed(self):
        """The seed that the stream started from."""
        return self.mt.seed

    def seed(self):
        """Restart from a seed of the operating system's and return it."""
        cdef uint64_t seed = int.from_bytes(os.urandom(8), "little")
        self.manual_seed(seed)
        return seed

    # ---- state ----

    def state_array(self):
        """The state as 5056 bytes in PyTorch's layout, as a uint8 array."""
        data = numpy.zeros((), STATE)
        data["seed"] = self.mt.seed
        data["left"] = self.mt.left
        data["seeded"] = 1
        data["next"] = self.mt.next
        data["state"] = numpy.array(<uint32_t[:624]>self.mt.state)
        data["has_normal"] = self.has_normal
        data["normal_y"] = self.next_normal if self.has_normal else 0
        data["has_normal_f32"] = self.has_normal_f32
        data["normal_f32"] = self.next_normal_f32 if self.has_normal_f32 else 0
        return numpy.frombuffer(data.tobytes(), numpy.uint8).copy()

    def get_state(self):
        """The state as a uint8 Tensor of 5056 bytes, in PyTorch's layout."""
        return tensor_of(self.state_array())

    def set_state(self, new_state):
        """Continue from a state of `get_state`, this library's or PyTorch's.

        TypeError unless it is of uint8, ValueError unless it is a valid state of 5056 bytes.
        """
        raw = numpy.asarray(new_state)
        if raw.dtype != numpy.uint8:
            raise DTypeError(f"set_state: expected a uint8 state, got {raw.dtype}")
        if raw.shape != (STATE.itemsize,):
            raise ShapeError(f"set_state: expected a state of {STATE.itemsize} bytes, got shape {raw.shape}")
        data = numpy.frombuffer(raw.tobytes(), STATE)[0]
        left, next_word = int(data["left"]), int(data["next"])
        if (left, next_word) != (1, 0) and not (1 <= left <= 624 and left + next_word == 625):
            raise OptionError("set_state: the bytes are not a generator's state")
        words = data["state"]
        if words.max() > 0xffffffff:
            raise OptionError("set_state: the bytes are not a generator's state")
        self.mt.seed = data["seed"]
        self.mt.left = left
        self.mt.next = next_word
        cdef int i
        for i in range(624):
            self.mt.state[i] = words[i]
        self.has_normal = data["has_normal"] != 0
        self.next_normal = data["normal_y"]
        self.has_normal_f32 = data["has_normal_f32"] != 0
        self.next_normal_f32 = data["normal_f32"]
        return self

    def clone_state(self):
        """A new generator that goes on from the same state."""
        cdef Generator other = Generator()
        other.mt = self.mt
        other.has_normal, other.next_normal = self.has_normal, self.next_normal
        other.has_normal_f32, other.next_normal_f32 = self.has_normal_f32, self.next_normal_f32
        return other

    def exchange(self, Generator other):
        """Exchange the states of two generators."""
        self.mt, other.mt = other.mt, self.mt
        self.has_normal, other.has_normal = other.has_normal, self.has_normal
        self.next_normal, other.next_normal = other.next_normal, self.next_normal
        self.has_normal_f32, other.has_normal_f32 = other.has_normal_f32, self.has_normal_f32
        self.next_normal_f32, other.next_normal_f32 = other.next_normal_f32, self.next_normal_f32

    def __reduce__(self):
        return restore, (self.state_array(),)

    # ---- draws ----

    cpdef int64_t random63(self):
        """63 random bits, as ``torch.empty((), dtype=torch.int64).random_()``, by which PyTorch draws a seed."""
        return <int64_t>(fnn_mt_next64(&self.mt) & 0x7fffffffffffffffULL)

    cpdef np.ndarray uniform(self, np.ndarray out, double low=0.0, double high=1.0):
        """Fill `out` (of floating-point numbers) from the uniform distribution on [low, high), as ``Tensor.uniform_``.

        ValueError for low > high, or high - low above the dtype's largest number.
        """
        if not low <= high:
            raise OptionError(f"uniform_ expects to return a [from, to) range, but found from={low} > to={high}")
        cdef int typenum = np.PyArray_TYPE(out)
        cdef bint small = narrow("uniform", out)
        if high - low > (65504.0 if typenum == np.NPY_FLOAT16 else 1.7976931348623157e308 if typenum == np.NPY_DOUBLE
                         else 3.4028234663852886e38):
            raise OptionError(f"uniform_ expects to-from <= the largest {out.dtype}, but found to={high} and "
                              f"from={low} which result in to-from to exceed the limit")
        if small or not plain(out):
            buffer, order = staging(out, numpy.float32 if small else out.dtype)
            self.uniform(buffer, low, high)
            if small:  # numbers that rounding would make the end of the range are its beginning, as PyTorch has it
                buffer[rounded(buffer, out.dtype) == rounded(numpy.float32(high), out.dtype)] = low
            out.transpose(order)[...] = rounded(buffer, out.dtype)
        elif typenum == np.NPY_FLOAT:
            fnn_uniform_f32(&self.mt, <float *>np.PyArray_DATA(out), np.PyArray_SIZE(out), <float>low, <float>high)
        else:
            fnn_uniform_f64(&self.mt, <double *>np.PyArray_DATA(out), np.PyArray_SIZE(out), low, high)
        return out

    cpdef np.ndarray normal(self, np.ndarray out, double mean=0.0, double std=1.0):
        """Fill `out` (of floating-point numbers) from the normal distribution, as ``Tensor.normal_``.

        Sixteen elements or more in one piece come from Box-Muller in blocks of the array's dtype; fewer, or an array
        with gaps, from Box-Muller one by one in float64, whose second number waits for the next such draw.
        """
        if not std >= 0.0:
            raise OptionError(f"normal expects std >= 0.0, but found std {std}")
        cdef int64_t n = np.PyArray_SIZE(out)
        cdef bint small = narrow("normal", out)
        if n < 16 or not plain(out):
            return self.serial(out, NORMAL, mean, std)
        if small:
            made = numpy.empty(n, numpy.float32)  # what is beyond whole blocks of sixteen is a block of its own
            made[:n // 16 * 16] = self.normal(numpy.empty(n // 16 * 16, numpy.float32), mean, std)
            if n % 16:
                made[n - 16:] = self.normal(numpy.empty(16, numpy.float32), mean, std)
            out[...] = rounded(made, out.dtype).reshape((<object>out).shape)
        elif np.PyArray_TYPE(out) == np.NPY_FLOAT:
            fnn_normal_f32(&self.mt, <float *>np.PyArray_DATA(out), n, <float>mean, <float>std)
        else:
            fnn_normal_f64(&self.mt, <double *>np.PyArray_DATA(out), n, mean, std)
        return out

    cdef double scalar_normal(self) noexcept:
        cdef double u1, u2, radius
        if self.has_normal:
            self.has_normal = False
            return self.next_normal
        u1 = fnn_mt_double(&self.mt)
        u2 = fnn_mt_double(&self.mt)
        radius = sqrt(-2.0 * log1p(-u2))
        self.next_normal = radius * sin(2.0 * PI * u1)
        self.has_normal = True
        return radius * cos(2.0 * PI * u1)

    cdef np.ndarray serial(self, np.ndarray out, int op, double a, double b):
        """Draws made one by one in float64 and rounded."""
        cdef int typenum = np.PyArray_TYPE(out)
        cdef int64_t i, n = np.PyArray_SIZE(out)
        cdef double y = 0.0
        cdef float *f32
        cdef double *f64
        cdef bint small = narrow("random", out)
        if small or not plain(out):
            buffer, order = staging(out, numpy.float64 if small else out.dtype)
            out.transpose(order)[...] = rounded(self.serial(buffer, op, a, b), out.dtype)
            return out
        f32 = <float *>np.PyArray_DATA(out)
        f64 = <double *>np.PyArray_DATA(out)
        for i in range(n):
            if op == NORMAL:
                y = self.scalar_normal() * b + a
            elif op == EXPONENTIAL:
                y = -1.0 / a * log1p(-fnn_mt_double(&self.mt))
            elif op == LOG_NORMAL:
                y = exp(self.scalar_normal() * b + a)
            elif op == CAUCHY:
                y = a + b * tan(PI * (fnn_mt_double(&self.mt) - 0.5))
            else:
                y = ceil(log(fnn_mt_double(&self.mt)) / log1p(-a))
            if typenum == np.NPY_FLOAT:
                f32[i] = <float>y
            else:
                f64[i] = y
        return out

    cpdef np.ndarray exponential(self, np.ndarray out, double lambd=1.0):
        """Fill `out` from the exponential distribution of rate `lambd`, as ``Tensor.exponential_``."""
        if not lambd > 0.0:
            raise OptionError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
        return self.serial(out, EXPONENTIAL, lambd, 0.0)

    def log_normal(self, np.ndarray out, double mean=1.0, double std=2.0):
        """Fill `out` with exponentials of normal numbers, as ``Tensor.log_normal_``."""
        if not std > 0.0:
            raise OptionError(f"log_normal_ expects std > 0.0, but found std={std}")
        return self.serial(out, LOG_NORMAL, mean, std)

    def cauchy(self, np.ndarray out, double median=0.0, double sigma=1.0):
        """Fill `out` from the Cauchy distribution, as ``Tensor.cauchy_``."""
        if not sigma > 0.0:
            raise OptionError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
        return self.serial(out, CAUCHY, median, sigma)

    def geometric(self, np.ndarray out, double p):
        """Fill `out` with numbers of trials until a success of probability `p`, as ``Tensor.geometric_``."""
        if not 0.0 < p < 1.0:
            raise OptionError(f"geometric_ expects p to be in (0, 1), but got p={p}")
        if out.dtype.kind in "iu":
            out[...] = self.serial(numpy.empty(numpy.shape(out)), GEOMETRIC, p, 0.0)
            return out
        return self.serial(out, GEOMETRIC, p, 0.0)

    cpdef np.ndarray random(self, np.ndarray out, low=None, high=None):
        """Fill `out` (any dtype) with integers, as ``Tensor.random_``.

        Without bounds: 0 .. the dtype's largest integer (2**24 for float32, 2**53 for float64). With `high` alone
        or ``low=None``: 0 .. high - 1. With both: low .. high - 1.
        """
        cdef int64_t i, n = np.PyArray_SIZE(out), base
        cdef uint64_t span
        cdef int64_t *values
        cdef bint wide
        kind, bits = "f" if out.dtype == dtypes.bfloat16.numpy else out.dtype.kind, 8 * out.dtype.itemsize
        if kind not in "biuf":
            raise DTypeError(f"random_: expected integers, booleans or floating-point numbers, got {out.dtype}")
        beyond = {"b": 2, "i": 1 << bits - 1, "u": 1 << bits,
                  "f": 257 if out.dtype.kind == "V" else {32: 16777217, 64: 9007199254740993}.get(bits, 2049)}[kind]
        if low is None and high is None:
            base, limit, wide = 0, beyond, bits == 64
        else:
            low, high = (0 if low is None else int(low)), (beyond if high is None else int(high))
            if low >= high:
                raise OptionError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
            if kind == "f":
                most = dtypes.finfo(dtypes.from_numpy(out.dtype)).max
                least = -most
            else:
                least, most = (0, 1) if kind == "b" else (numpy.iinfo(out.dtype).min, numpy.iinfo(out.dtype).max)
            if not least <= low <= most:
                raise OptionError(f"from is out of bounds for {out.dtype}: {low}")
            if not least <= high - 1 <= most:
                raise OptionError(f"to - 1 is out of bounds for {out.dtype}: {high - 1}")
            if not -(1 << 63) <= low < 1 << 63 or high - low > 1 << 64:
                raise OptionError(f"random_: the range {low} .. {high} has more than 64 bits")
            limit, base = high - low, low
            wide = limit >= 1 << 28
        buffer, order = staging(out, out.dtype)
        draws = numpy.empty(n, numpy.int64)
        values = <int64_t *>np.PyArray_DATA(<np.ndarray>draws)
        if limit >= 1 << 64:
            for i in range(n):
                values[i] = <int64_t>fnn_mt_next64(&self.mt)
        elif wide:
            span = limit
            for i in range(n):
                values[i] = <int64_t>(fnn_mt_next64(&self.mt) % span) + base
        else:
            span = limit
            for i in range(n):
                values[i] = <int64_t>(fnn_mt_next(&self.mt) % span) + base
        out.transpose(order)[...] = rounded(draws.reshape(buffer.shape), out.dtype)
        return out

    cpdef np.ndarray randint(self, low, high, shape, dtype=numpy.int64):
        """New array of integers from low .. high - 1, as ``torch.randint``."""
        if low >= high:
            raise OptionError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
        return self.random(numpy.empty(shape, dtype), low, high)

    cpdef np.ndarray randperm(self, int64_t n):
        """A permutation of 0 .. n - 1 as int64, as ``torch.randperm``."""
        if n < 0:
            raise OptionError(f"randperm: n must be non-negative, got {n}")
        cdef np.npy_intp size = n
        cdef np.ndarray out = np.PyArray_EMPTY(1, &size, np.NPY_INT64, 0)
        cdef int64_t *values = <int64_t *>np.PyArray_DATA(out)
        cdef int64_t i, j
        if n < 0xffffffff // 20:
            fnn_permute(&self.mt, values, n)
        else:
            for i in range(n):
                j = <int64_t>(fnn_mt_next64(&self.mt) % <uint64_t>(i + 1))
                values[i] = i
                values[i] = values[j]
                values[j] = i
        return out

    cdef int hits(self, np.ndarray out, double p) except -1:
        """Fill `out`, contiguous bytes, with 1 of probability `p`, else 0."""
        if not 0.0 <= p <= 1.0:
            raise OptionError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
        fnn_bernoulli(&self.mt, <uint8_t *>np.PyArray_DATA(out), np.PyArray_SIZE(out), p)
        return 0

    cpdef np.ndarray bernoulli(self, np.ndarray out, p=0.5):
        """Fill `out` (any dtype) with 1 of probability `p`, else 0, as ``Tensor.bernoulli_``.

        `p` is one probability, or an array of them (float32 or float64) that broadcasts to `out`.
        """
        cdef int64_t i, n = np.PyArray_SIZE(out)
        cdef uint8_t *hits
        cdef double *p64
        cdef float *p32
        cdef np.ndarray chances
        if not isinstance(p, numpy.ndarray):
            buffer, order = staging(out, out.dtype)
            flags = numpy.empty(buffer.shape, numpy.bool_)
            self.hits(flags, p)
            out.transpose(order)[...] = flags
            return out
        if p.dtype != numpy.float32 and p.dtype != numpy.float64:
            raise DTypeError(f"bernoulli: expected probabilities as floating-point numbers, got {p.dtype}")
        try:
            chances = numpy.ascontiguousarray(numpy.broadcast_to(p, numpy.shape(out)))
        except ValueError:
            raise ShapeError(f"bernoulli: probabilities of shape {p.shape} do not fit {numpy.shape(out)}") from None
        if n and not ((chances >= 0) & (chances <= 1)).all():
            raise OptionError("Expected p_in >= 0 && p_in <= 1 to be true, but got false: bernoulli: a probability is "
                              "outside of [0, 1]")
        flags = numpy.empty(numpy.shape(out), numpy.uint8)
        hits = <uint8_t *>np.PyArray_DATA(<np.ndarray>flags)
        if np.PyArray_TYPE(chances) == np.NPY_DOUBLE:
            p64 = <double *>np.PyArray_DATA(chances)
            for i in range(n):
                hits[i] = fnn_mt_double(&self.mt) < p64[i]
        else:
            p32 = <float *>np.PyArray_DATA(chances)
            for i in range(n):
                hits[i] = fnn_mt_float(&self.mt) < p32[i]
        out[...] = flags
        return out

    def multinomial(self, weights, int64_t num_samples, bint replacement=False):
        """Indices drawn in proportion to `weights` (categories,) or (rows, categories), as ``torch.multinomial``."""
        weights = numpy.asarray(weights)
        if weights.dtype not in (numpy.float32, numpy.float64):
            raise DTypeError(f"multinomial: expected float32 or float64 weights, got {weights.dtype}")
        if weights.ndim not in (1, 2):
            raise ShapeError(f"multinomial: prob_dist must be 1 or 2 dim, got shape {weights.shape}")
        count = weights.shape[weights.ndim - 1]
        if num_samples <= 0:
            raise OptionError("cannot sample n_sample <= 0 samples")
        if not replacement and num_samples > count:
            raise OptionError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
        if not (numpy.isfinite(weights).all() and (weights >= 0).all()):
            raise OptionError("probability tensor contains either `inf`, `nan` or element < 0")
        if weights.size == 0:
            return numpy.empty(weights.shape[:weights.ndim - 1] + (num_samples,), numpy.int64)
        if (weights.sum(-1) == 0).any():
            raise OptionError("invalid multinomial distribution (sum of probabilities <= 0)")
        rows = weights.reshape(-1, count)
        if not replacement or num_samples == 1:
            scores = rows / self.exponential(numpy.empty_like(rows))
            if num_samples == 1:
                out = scores.argmax(-1)[:, None]
            else:
                out = numpy.argsort(-scores, -1, kind="stable")[:, :num_samples]
        else:
            out = numpy.empty((len(rows), num_samples), numpy.int64)
            for row, result in zip(rows, out):
                total = numpy.cumsum(row)
                total /= total[count - 1]
                draws = self.uniform(numpy.empty(num_samples))
                result[...] = numpy.minimum(numpy.searchsorted(total.astype(numpy.float64), draws), count - 1)
        out = numpy.ascontiguousarray(out, numpy.int64)
        return out[0] if weights.ndim == 1 else out


def restore(state):
    """A generator of this state (unpickling)."""
    return Generator().set_state(state)


default_generator = Generator()
default_generator.seed()


def manual_seed(seed):
    """Restart the global stream from a seed and return its generator (torch.manual_seed).

    Parameters
    ----------
    seed : int
        Of 64 bits; may be negative.

    Examples
    --------
    >>> _ = manual_seed(0)
    >>> fastnn.rand(3)
    tensor([0.4963, 0.7682, 0.0885])
    """
    return default_generator.manual_seed(seed)


def seed():
    """Restart the global stream from a seed of the operating system, and return the seed (torch.seed)."""
    return default_generator.seed()


def initial_seed():
    """The seed that the global stream started from (torch.initial_seed).

    Examples
    --------
    >>> manual_seed(7).initial_seed() == initial_seed() == 7
    True
    """
    return default_generator.initial_seed()


def get_rng_state():
    """The state of the global stream, a uint8 Tensor of 5056 bytes (torch.get_rng_state).

    Examples
    --------
    >>> get_rng_state().shape
    torch.Size([5056])
    """
    return default_generator.get_state()


def set_rng_state(new_state):
    """Continue the global stream from a state (torch.set_rng_state); errors as in `Generator.set_state`.

    Parameters
    ----------
    new_state : Tensor of uint8
        This library's or PyTorch's.

    Examples
    --------
    >>> state, first = get_rng_state(), fastnn.rand(2)
    >>> set_rng_state(state)
    >>> bool((fastnn.rand(2) == first).all())
    True
    """
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices=None, enabled=True, device_type="cpu"):
    """Context after which the global stream continues as before it (torch.random.fork_rng).

    Parameters
    ----------
    enabled : bool
        False: nothing is restored. `devices` and `device_type` have no effect.

    Examples
    --------
    >>> with fork_rng():
    ...     first = fastnn.rand(2)
    >>> bool((fastnn.rand(2) == first).all())
    True
    """
    state = default_generator.state_array()
    try:
        yield
    finally:
        if enabled:
            default_generator.set_state(state)
