"""``torch.profiler``: times of operations over a program's steps; what is noted is `fastnn.autograd.profiler`'s."""
import enum
import os
import time

from fastnn.autograd.profiler import EventList, _Run, record_function

__all__ = ["ProfilerAction", "ProfilerActivity", "profile", "record_function", "schedule", "supported_activities",
           "tensorboard_trace_handler"]


class ProfilerActivity(enum.Enum):
    """What may be timed: the CPU alone is."""

    CPU, XPU, MTIA, CUDA, HPU, PrivateUse1 = range(6)


class ProfilerAction(enum.Enum):
    """What a step of a schedule does."""

    NONE, WARMUP, RECORD, RECORD_AND_SAVE = range(4)


def supported_activities():
    """``{ProfilerActivity.CPU}``"""
    return {ProfilerActivity.CPU}


def schedule(*, wait, warmup, active, repeat=0, skip_first=0, skip_first_wait=0):
    """A function from a step's number to a `ProfilerAction`: cycles of waiting, warming up and recording.

    Parameters
    ----------
    wait, warmup, active : int
        Steps of a cycle.
    repeat : int
        Cycles; 0: without end.
    skip_first : int
        Steps before the first cycle.
    skip_first_wait : int
        Not 0: the first cycle does not wait.
    """
    if min(wait, warmup, repeat, skip_first) < 0 or active <= 0:
        raise AssertionError("Invalid profiler schedule arguments")

    def action(step):
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
        if skip_first_wait:
            step += wait
        cycle, place = divmod(step, wait + warmup + active)
        if repeat and cycle >= repeat or place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if place < wait + warmup + active - 1 else ProfilerAction.RECORD_AND_SAVE
    return action


def tensorboard_trace_handler(dir_name, worker_name=None, use_gzip=False, use_python_export=False):
    """A function for ``on_trace_ready`` that writes a trace into a folder.

    Parameters
    ----------
    dir_name : str
    worker_name : str, optional
    use_gzip : bool
    use_python_export : bool
        Without effect.
    """
    def handler(prof):
        os.makedirs(dir_name, exist_ok=True)
        name = worker_name or f"{os.uname().nodename if hasattr(os, 'uname') else 'worker'}_{os.getpid()}"
        end = ".pt.trace.json" + ".gz" * use_gzip
        prof.export_chrome_trace(os.path.join(dir_name, f"{name}.{time.time_ns()}{end}"))
    return handler


class profile:  # noqa: N801 (PyTorch's name)
    """A context in which operations are timed, all the time or in steps of a schedule.

    Same as torch.profiler.profile. Memory, stacks and FLOPs are not measured.

    Parameters
    ----------
    activities : iterable of ProfilerActivity, optional
        Others than the CPU are ignored.
    schedule : callable, optional
        From a step's number to a `ProfilerAction`; `step` says that the next one begins.
    on_trace_ready : callable, optional
        Called with the profile when a cycle ends.
    record_shapes : bool
    acc_events : bool
        Whether events of earlier cycles are kept.
    **options
        PyTorch's others, without effect.
    """

    def __init__(self, *, activities=None, schedule=None, on_trace_ready=None, record_shapes=False, acc_events=False,
                 **options):
        self.activities = set(supported_activities() if activities is None else activities)
        self.schedule = schedule or (lambda step: ProfilerAction.RECORD)
        self.on_trace_ready, self.record_shapes, self.acc_events = on_trace_ready, record_shapes, acc_events
        self.step_num, self._run, self._found, self._metadata = 0, None, None, {}
        self.current_action = ProfilerAction.NONE

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.stop()

    def _enter(self, action):
        self.current_action = action
        if action in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE) and self._run is None:
            self._run = _Run(self.record_shapes)
            self._run.start()

    def _finish(self):
        if self._run is not None:
            found, self._run = self._run.stop(), None
            self._found = EventList([*self._found, *found]) if self.acc_events and self._found else found
            if self.on_trace_ready is not None:
                self.on_trace_ready(self)

    def start(self):
        """Begin."""
        self._enter(self.schedule(self.step_num))

    def stop(self):
        """End; what is being recorded is handed to ``on_trace_ready``."""
        self._finish()
        self.current_action = ProfilerAction.NONE

    def step(self):
        """The next step begins."""
        ended, self.step_num = self.current_action, self.step_num + 1
        following = self.schedule(self.step_num)
        recording = following in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)
        if ended is ProfilerAction.RECORD_AND_SAVE or not recording:
            self._finish()
        self._enter(following)

    def events(self):
        """The EventList of the last cycle."""
        if self._found is None:
            raise AssertionError("profile: there are no events yet; it has not stopped")
        return self._found

    def key_averages(self, group_by_input_shape=False, group_by_stack_n=0, group_by_overload_name=False):
        """Events of one name together; ``.table(sort_by=...)`` is text."""
        return self.events().key_averages(group_by_input_shape, group_by_stack_n)

    def export_chrome_trace(self, path):
        """Write the events as JSON for chrome://tracing and Perfetto."""
        self.events().export_chrome_trace(path)

    def export_stacks(self, path, metric="self_cpu_time_total"):
        """Not implemented: stacks are not kept."""
        raise NotImplementedError("profile.export_stacks: stacks are not kept")

    def export_memory_timeline(self, path, device=None):
        """Not implemented: memory is not measured."""
        raise NotImplementedError("profile.export_memory_timeline: memory is not measured")

    def add_metadata(self, key, value):
        """Keep a string with the profile."""
        self._metadata[key] = value

    add_metadata_json = preset_metadata_json = preset_metadata = add_metadata


_KinetoProfile = profile


def kineto_available():
    """False: PyTorch's library is not there; `profile` works."""
    return False
