"""The processes that train together, and smaller groups of them."""
import importlib.util
import os
import sys

from fastnn.distributed import engines, environment

NOT_YET = "Default process group has not been initialized, please make sure to call init_process_group."


class DistError(RuntimeError):
    """PyTorch's class of errors of this module."""


class DistBackendError(DistError):
    """PyTorch's class of errors of backends."""


class DistNetworkError(DistError):
    """A store's connection cannot be made, or broke."""


class DistStoreError(DistError):
    """What a store was to wait for did not come in time."""


class QueueEmptyError(DistStoreError):
    """A store's queue has no value."""


class Backend(str):
    """Names of PyTorch's backends; here "gloo", "mpi" and "ucc" all mean MPI."""

    UNDEFINED, GLOO, NCCL, UCC, MPI, XCCL = "undefined", "gloo", "nccl", "ucc", "mpi", "xccl"
    default_device_backend_map = {"cpu": GLOO, "cuda": NCCL, "xpu": XCCL, "mps": GLOO}

    def __new__(cls, name):
        if not isinstance(name, str):
            raise ValueError(f"Backend constructor parameter must be string-ish instead of {name}")
        return super().__new__(cls, name.lower())


class ProcessGroup:
    """Processes that talk to each other; made by `init_process_group` and `new_group`."""

    def __init__(self, engine, ranks, backend):
        self.engine, self.ranks, self.backend = engine, list(ranks), backend

    def rank(self):
        """This process' number in it, -1 if it is not in it."""
        return -1 if self.engine is None else self.engine.rank

    def size(self):
        """How many there are."""
        return len(self.ranks)

    def name(self):
        """The backend's name."""
        return self.backend


class _GroupMeta(type):
    @property
    def WORLD(cls):  # noqa: N802
        """The group of all processes, None before `init_process_group`."""
        return _world


class group(metaclass=_GroupMeta):  # noqa: N801
    """``group.WORLD`` is the group of all processes."""


class GroupMember(metaclass=_GroupMeta):
    """``NON_GROUP_MEMBER`` is what `new_group` gives to processes that are not in it."""

    NON_GROUP_MEMBER = -100


_world = None


def is_available():
    """True: the module is there, and without mpi4py there is one process."""
    return True


def is_mpi_available():
    """Whether mpi4py is installed."""
    return importlib.util.find_spec("mpi4py") is not None


def is_gloo_available():
    """True: the name is accepted, and means MPI."""
    return True


def is_nccl_available():
    """False: that is for GPUs."""
    return False


is_ucc_available = is_xccl_available = is_nccl_available


