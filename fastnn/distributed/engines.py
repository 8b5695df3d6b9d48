"""How arrays travel between processes: by MPI, or not at all. Arrays are C-contiguous; what travels is their bytes."""
import sys

import numpy as np

MPI_NAMES = {"SUM": "SUM", "AVG": "SUM", "PRODUCT": "PROD", "MIN": "MIN", "MAX": "MAX", "BAND": "BAND", "BOR": "BOR",
             "BXOR": "BXOR"}
OF_BOOL = {"SUM": "MAX", "PRODUCT": "MIN", "MIN": "MIN", "MAX": "MAX", "BAND": "MIN", "BOR": "MAX", "BXOR": "BXOR"}


class Alone:
    """One process."""

    rank, size = 0, 1

    def all_reduce(self, array, op):
        pass

    def reduce(self, array, op, root):
        pass

    def broadcast(self, array, root):
        pass

    def all_gather(self, array):
        return array[None]

    def gather(self, array, root):
        return array[None]

    def scatter(self, arrays, like, root):
        return arrays[0]

    def all_to_all(self, arrays):
        return arrays

    def barrier(self):
        pass

    def send_bytes(self, data, to, tag):
        raise ValueError("send: there is no other process")

    def receive_bytes(self, source, tag):
        raise ValueError("recv: there is no other process")

    def split(self, ranks):
        return self

    def close(self):
        pass


def _bytes(array):
    return array.reshape(-1).view(np.uint8)


class Mpi:
    """The processes of an MPI communicator of mpi4py's."""

    def __init__(self, comm):
        from mpi4py import MPI
        self.mpi, self.comm, self.rank, self.size = MPI, comm, comm.rank, comm.size
        self.part = np.empty(0)  # of the last reduction: fresh memory costs more than the sum

    def all_reduce(self, array, op):
        """In place, with the same bits everywhere: each process reduces a part, and all take the parts from those."""
        numbers, operation = self._numbers(array, op)
        flat, share = numbers.reshape(-1), -(-numbers.size // self.size)
        if flat.size != share * self.size:
            flat = np.concatenate([flat, np.zeros(share * self.size - flat.size, flat.dtype)])
        if not share:
            return
        if self.part.shape != (share,) or self.part.dtype != flat.dtype:
            self.part = np.empty(share, flat.dtype)
        self.comm.Reduce_scatter_block(flat, self.part, operation)
        if op == "AVG":
            self.part /= self.size
        self.comm.Allgather(self.part, flat)
        if not np.may_share_memory(flat, array):
            array[...] = flat[:array.size].reshape(array.shape)

    def reduce(self, array, op, root):
        numbers, operation = self._numbers(array, op)
        into = np.empty_like(numbers) if self.rank == root else None
        self.comm.Reduce(numbers, into, operation, root)
        if self.rank == root:
            array[...] = into / self.size if op == "AVG" else into

    def _numbers(self, array, op):
        """The array as numbers that MPI computes with, and its operation."""
        if array.dtype == bool:
            return array.astype(np.uint8), getattr(self.mpi, OF_BOOL[op])
        numbers = array.astype(np.float32) if array.dtype == np.float16 else array
        return numbers, getattr(self.mpi, MPI_NAMES[op])

    def broadcast(self, array, root):
        if array.size:
            self.comm.Bcast(_bytes(array), root)

    def all_gather(self, array):
        found = np.empty((self.size, *array.shape), array.dtype)
        self.comm.Allgather(_bytes(array), _bytes(found))
        return found

    def gather(self, array, root):
        found = np.empty((self.size, *array.shape), array.dtype) if self.rank == root else None
        self.comm.Gather(_bytes(array), None if found is None else _bytes(found), root)
        return found

    def scatter(self, arrays, like, root):
        found = np.empty(like.shape, like.dtype)
        self.comm.Scatter(None if arrays is None else _bytes(arrays), _bytes(found), root)
        return found

    def all_to_all(self, arrays):
        """Byte strings of any lengths: one for each process, one from each."""
        return self.comm.alltoall(arrays)

    def barrier(self):
        self.comm.Barrier()

    def send_bytes(self, data, to, tag):
        return self.comm.isend(data, to, tag)

    def receive_bytes(self, source, tag):
        """(data, rank of who sent it)"""
        status = self.mpi.Status()
        data = self.comm.recv(None, self.mpi.ANY_SOURCE if source is None else source, tag, status)
        return data, status.source

    def split(self, ranks):
        """The same for some of the processes, called by all; None for those that are not among them."""
        comm = self.comm.Create(self.comm.group.Incl(ranks))
        return None if comm == self.mpi.COMM_NULL else Mpi(comm)

    def close(self):
        if self.comm not in (self.mpi.COMM_WORLD, self.mpi.COMM_SELF):
            self.comm.Free()


def world():
    """MPI's own world. A process that fails from now on ends the others, which would wait for it for ever."""
    from mpi4py import MPI
    engine = Mpi(MPI.COMM_WORLD.Dup())
    if engine.size > 1 and not hasattr(sys.excepthook, "ends_all"):
        before = sys.excepthook

        def hook(kind, value, traceback):
            before(kind, value, traceback)
            sys.stdout.flush()
            sys.stderr.flush()
            MPI.COMM_WORLD.Abort(1)
        hook.ends_all = True
        sys.excepthook = hook
    return engine
