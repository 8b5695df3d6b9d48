"""Times of statements, as ``torch.utils.benchmark``: `Timer` makes `Measurement`, `Compare` a table of them."""
from fastnn.utils.benchmark.compare import Compare
from fastnn.utils.benchmark.measurement import Measurement, TaskSpec, select_unit
from fastnn.utils.benchmark.timer import Language, Timer, timer

__all__ = ["Compare", "Language", "Measurement", "TaskSpec", "Timer", "select_unit", "timer"]
