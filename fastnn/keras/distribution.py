"""One processor, as ``keras.distribution`` sees it: there is nothing to distribute over."""
import contextlib

import numpy as np
from fastnn.keras import lazy

_current = None


def list_devices(device_type=None):
    """Names of the devices: the CPU alone.

    Parameters
    ----------
    device_type : str, optional

    Returns
    -------
    list of str

    Examples
    --------
    >>> keras.distribution.list_devices()
    ['cpu:0']
    """
    return ["cpu:0"] if device_type in (None, "cpu", "CPU") else []


def get_device_count(device_type=None):
    """Number of devices: 1, and 0 of other kinds than the CPU.

    Parameters
    ----------
    device_type : str, optional

    Returns
    -------
    int

    Examples
    --------
    >>> keras.distribution.get_device_count()
    1
    """
    return len(list_devices(device_type))


def initialize(job_addresses=None, num_processes=None, process_id=None):
    """Accepted for one process.

    Parameters
    ----------
    job_addresses, num_processes, process_id : optional

    Raises
    ------
    NotImplementedError
        Several processes.

    Examples
    --------
    >>> keras.distribution.initialize()
    """
    if num_processes not in (None, 1):
        raise NotImplementedError(f"keras.distribution.initialize: num_processes={num_processes} is not implemented")


class DeviceMesh:
    """Devices as an array with named axes.

    Parameters
    ----------
    shape : tuple of int
    axis_names : list of str
    devices : list of str, optional

    Raises
    ------
    ValueError
        Shape, names and devices do not fit.

    Examples
    --------
    >>> keras.distribution.DeviceMesh((1,), ["batch"]).devices.tolist()
    ['cpu:0']
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
    """Batches spread over devices: over one, as they are.

    Parameters
    ----------
    device_mesh : DeviceMesh, optional
    devices : list of str, optional
    auto_shard_dataset : bool
        Accepted.

    Raises
    ------
    NotImplementedError
        Several devices.

    Examples
    --------
    >>> keras.distribution.DataParallel().batch_dim_name
    'batch'
    """

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
    """What `set_distribution` was given; None at first.

    Returns
    -------
    DataParallel or None

    Examples
    --------
    >>> keras.distribution.distribution() is None
    True
    """
    return _current


def set_distribution(value):
    """Sets how computations are distributed.

    Parameters
    ----------
    value : DataParallel or None

    Raises
    ------
    NotImplementedError
        Another distribution.

    Examples
    --------
    >>> keras.distribution.set_distribution(None)
    """
    global _current
    if value is not None and not isinstance(value, DataParallel):
        raise NotImplementedError(f"set_distribution: {type(value).__name__} is not implemented")
    _current = value


def __getattr__(name):
    if name in ("LayoutMap", "ModelParallel", "TensorLayout", "distribute_tensor"):
        return lazy.missing(f"keras.distribution.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
