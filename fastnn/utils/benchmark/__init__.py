"""Times of statements, as ``torch.utils.benchmark``: `Timer` makes `Measurement`, `Compare` a table of them."""
from fastnn.utils.benchmark.compare import Compare
from fastnn.utils.benchmark.measurement import Measurement, TaskSpec, select_unit
from fastnn.utils.benchmark.timer import Timer, timer

__all__ = ["Compare", "Measurement", "TaskSpec", "Timer", "select_unit", "timer"]
