"""One processor, as ``keras.distribution`` sees it: there is nothing to distribute over."""
import contextlib

import numpy as np
from fastnn.keras.late import missing

_current = None


def list_devices(device_type=None):
    """``["cpu:0"]``; no others."""
    return ["cpu:0"] if device_type in (None, "cpu", "CPU") else []


def get_device_count(device_type=None):
    """1; 0 for other kinds."""
    return len(list_devices(device_type))


def initialize(job_addresses=None, num_processes=None, process_id=None):
    """Accepted for one process."""
    if num_processes not in (None, 1):
        raise NotImplementedError(f"keras.distribution.initialize: num_processes={num_processes} is not implemented")


class DeviceMesh:
    """Devices as an array with named axes.

    Parameters
    ----------
    shape : tuple of int
    axis_names : list of str
    devices : list of str, optional
    """

    def __init__(self, shape, axis_names, devices=None):
        if not shape or not axis_names:
            raise ValueError(f"Shape and axis_names cannot be empty. Received: shape={shape}, axis_names={axis_names}")
        if len(shape) != len(axis_names):
            raise ValueError(f"Shape and axis_names should have same size. Received: shape={shape}, "
                             f"axis_names={axis_names}")
        devices = list_devices() if devices is None else devices
        if np.prod(shape) != np.prod(np.shape(devices)):
            raise ValueError(f"Shape does not match the number of devices. Received: shape={shape}; "
                             f"devices.shape={np.shape(devices)}")
        self.shape, self.axis_names = tuple(shape), list(axis_names)
        self.devices = np.reshape(devices, shape)


class DataParallel:
    """Batches spread over devices: over one, as they are."""

    def __init__(self, device_mesh=None, devices=None, auto_shard_dataset=True):
        devices = list_devices() if devices is None else list(devices)
        self.device_mesh = device_mesh or DeviceMesh((len(devices),), ["batch"], devices)
        if self.device_mesh.devices.size > 1:
            raise NotImplementedError(f"keras.distribution.DataParallel: {self.device_mesh.devices.size} devices are "
                                      f"not implemented")
        self.auto_shard_dataset, self.batch_dim_name = auto_shard_dataset, self.device_mesh.axis_names[0]

    @contextlib.contextmanager
    def scope(self):
        """Within, it is the current one."""
        before = distribution()
        set_distribution(self)
        try:
            yield
        finally:
            set_distribution(before)


def distribution():
    """What `set_distribution` was given; None at first."""
    return _current


def set_distribution(value):
    """Say how computations are distributed: None, or a `DataParallel` of one device."""
    global _current
    if value is not None and not isinstance(value, DataParallel):
        raise NotImplementedError(f"set_distribution: {type(value).__name__} is not implemented")
    _current = value


def __getattr__(name):
    if name in ("LayoutMap", "ModelParallel", "TensorLayout", "distribute_tensor"):
        return missing(f"keras.distribution.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
