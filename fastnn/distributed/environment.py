"""Whether this process is one of several that mpiexec started, read off the environment without MPI itself."""
import os
from typing import NamedTuple

# rank, size, rank and size within the machine: Open MPI; MPICH, Intel MPI and MVAPICH under Hydra; Slurm's srun
VARIABLES = [
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"),
    ("PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"),
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_NTASKS_PER_NODE"),
]


class Place(NamedTuple):
    """A process among those that were started together."""

    rank: int
    size: int
    local_rank: int
    local_size: int


def place():
    """The `Place` of this process, None if no launcher of MPI's started it."""
    for names in VARIABLES:
        values = [os.environ.get(name, "") for name in names]
        if values[0].isdecimal() and values[1].isdecimal():
            rank, size = int(values[0]), int(values[1])
            local_rank = int(values[2]) if values[2].isdecimal() else rank
            return Place(rank, size, local_rank, int(values[3]) if values[3].isdecimal() else size)
    return None


def export():
    """Set what ``torchrun`` sets, and programs read before they initialize, unless it is set."""
    found = place()
    if found is None:
        return
    for name, value in (("RANK", found.rank), ("WORLD_SIZE", found.size), ("LOCAL_RANK", found.local_rank),
                        ("LOCAL_WORLD_SIZE", found.local_size), ("MASTER_ADDR", "127.0.0.1"),
                        ("MASTER_PORT", "29500")):
        os.environ.setdefault(name, str(value))
