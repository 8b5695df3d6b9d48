"""Progress bars: Keras' own, and one around the batches of a loop that a program writes itself."""
import math
import os
import sys
import time

from fastnn.training.batches import length
from fastnn.training.messages import show

BAR = "\u2501"


def _dynamic():
    """Whether the output can be written over, as a terminal's and a notebook's can."""
    return (hasattr(sys.stdout, "isatty") and sys.stdout.isatty() or "ipykernel" in sys.modules
            or "posix" in sys.modules or "PYCHARM_HOSTED" in os.environ)


def _duration(seconds, unit):
    if seconds >= 1 or seconds == 0:
        return f" {seconds:.0f}s/{unit}"
    if seconds >= 1e-3:
        return f" {seconds * 1e3:.0f}ms/{unit}"
    return f" {seconds * 1e6:.0f}us/{unit}"


def _remaining(seconds):
    if seconds > 3600:
        return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d}:{int(seconds % 60):02d}"
    if seconds > 60:
        return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
    return f"{int(seconds)}s"


class Progbar:
    """A progress bar with the values of metrics.

    Parameters
    ----------
    target : int or None
        Number of steps; None if it is not known.
    width : int
        Of the bar, in characters.
    verbose : int
        0 nothing, 1 a bar, 2 a line at the end.
    interval : float
        Seconds between two updates of the bar.
    stateful_metrics, stateless_metrics : iterable of str, optional
        Only one of them: metrics that are shown as they come, or those that are averaged over the steps.
    unit_name : str
        What is counted.

    Examples
    --------
    >>> bar = keras.utils.Progbar(2, verbose=0)
    >>> bar.update(1, [("loss", 0.5)])
    """

    def __init__(self, target, width=20, verbose=1, interval=0.05, stateful_metrics=None, stateless_metrics=None,
                 unit_name="step"):
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Progbar: expected only one of `stateful_metrics` and `stateless_metrics`")
        self.target, self.width, self.verbose = target, width, verbose
        self.interval, self.unit_name = interval, unit_name
        self.stateful_metrics = set(stateful_metrics or ()) if stateless_metrics is None else None
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._dynamic_display = _dynamic()
        self._values = {}  # name -> [sum, count]
        self._seen_so_far = 0
        self._start = time.time()
        self._last_update = 0
        self._time_after_first_step = None
        self._prev_total_width = 0

    def due(self):
        """Whether an update now would be shown."""
        return self.verbose == 1 and time.time() - self._last_update >= self.interval

    def _averaged(self, name):
        return name in self.stateless_metrics if self.stateful_metrics is None else name not in self.stateful_metrics

    def update(self, current, values=None, finalize=None):
        """Show that `current` steps are done.

        Parameters
        ----------
        current : int
        values : list of (str, float)
            Names and values of metrics.
        finalize : bool, optional
            Whether this is the last update; by default whether `target` is reached.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or []:
            if self._averaged(name) and not finalize:
                count = max(current - self._seen_so_far, 1)
                before = self._values.setdefault(name, [0.0, 0])
                before[0] += value * count
                before[1] += count
            else:
                self._values[name] = [value, 1]
        self._seen_so_far = current
        now = time.time()
        step_time = self._step_time(current, now)
        if self.verbose == 1:
            if now - self._last_update < self.interval and not finalize:
                return
            self._draw(current, now, step_time, finalize)
        elif self.verbose == 2 and finalize and self.target:
            show(f"{self._count(current)} - {now - self._start:.0f}s -{_duration(step_time, self.unit_name)}"
                 f"{self._metrics()}")
        self._last_update = now

    def add(self, n, values=None):
        """Show that `n` more steps are done."""
        self.update(self._seen_so_far + n, values)

    def _step_time(self, current, now):
        """Seconds a step; the first one, which prepares much, does not count once there are others."""
        if not current:
            return 0
        if self._time_after_first_step is not None and current > 1:
            seconds = (now - self._time_after_first_step) / (current - 1)
        else:
            seconds = (now - self._start) / current
        if current == 1:
            self._time_after_first_step = now
        return seconds

    def _count(self, current):
        return f"{current:{int(math.log10(self.target)) + 1}d}/{self.target}"

    def _metrics(self):
        text = ""
        for name, (total, count) in self._values.items():
            value = float(total) / max(1, count)
            text += f" - {name}: " + (f"{value:.4f}" if abs(value) > 1e-3 else f"{value:.4e}")
        return text

    def _draw(self, current, now, step_time, finalize):
        if self.target:
            full = int(self.width * current / self.target)
            plain = f"{self._count(current)} {BAR * self.width}"
            bar = (f"\x1b[1m{self._count(current)}\x1b[0m " + (f"\x1b[32m{BAR * full}\x1b[0m" if full else "")
                   + f"\x1b[37m{BAR * (self.width - full)}\x1b[0m")
        else:
            plain = bar = f"{current:7d}/Unknown"
        span = _remaining(step_time * (self.target - current)) if self.target and not finalize else \
            f"{now - self._start:.0f}s"
        rest = _duration(step_time, self.unit_name) + self._metrics()
        width = len(plain) + 1 + len(span) + len(rest)
        start = "\b" * self._prev_total_width + "\r" if self._dynamic_display else "\n"
        show(f"{start}{bar} \x1b[1m{span}\x1b[0m{rest}" + " " * (self._prev_total_width - width)
             + ("\n" if finalize else ""), line_break=False)
        self._prev_total_width = width


class progress:
    """A progress bar around the batches of a loop, by tqdm where it is installed, else by `Progbar`.

    Parameters
    ----------
    batches : iterable
        A DataLoader, a list, a range.
    description : str
        Stands in front of the bar.
    total : int, optional
        How many batches; by default their ``len()``, if they have one.
    disable : bool
        Show nothing.
    **options
        tqdm's, such as `leave`, `file`, `mininterval`; ignored without it.

    Examples
    --------
    >>> from fastnn.training import progress
    >>> batches, total = progress([1.0, 2.0, 3.0], "epoch 1", disable=True), 0.0
    >>> for batch in batches:
    ...     total += batch
    ...     batches.set_postfix(loss=fastnn.tensor(total))
    >>> total
    6.0
    """

    def __init__(self, batches, description="", total=None, disable=False, **options):
        self.batches, self.description, self.disable, self.options = batches, description, disable, options
        self.total = length(batches) if total is None else total
        self._values, self._bar = {}, None

    def __len__(self):
        if self.total is None:
            raise TypeError("progress: its batches have no len(), and no `total` was given")
        return self.total

    def set_postfix(self, **values):
        """Show values (numbers, or tensors of one element) behind the bar, when it is drawn next."""
        self._values = {name: float(value) for name, value in values.items()}
        if self._bar is not None:
            self._bar.set_postfix(self._values, refresh=False)

    def __iter__(self):
        try:
            from tqdm.auto import tqdm
        except ImportError:
            tqdm = None
        if self.disable:
            return iter(self.batches)
        return self._plain() if tqdm is None else self._by(tqdm)

    def _by(self, tqdm):
        with tqdm(self.batches, desc=self.description or None, total=self.total,
                  **{"dynamic_ncols": True, **self.options}) as self._bar:
            yield from self._bar

    def _plain(self):
        if self.description:
            show(self.description)
        bar, done = Progbar(self.total), 0
        try:
            for done, batch in enumerate(self.batches, 1):
                yield batch
                if self.total is None or done < self.total:
                    bar.stateful_metrics |= self._values.keys()
                    bar.update(done, self._values.items(), finalize=False)
        finally:  # after the last batch, a break or an error
            bar.update(done, self._values.items(), finalize=True)
