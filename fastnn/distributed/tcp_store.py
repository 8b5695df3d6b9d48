"""`TCPStore`: a `Table` in one process, behind a socket; a thread for each connection answers.

A message is a list of byte strings: their number, then each one with its length ahead. A request is an operation, the
milliseconds that it may wait, and its arguments; a reply is ``b""`` and results, or an error's name and text.
"""
import datetime
import errno
import operator
import socket
import struct
import threading
import time
import weakref

from fastnn.distributed.groups import DistNetworkError, DistStoreError, QueueEmptyError
from fastnn.distributed.stores import DEFAULT_TIMEOUT, JOINED, Store, Table

ERRORS = {error.__name__: error for error in (DistStoreError, QueueEmptyError, ValueError)}
OPERATIONS = frozenset(name for name in vars(Table) if not name.startswith("_") and name != "answer")
LONGEST = 1 << 30  # bytes of a part
MOST = 1 << 20  # parts of a message
GRACE = 30.0  # seconds that an answer may come after its time, on a busy machine


def _send(sock, parts):
    sock.sendall(struct.pack("<I", len(parts)) + b"".join(struct.pack("<I", len(part)) + part for part in parts))


def _exactly(sock, count):
    data = bytearray()
    while len(data) < count:
        piece = sock.recv(min(count - len(data), 1 << 20))
        if not piece:
            raise EOFError(f"the connection ended after {len(data)} of {count} bytes")
        data += piece
    return bytes(data)


def _length(sock, limit):
    length, = struct.unpack("<I", _exactly(sock, 4))
    if length > limit:
        raise EOFError(f"no message of a store: a length of {length}")
    return length


def _receive(sock):
    return [_exactly(sock, _length(sock, LONGEST)) for _ in range(_length(sock, MOST))]


class _Server:
    """Listens, and answers from a table."""

    def __init__(self, listener):
        self.listener, self.table, self.connections = listener, Table(), weakref.WeakSet()
        self.port = listener.getsockname()[1]
        threading.Thread(target=_accept, args=(listener, self.table, self.connections), daemon=True,
                         name="TCPStore").start()
        self.close = weakref.finalize(self, _close, listener, self.table, self.connections)


def _close(listener, table, connections):
    with table.changed:
        table.closed = True
        table.changed.notify_all()
    for sock in [listener, *connections]:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:  # not connected
            pass
        sock.close()


def _accept(listener, table, connections):
    while not table.closed:
        try:
            sock, _ = listener.accept()
        except OSError:
            return  # closed
        connections.add(sock)
        threading.Thread(target=_answer, args=(sock, table), daemon=True, name="TCPStore").start()


def _answer(sock, table):
    with sock:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not table.closed:
                name, milliseconds, *arguments = _receive(sock)
                operation = name.decode()
                if operation not in OPERATIONS:
                    return
                try:
                    _send(sock, [b"", *table.answer(operation, arguments, int(milliseconds) / 1000)])
                except tuple(ERRORS.values()) as error:
                    _send(sock, [type(error).__name__.encode(), str(error).encode()])
        except (OSError, EOFError, ValueError, TypeError):
            return  # the other side is gone, or is no store


_servers = weakref.WeakValueDictionary()  # of this process, by port


def _listen(host, port, descriptor):
    if descriptor is not None:
        return socket.socket(fileno=descriptor)
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        try:
            return socket.create_server(address[:2], family=family, backlog=512)
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL:
                raise
            return socket.create_server(("", port), backlog=512)  # a name that others know this machine by
    except OSError as error:
        code = errno.errorcode.get(error.errno, "?")
        raise DistNetworkError(f"The server socket has failed to listen on any local network address. port: {port}, "
                               f"useIpv6: false, code: -{error.errno}, name: {code}, message: "
                               f"{(error.strerror or str(error)).lower()}") from None


def _connect(host, port, seconds):
    end, pause = time.monotonic() + seconds, 0.01
    while True:
        try:
            sock = socket.create_connection((host, port), max(end - time.monotonic(), 0.01))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError:
            if time.monotonic() + pause >= end:
                raise DistNetworkError(f"The client socket has timed out after {round(seconds * 1000)}ms while trying "
                                       f"to connect to ({host}, {port}).") from None
        time.sleep(pause)
        pause = min(2 * pause, 0.5)


