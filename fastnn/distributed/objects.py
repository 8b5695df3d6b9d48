"""Objects that can be pickled, between processes. They are unpickled: the processes of a job trust each other."""
import pickle

import numpy as np

from fastnn.distributed.collectives import _root
from fastnn.distributed.groups import resolve


def _everywhere(found, value, root):
    """An object of process `root`, in all of them."""
    if found.engine.size == 1:
        return value
    mine = found.engine.rank == root
    data = np.frombuffer(pickle.dumps(value), np.uint8).copy() if mine else None
    size = np.array([len(data) if mine else 0], np.int64)
    found.engine.broadcast(size, root)
    data = data if mine else np.empty(size[0], np.uint8)
    found.engine.broadcast(data, root)
    return value if mine else pickle.loads(data)


def _from_all(found, value):
    if found.engine.size == 1:
        return [value]
    return [pickle.loads(each) for each in found.engine.all_to_all([pickle.dumps(value)] * found.engine.size)]


def all_gather_object(object_list, obj, group=None):
    """Set the entries of a list to the objects of all processes."""
    found = resolve(group)
    if found is not None:
        object_list[:found.size()] = _from_all(found, obj)


def gather_object(obj, object_gather_list=None, dst=None, group=None, group_dst=None):
    """Set the entries of a list, in process `dst` (default 0), to the objects of all processes."""
    found = resolve(group)
    if found is None:
        return
    root, values = _root(group, 0 if dst is None else dst, group_dst, "gather_object"), _from_all(found, obj)
    if found.engine.rank == root:
        object_gather_list[:found.size()] = values


def broadcast_object_list(object_list, src=None, group=None, device=None, group_src=None):
    """Set the entries of a list, in all processes, to those of process `src` (default 0)."""
    found = resolve(group)
    if found is not None:
        object_list[:] = _everywhere(found, list(object_list),
                                     _root(group, 0 if src is None else src, group_src, "broadcast_object_list"))


def scatter_object_list(scatter_object_output_list, scatter_object_input_list=None, src=None, group=None,
                        group_src=None):
    """Set the first entry of a list to this process' part of process `src`'s list (default 0)."""
    found = resolve(group)
    if found is not None:
        root = _root(group, 0 if src is None else src, group_src, "scatter_object_list")
        scatter_object_output_list[0] = _everywhere(found, scatter_object_input_list, root)[found.engine.rank]


def send_object_list(object_list, dst=None, group=None, device=None, group_dst=None, use_batch=False):
    """Send a list of objects to a process."""
    found = resolve(group)
    if found is not None:
        found.engine.send_bytes(pickle.dumps(list(object_list)), _root(group, dst, group_dst, "send"), 0).wait()


def recv_object_list(object_list, src=None, group=None, device=None, group_src=None, use_batch=False):
    """Set the entries of a list to those that a process sends; returns its rank."""
    found = resolve(group)
    if found is None:
        return -1
    source = None if src is None and group_src is None else _root(group, src, group_src, "recv")
    data, sender = found.engine.receive_bytes(source, 0)
    object_list[:] = pickle.loads(data)
    return found.ranks[sender]
