"""Measures statements, with a fixed number of threads."""
import enum
import textwrap
import time
import timeit

import fastnn
from fastnn import config
from fastnn.utils.benchmark.measurement import Measurement, TaskSpec

timer = time.perf_counter


class Language(enum.Enum):
    """What a `Timer`'s statement is written in; only Python is run.

    Parameters
    ----------
    value : {0, 1}

    Examples
    --------
    >>> fastnn.utils.benchmark.Language(0).name
    'PYTHON'
    """

    PYTHON = 0
    CPP = 1


class Timer:
    """Measures how long a statement takes, on one thread unless more are asked for.

    Same as torch.utils.benchmark.Timer for Python statements.

    Parameters
    ----------
    stmt, setup, global_setup : str
        The statement, what runs before each measurement, what runs once.
    timer : callable
    globals : dict, optional
        Names that the statement may use.
    label, sub_label, description, env : str, optional
        Names for tables.
    num_threads : int
    language : str
        Python alone.

    Raises
    ------
    NotImplementedError
        Another language.

    Examples
    --------
    >>> from fastnn.utils import benchmark
    >>> m = benchmark.Timer("x + 1", globals={"x": fastnn.ones(3)}).timeit(10)
    >>> m.number_per_run, m.mean > 0
    (10, True)
    """

    def __init__(self, stmt="pass", setup="pass", global_setup="", timer=timer, globals=None, label=None,  # noqa: A002
                 sub_label=None, description=None, env=None, num_threads=1, language="python"):
        if not isinstance(stmt, str):
            raise ValueError("Only a `str` stmt is supported.")
        if str(language).lower().rpartition(".")[2] not in ("python", "py", "0"):
            raise NotImplementedError(f"benchmark.Timer: language={language!r} is not implemented, Python alone")
        self._globals = dict(globals or {})
        for name in ("torch", "fastnn"):
            self._globals.setdefault(name, fastnn)
        stmt, setup = textwrap.dedent(stmt).strip(), textwrap.dedent(setup).strip()
        if global_setup:
            exec(textwrap.dedent(global_setup), self._globals)
        self._task = TaskSpec(stmt, setup, global_setup, label, sub_label, description, env, num_threads)
        self._timer = timeit.Timer(stmt, setup, timer, self._globals)

    def _run(self, number):
        with config.num_threads(self._task.num_threads):
            return max(self._timer.timeit(number), 1e-9)

    def timeit(self, number=1000000):
        """One measurement of `number` runs, after some to warm up.

        Parameters
        ----------
        number : int

        Returns
        -------
        Measurement
        """
        self._run(max(number // 100, 2))
        return Measurement(number, [self._run(number)], self._task)

    def repeat(self, repeat=-1, number=-1):
        """Not implemented, as in PyTorch."""
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def autorange(self, callback=None):
        """Not implemented, as in PyTorch."""
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def _block(self, min_run_time):
        """How many runs take about a hundredth of `min_run_time`, or at least 1 ms."""
        number, least = 1, max(min_run_time / 100, 1e-3)
        self._run(1)
        while (taken := self._run(number)) < least and number < 10**9:
            number = max(number * 2, min(int(number * least / taken), number * 10))
        return number

    def blocked_autorange(self, callback=None, min_run_time=0.2):
        """Measurements in blocks of runs, so many that all take `min_run_time` seconds.

        Parameters
        ----------
        callback : callable, optional
            Called with (number of runs, seconds) after each block.
        min_run_time : float

        Returns
        -------
        Measurement
        """
        number, times = self._block(min_run_time), []
        while not times or sum(times) < min_run_time:
            times.append(self._run(number))
            if callback is not None:
                callback(number, times[-1])
        return Measurement(number, times, self._task)

    def adaptive_autorange(self, threshold=0.1, *, min_run_time=0.01, max_run_time=10.0, callback=None):
        """Like `blocked_autorange`, until the quartiles of the times are within `threshold` of the median.

        Parameters
        ----------
        threshold, min_run_time, max_run_time : float
        callback : callable, optional

        Returns
        -------
        Measurement
        """
        number, times = self._block(min_run_time), []
        while True:
            times.append(self._run(number))
            if callback is not None:
                callback(number, times[-1])
            found = Measurement(number, times, self._task)
            if sum(times) >= max_run_time or (sum(times) >= min_run_time and len(times) > 3
                                              and found.iqr < threshold * found.median):
                return found
