"""What was measured, and of what."""
import dataclasses
import math

import numpy as np

UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
NAMES = {"ns": "nanoseconds", "us": "microseconds", "ms": "milliseconds", "s": "seconds"}


def select_unit(t):
    """(unit, its seconds) that suits a time.

    Parameters
    ----------
    t : float
        Seconds.

    Examples
    --------
    >>> fastnn.utils.benchmark.select_unit(0.002)
    ('ms', 0.001)
    """
    unit = next((name for name, seconds in reversed(UNITS.items()) if t >= seconds), "ns")
    return unit, UNITS[unit]


def trim_sigfig(x, n):
    """A number rounded to n significant digits."""
    return float(f"{x:.{n - 1}e}") if x else 0.0


@dataclasses.dataclass(frozen=True)
class TaskSpec:
    """What a `Timer` runs, with the names that tables give it.

    Parameters
    ----------
    stmt, setup, global_setup : str
    label, sub_label, description, env : str, optional
    num_threads : int

    Examples
    --------
    >>> fastnn.utils.benchmark.TaskSpec("x + 1", "", label="add").title
    'add'
    """

    stmt: str
    setup: str
    global_setup: str = ""
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    env: str | None = None
    num_threads: int = 1

    @property
    def title(self):
        """The label, or the statement, with the sub-label."""
        if self.label is not None:
            return self.label + (f": {self.sub_label}" if self.sub_label else "")
        if "\n" not in self.stmt:
            return self.stmt + (f": {self.sub_label}" if self.sub_label else "")
        return f"stmt:{f' ({self.sub_label})' if self.sub_label else ''}\n" + self.stmt


@dataclasses.dataclass(init=True, repr=False)
class Measurement:
    """Times of one statement: several measurements, each of `number_per_run` runs.

    Parameters
    ----------
    number_per_run : int
    raw_times : list of float
        Seconds of each measurement.
    task_spec : TaskSpec
    metadata : dict, optional

    Examples
    --------
    >>> from fastnn.utils import benchmark
    >>> m = benchmark.Measurement(10, [1.0, 2.0, 6.0], benchmark.TaskSpec("x", ""))
    >>> m.times, m.median, m.mean
    ([0.1, 0.2, 0.6], 0.2, 0.3)
    """

    number_per_run: int
    raw_times: list
    task_spec: TaskSpec
    metadata: dict | None = None

    def __getattr__(self, name):
        if name.startswith("_") or name == "task_spec":
            raise AttributeError(name)
        try:
            return getattr(self.task_spec, name)  # label, description, ...
        except AttributeError:
            raise AttributeError(f"'Measurement' object has no attribute {name!r}") from None

    @property
    def times(self):
        """Seconds of one run, from each measurement."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def mean(self):
        """The mean of `times`."""
        return sum(self.times) / len(self.times)

    @property
    def median(self):
        """The median of `times`."""
        return float(np.median(self.times))

    @property
    def iqr(self):
        """The distance of the quartiles."""
        low, high = np.quantile(self.times, [0.25, 0.75])
        return float(high - low)

    @property
    def significant_figures(self):
        """Digits that the spread of the times lets stand."""
        if len(self.times) < 2 or not self.median:
            return 1
        low, high = np.quantile(sorted(self.times)[:], [0.25, 0.75])
        width = max(float(high - low) / math.sqrt(len(self.times)), 1e-12 * self.median)
        return max(1, min(5, int(math.log10(self.median / width)) + 1))

    @property
    def has_warnings(self):
        """Whether the times spread by more than a tenth."""
        return len(self.times) > 1 and self.iqr > 0.1 * self.median

    @property
    def as_row_name(self):
        """The name of its row in a table."""
        return self.task_spec.sub_label or self.task_spec.stmt or "[Unknown]"

    @staticmethod
    def merge(measurements):
        """Measurements of the same task in one.

        Parameters
        ----------
        measurements : iterable of Measurement

        Returns
        -------
        list of Measurement
        """
        groups = {}
        for m in measurements:
            groups.setdefault((m.task_spec, m.number_per_run), []).append(m)
        return [Measurement(number, [t for m in group for t in m.raw_times], task)
                for (task, number), group in groups.items()]

    def __repr__(self):
        unit, scale = select_unit(self.median)
        lines = [f"{type(self).__module__}.{type(self).__name__} object", self.task_spec.title]
        if self.task_spec.description:
            lines.append(self.task_spec.description)
        if self.task_spec.setup not in ("", "pass"):
            lines.append(f"setup: {self.task_spec.setup}")
        single = len(self.times) == 1
        lines.append(f"  {'' if single else 'Median: '}{self.median / scale:.2f} {unit}")
        if not single:
            lines.append(f"  IQR:    {self.iqr / scale:.2f} {unit}")
        lines.append(f"  {len(self.times)} measurement{'s' * (not single)}, {self.number_per_run} runs"
                     f"{'' if single else 'per measurement'}, {self.task_spec.num_threads} "
                     f"thread{'s' * (self.task_spec.num_threads > 1)}")
        if self.has_warnings:
            lines.append("  WARNING: the times spread by more than 10 %")
        return "\n".join(lines)