def is_torchelastic_launched():
    """Whether the environment names a run of torchrun's; mpiexec starts fastnn's processes."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def is_initialized():
    """Whether there is a process group."""
    return _world is not None


def get_default_backend_for_device(device):
    """``"gloo"``"""
    return "gloo"


def _backend(backend):
    """A name of a backend that a CPU has."""
    names = [part.rpartition(":")[2] for part in Backend(backend or "mpi").split(",")]
    if names == ["undefined"]:
        names = ["mpi"]
    found = next((name for name in names if name in ("gloo", "mpi", "ucc")), None)
    if found is None:
        raise ValueError(f"init_process_group: backend {backend!r} is for other devices; on a CPU use 'gloo' or 'mpi', "
                         "both of which are MPI here")
    return found


def init_process_group(backend=None, init_method=None, timeout=None, world_size=-1, rank=-1, store=None,
                       group_name="", pg_options=None, device_id=None, _ranks=None):
    """Begin: this process is one of those that mpiexec started, or the only one.

    Parameters
    ----------
    backend : str, optional
        "gloo", "mpi" or "ucc": MPI in each case.
    init_method, timeout, store, group_name, pg_options, device_id
        Accepted without effect: MPI has found the processes already.
    world_size, rank : int
        Checked, if given: MPI has numbered the processes.

    Raises
    ------
    ValueError
        A backend of other devices; there is a group already; `rank` or `world_size` are others than MPI's.
    ImportError
        mpiexec started several processes, and mpi4py is not installed.
    RuntimeError
        More than one process is asked for, and mpiexec did not start this one.
    """
    global _world
    if _world is not None:
        raise ValueError("trying to initialize the default process group twice!")
    backend = _backend(backend)
    place = environment.place()
    if "mpi4py.MPI" in sys.modules or place is not None and place.size > 1:
        try:
            engine = engines.world()
        except ImportError as error:
            raise ImportError(f"init_process_group: mpiexec started {place.size if place else 'several'} processes, "
                              f"which talk by mpi4py: pip install 'fastnn-cpu[mpi]' ({error})") from error
    else:
        wanted = world_size if world_size > 0 else int(os.environ.get("WORLD_SIZE") or 1)
        if wanted > 1:
            raise RuntimeError(
                f"init_process_group: {wanted} processes are expected, but this one was not started by mpiexec. "
                f"fastnn's processes talk by MPI: mpiexec -n {wanted} python -m mpi4py -m fastnn program.py")
        engine = engines.Alone()
    for name, given, found in (("world_size", world_size, engine.size), ("rank", rank, engine.rank)):
        if given is not None and given >= 0 and given != found:
            raise ValueError(f"init_process_group: {name} is {given}, but {found} by MPI")
    environment.export()
    _world = ProcessGroup(engine, range(engine.size), backend)


def resolve(given):
    """The group that an argument `group` means; None if this process is not in it."""
    if given is None:
        given = _world
        if given is None:
            raise ValueError(NOT_YET)
    if given is GroupMember.NON_GROUP_MEMBER or given.engine is None:
        return None
    if not isinstance(given, ProcessGroup):
        raise TypeError(f"group: expected a ProcessGroup, got {type(given).__name__}")
    return given


def _get_default_group():
    """The group of all processes; ValueError before `init_process_group`."""
    return resolve(None)


def destroy_process_group(group=None):
    """End a group, or all of it."""
    global _world
    found = resolve(group)
    if found is None:
        return
    found.engine.close()
    if found is _world:
        _world = None
    else:
        found.engine = None


def new_group(ranks=None, timeout=None, backend=None, pg_options=None, use_local_synchronization=False,
              group_desc=None, device_id=None):
    """A group of some of the processes; all of them call this, in the same order.

    Raises
    ------
    ValueError
        A rank is not there, or comes twice.
    """
    world = resolve(None)
    ranks = list(range(world.size())) if ranks is None else sorted(ranks)
    if len(set(ranks)) < len(ranks) or ranks and not 0 <= ranks[0] <= ranks[-1] < world.size():
        raise ValueError(f"new_group: expected different ranks from 0 to {world.size() - 1}, got {ranks}")
    engine = world.engine.split(ranks)
    return GroupMember.NON_GROUP_MEMBER if engine is None else ProcessGroup(engine, ranks, world.backend)


def get_backend(group=None):
    """The name that `init_process_group` was given."""
    found = resolve(group)
    if found is None:
        raise ValueError("Invalid process group specified")
    return found.backend


def get_rank(group=None):
    """This process' number in a group, -1 if it is not in it."""
    found = resolve(group)
    return -1 if found is None else found.engine.rank


def get_world_size(group=None):
    """How many processes a group has, -1 for those that are not in it."""
    found = resolve(group)
    return -1 if found is None else found.engine.size


def get_node_local_rank(fallback_rank=None):
    """This process' number on its machine."""
    if "LOCAL_RANK" in os.environ:
        return int(os.environ["LOCAL_RANK"])
    if fallback_rank is not None:
        return int(fallback_rank)
    raise RuntimeError("LOCAL_RANK is not in the environment. Consider passing fallback_rank to allow "
                       "`get_node_local_rank` to work, assuming you are not running in a multi-device context.")


def get_process_group_ranks(group=None):
    """The members' numbers among all processes."""
    return list(resolve(group).ranks)


def get_global_rank(group, group_rank):
    """A member's number among all processes."""
    return resolve(group).ranks[group_rank]


def get_group_rank(group, global_rank):
    """A process' number in a group.

    Raises
    ------
    ValueError
        It is not in it.
    """
    found = resolve(group)
    if global_rank not in found.ranks:
        raise ValueError(f"Global rank {global_rank} is not part of group {found.name()}")
    return found.ranks.index(global_rank)
