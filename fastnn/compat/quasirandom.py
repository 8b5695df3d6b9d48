"""``torch.quasirandom``: Sobol's sequences."""
import numpy as np

from fastnn import dtypes, random
from fastnn.ops import creation
from fastnn.ops._common import need_tensors
from fastnn.ops.sampling import randint

__all__ = ["SobolEngine"]


class SobolEngine:
    """Points of a Sobol sequence in [0, 1)^dimension, with PyTorch's numbers for the same seeds.

    Point 0 is 0; point n + 1 is point n with the direction number of n's lowest zero bit added bit by bit (modulo 2).
    Scrambling multiplies the direction numbers by a random lower triangular matrix of bits per dimension and adds a
    random shift. Directions: Joe and Kuo (2008), read from SciPy. Same as torch.quasirandom.SobolEngine.

    Parameters
    ----------
    dimension : int
        1 to 21201.
    scramble : bool, default False
    seed : int, optional
        Of the scrambling; the default stream without it.

    Raises
    ------
    ValueError
        A dimension outside 1 to 21201.
    ImportError
        SciPy is not installed.

    Examples
    --------
    >>> from fastnn.compat import quasirandom
    >>> quasirandom.SobolEngine(2).draw(3)
    tensor([[0.0000, 0.0000],
            [0.5000, 0.5000],
            [0.7500, 0.2500]])
    """

    MAXBIT, MAXDIM = 30, 21201

    def __init__(self, dimension, scramble=False, seed=None):
        if not 1 <= dimension <= self.MAXDIM:
            raise ValueError(f"Supported range of dimensionality for SobolEngine is [1, {self.MAXDIM}]")
        self.dimension, self.scramble, self.seed = dimension, scramble, seed
        self._directions = _directions(dimension, self.MAXBIT)
        self._shift = np.zeros(dimension, np.int64)
        if scramble:
            self._scramble()
        self.reset()

    def _scramble(self):
        generator = None if self.seed is None else random.Generator().manual_seed(self.seed)
        bits = self.MAXBIT
        self._shift = randint(2, (self.dimension, bits), generator=generator).numpy() @ (1 << np.arange(bits))
        mix = np.tril(randint(2, (self.dimension, bits, bits), generator=generator).numpy(), -1)
        mix += np.eye(bits, dtype=mix.dtype)
        down = np.arange(bits - 1, -1, -1)
        theirs = self._directions[:, :, None] >> down & 1  # of each direction, from its highest
        self._directions = np.matmul(theirs, mix.swapaxes(-1, -2)) % 2 @ (1 << down)

    def reset(self):
        """Begin again; the engine itself."""
        self._point, self.num_generated = self._shift, 0
        return self

    def fast_forward(self, n):
        """Leave out `n` points; the engine itself."""
        if n > 0:
            last = self.num_generated + n - 1
            chosen = self._directions[:, (last ^ last >> 1) >> np.arange(self.MAXBIT) & 1 == 1]
            self._point = np.bitwise_xor.reduce(chosen, 1) ^ self._shift
            self.num_generated += n
        return self

    def draw(self, n=1, out=None, dtype=None):
        """The next `n` points, (n, dimension).

        Parameters
        ----------
        n : int, default 1
        out : Tensor, optional
            Takes the result, and its shape.
        dtype : dtype, optional
            The default dtype without it.
        """
        kind = dtypes.get_default_dtype() if dtype is None else dtype
        if not isinstance(kind, dtypes.dtype):
            raise TypeError(f"SobolEngine.draw(): argument 'dtype' must be torch.dtype, not {type(kind).__name__}")
        if self.num_generated + n > 1 << self.MAXBIT:
            raise ValueError(f"SobolEngine.draw: the sequence has {1 << self.MAXBIT} points")
        new = np.arange(max(self.num_generated, 1), self.num_generated + n)
        steps = self._directions.T[np.log2(new & -new).astype(int)]
        points = np.bitwise_xor.accumulate(np.concatenate([self._point[None], steps]), 0)
        if n:
            self._point = points[-1]
        points = points[len(points) - n:] / (1 << self.MAXBIT)
        self.num_generated += n
        if out is not None:
            need_tensors("SobolEngine.draw", out)
        made = creation.tensor(points.astype(kind.name), dtype=kind)
        return made if out is None else out.resize_(made.shape).copy_(made)

    def draw_base2(self, m, out=None, dtype=None):
        """The next 2**m points; ValueError unless that makes their number a power of 2."""
        if not 0 <= m < 64:
            raise ValueError(f"SobolEngine.draw_base2: expected m of 0 to 63, got {m}")
        total = self.num_generated + (1 << m)
        if total & total - 1:
            raise ValueError(f"The balance properties of Sobol' points require n to be a power of 2. "
                             f"{self.num_generated} points have been previously generated, then: "
                             f"n={self.num_generated}+2**{m}={total}. If you still want to do this, please use "
                             f"'SobolEngine.draw()' instead.")
        return self.draw(1 << m, out, dtype)

    def __repr__(self):
        text = [f"dimension={self.dimension}"]
        if self.scramble:
            text.append("scramble=True")
        if self.seed is not None:
            text.append(f"seed={self.seed}")
        return f"{type(self).__name__}({', '.join(text)})"


def _directions(dimension, bits):
    """(dimension, bits) direction numbers, the first ones in the highest bits."""
    try:
        from scipy.stats import qmc
    except ImportError as error:
        raise ImportError("SobolEngine reads its direction numbers from SciPy: pip install scipy") from error
    return qmc.Sobol(dimension, scramble=False, bits=bits)._sv.astype(np.int64)