class TCPStore(Store):
    """A store that processes share: one of them, the master, holds it, and the others reach it by a socket.

    It listens at the address that `host_name` means on the master's machine. What it gets is bytes, never objects.
    When the master's store is gone the others raise `DistNetworkError`.

    Parameters
    ----------
    host_name : str
    port : int
        0 lets the master take a free one; ``store.port`` tells which.
    world_size : int, optional
        How many stores there will be, the master's counted.
    is_master : bool
    timeout : datetime.timedelta
        For connecting, and for the operations later.
    wait_for_workers : bool
        The master returns when `world_size` stores are connected.
    multi_tenant : bool
        Masters of one process at one port share the contents.
    master_listen_fd : int, optional
        A socket that listens already.
    use_libuv : bool
        Accepted without effect.

    Raises
    ------
    DistNetworkError
        The port is taken; there is no master within `timeout`.
    DistStoreError
        Too few stores came within `timeout`.

    Examples
    --------
    >>> master = fastnn.distributed.TCPStore("127.0.0.1", 0, world_size=1, is_master=True)
    >>> other = fastnn.distributed.TCPStore("127.0.0.1", master.port)
    >>> other.set("loss", "0.5")
    >>> master.get("loss")
    b'0.5'
    """

    _socket = None

    def __init__(self, host_name, port, world_size=None, is_master=False, timeout=DEFAULT_TIMEOUT,
                 wait_for_workers=True, multi_tenant=False, master_listen_fd=None, use_libuv=True):
        if not isinstance(timeout, datetime.timedelta):
            raise TypeError(f"TCPStore: expected a timeout of type datetime.timedelta, got {type(timeout).__name__}")
        if not isinstance(host_name, str):
            raise TypeError(f"TCPStore: expected a host_name of type str, got {type(host_name).__name__}")
        self.host, self.libuvBackend, self._timeout = host_name, bool(use_libuv), timeout
        self.port = operator.index(port)
        if not 0 <= self.port <= 65535:
            raise ValueError(f"TCPStore: expected a port from 0 to 65535, got {port}")
        self._turn, self._server = threading.Lock(), None
        if is_master:
            self._server = _servers.get(self.port) if multi_tenant else None
            if self._server is None:
                self._server = _Server(_listen(host_name, self.port, master_listen_fd))
                _servers[self._server.port] = self._server
            self.port = self._server.port
        self._socket = _connect(host_name, self.port, timeout.total_seconds())
        if world_size is not None and world_size >= 0:
            came = int(self._call("add", JOINED, b"1")[0])
            if is_master and wait_for_workers:
                self._wait_for(world_size, came)

    def _wait_for(self, world_size, came):
        seconds = self._timeout.total_seconds()
        end = time.monotonic() + seconds
        while came < world_size:
            if time.monotonic() > end:
                raise DistStoreError(f"Timed out after {round(seconds)} seconds waiting for clients. "
                                     f"{came}/{world_size} clients joined.")
            time.sleep(0.01)
            came = int(self._call("add", JOINED, b"0")[0])

    def _call(self, operation, *arguments, seconds=None):
        seconds = self._timeout.total_seconds() if seconds is None else seconds
        with self._turn:
            if self._socket.fileno() < 0:
                raise DistNetworkError(f"TCPStore.{operation}: the connection to {self.host}:{self.port} is closed")
            try:
                self._socket.settimeout(seconds + GRACE)
                _send(self._socket, [operation.encode(), b"%d" % round(seconds * 1000), *arguments])
                error, *found = _receive(self._socket)
            except BaseException as stopped:  # also Ctrl-C: an answer that comes later would be taken for the next
                self._socket.close()
                if isinstance(stopped, (OSError, EOFError)):
                    raise DistNetworkError(f"TCPStore.{operation}: the connection to {self.host}:{self.port} broke "
                                           f"({stopped}). Did the master end?") from None
                raise
        if error:
            raise ERRORS[error.decode()](found[0].decode())
        return found

    def clone(self):
        """Another connection to the same contents."""
        return TCPStore(self.host, self.port, timeout=self._timeout, use_libuv=self.libuvBackend)

    def __repr__(self):
        kind = "" if self._server is None else ", master"
        return f"TCPStore({self.host!r}, {self.port}{kind})"

    def __del__(self):
        if self._socket is not None:
            self._socket.close()
