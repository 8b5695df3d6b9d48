"""Key-value stores of ``torch.distributed``: in memory, in a file, behind another one's names; `tcp_store` has the
one between processes. They carry what programs put in them; process groups find each other by MPI."""
import collections
import datetime
import os
import threading
import time

from fastnn.distributed.groups import DistStoreError, QueueEmptyError

DEFAULT_TIMEOUT = datetime.timedelta(seconds=300)
JOINED = b"init/"  # where a TCPStore counts the processes
PAUSE = 0.01  # seconds between two looks into a file


class Missing(LookupError):
    """The keys that an operation of a `Table` has to wait for."""


class Table:
    """What a store holds, and its operations: lists of bytes in and out. One that has to wait raises `Missing`."""

    def __init__(self):
        self.values, self.queues = {}, collections.defaultdict(collections.deque)
        self.changed, self.closed = threading.Condition(), False

    def answer(self, operation, arguments, seconds):
        """The result of the operation of that name, which may take `seconds` to become possible."""
        end = time.monotonic() + seconds
        with self.changed:
            while True:
                try:
                    found = getattr(self, operation)(*arguments)
                except Missing as missing:
                    left = end - time.monotonic()
                    if left <= 0 or self.closed:
                        raise overdue(missing, seconds) from None
                    self.changed.wait(left)
                else:
                    self.changed.notify_all()
                    return found

    def set(self, key, value):
        self.values[key] = value
        return []

    def get(self, key):
        self.wait(key)
        return [self.values[key]]

    def wait(self, *keys):
        if not all(key in self.values for key in keys):
            raise Missing(*keys)
        return []

    def check(self, *keys):
        return [b"1" if all(key in self.values for key in keys) else b""]

    def add(self, key, amount):
        held = self.values.get(key, b"0")
        try:
            self.values[key] = b"%d" % (int(held) + int(amount))
        except ValueError:
            raise ValueError(f"add: expected an integer at the key {key.decode()!r}, got {held!r}") from None
        return [self.values[key]]

    def append(self, key, value):
        self.values[key] = self.values.get(key, b"") + value
        return []

    def compare_set(self, key, expected, desired):
        if key not in self.values and expected:
            return [expected]
        if self.values.get(key, b"") == expected:
            self.values[key] = desired
        return [self.values[key]]

    def delete_key(self, key):
        return [b"1" if self.values.pop(key, None) is not None else b""]

    def num_keys(self):
        return [b"%d" % (len(self.values) + sum(map(bool, self.queues.values())))]

    def list_keys(self):
        return [key for key in self.values if key != JOINED]

    def multi_get(self, *keys):
        self.wait(*keys)
        return [self.values[key] for key in keys]

    def multi_set(self, *pairs):
        self.values.update(zip(pairs[::2], pairs[1::2]))
        return []

    def queue_push(self, key, value):
        self.queues[key].append(value)
        return []

    def queue_pop(self, key, block):
        if self.queues.get(key):
            return [self.queues[key].popleft()]
        if block:
            raise Missing(key)
        raise QueueEmptyError("queue is empty")

    def queue_len(self, key):
        return [b"%d" % len(self.queues.get(key, ()))]


def overdue(missing, seconds):
    """The error of what did not come in time."""
    keys = ", ".join("/" + key.decode() for key in missing.args)
    return DistStoreError(f"wait timeout after {round(seconds * 1000)}ms, keys: {keys}")


def _key(operation, key):
    if not isinstance(key, str):
        raise TypeError(f"{operation}: expected a key of type str, got {type(key).__name__}")
    return key.encode()


def _keys(operation, keys):
    if isinstance(keys, (str, bytes)):
        raise TypeError(f"{operation}: expected a list of keys, got {type(keys).__name__}")
    return [_key(operation, key) for key in keys]


def _value(operation, value):
    if not isinstance(value, (str, bytes, bytearray, memoryview)):
        raise TypeError(f"{operation}: expected a value of type str or bytes, got {type(value).__name__}")
    return value.encode() if isinstance(value, str) else bytes(value)


def _seconds(operation, timeout):
    if not isinstance(timeout, datetime.timedelta):
        raise TypeError(f"{operation}: expected a timeout of type datetime.timedelta, got {type(timeout).__name__}")
    return timeout.total_seconds()


class Store:
    """Base of stores, and of a program's own: a class that has `set` and `get` at least.

    Keys are strings; values are strings or bytes and come back as bytes. What waits for a key (`get`, `wait`,
    `multi_get`, `queue_pop`) raises `DistStoreError` when `timeout`, 300 seconds at first, is over.

    Examples
    --------
    >>> store = fastnn.distributed.HashStore()
    >>> store.set("name", "value")
    >>> store.get("name"), store.add("count", 2), store.compare_set("name", "value", "other")
    (b'value', 2, b'other')
    >>> store.num_keys(), store.delete_key("name"), store.check(["name"])
    (2, True, False)
    """

    _timeout = DEFAULT_TIMEOUT

    def _call(self, operation, *arguments, seconds=None):
        """Carry out an operation of `Table`'s within `seconds`, by default `timeout`."""
        raise NotImplementedError(f"{type(self).__name__}.{operation}: this store does not have it")

    @property
    def timeout(self):
        """How long operations wait, a `datetime.timedelta`."""
        return self._timeout

    def set_timeout(self, timeout):
        """Set how long operations wait."""
        _seconds("set_timeout", timeout)
        self._timeout = timeout

    def set(self, key, value):
        """Put a value at a key."""
        self._call("set", _key("set", key), _value("set", value))

    def get(self, key):
        """The value at a key, as soon as there is one."""
        return self._call("get", _key("get", key))[0]

    def add(self, key, amount):
        """Add an integer to the number at a key, which begins as 0; the sum."""
        if not hasattr(amount, "__index__"):
            raise TypeError(f"add: expected an integer to add, got {type(amount).__name__}")
        return int(self._call("add", _key("add", key), b"%d" % amount.__index__())[0])

    def append(self, key, value):
        """Add to the end of a key's value."""
        self._call("append", _key("append", key), _value("append", value))

    def check(self, keys):
        """Whether all the keys are there."""
        return bool(self._call("check", *_keys("check", keys))[0])

    def wait(self, keys, timeout=None):
        """Return when all the keys are there."""
        seconds = None if timeout is None else _seconds("wait", timeout)
        self._call("wait", *_keys("wait", keys), seconds=seconds)

    def compare_set(self, key, expected_value, desired_value):
        """Put `desired_value` at a key that holds `expected_value`, or that is new if that is empty; what is there
        then, `expected_value` if nothing is."""
        return self._call("compare_set", _key("compare_set", key), _value("compare_set", expected_value),
                          _value("compare_set", desired_value))[0]

    def delete_key(self, key):
        """Remove a key; whether it was there."""
        return bool(self._call("delete_key", _key("delete_key", key))[0])

    def num_keys(self):
        """How many keys there are, with those that the store itself uses."""
        return int(self._call("num_keys")[0])

    def list_keys(self):
        """The keys."""
        return [key.decode() for key in self._call("list_keys")]

    def multi_get(self, keys):
        """The values at several keys, as soon as all are there."""
        return self._call("multi_get", *_keys("multi_get", keys))

    def multi_set(self, keys, values):
        """Put values at as many keys."""
        keys, values = _keys("multi_set", keys), [_value("multi_set", value) for value in values]
        if len(keys) != len(values):
            raise ValueError(f"multi_set: expected as many values as keys, got {len(keys)} keys, {len(values)} values")
        self._call("multi_set", *(part for pair in zip(keys, values) for part in pair))

    def queue_push(self, key, value):
        """Put a value at the end of a queue."""
        self._call("queue_push", _key("queue_push", key), _value("queue_push", value))

    def queue_pop(self, key, block=True):
        """Take the first value of a queue: wait for it, or raise `QueueEmptyError`."""
        return self._call("queue_pop", _key("queue_pop", key), b"1" if block else b"")[0]

    def queue_len(self, key):
        """How many values a queue has."""
        return int(self._call("queue_len", _key("queue_len", key))[0])

    def barrier(self, key, world_size, timeout=DEFAULT_TIMEOUT):
        """Return when `world_size` callers have come to the barrier `key`."""
        if self.add(key, 1) == world_size:
            self.set(key + "/last", "1")
        self.wait([key + "/last"], timeout)

    def has_extended_api(self):
        """Whether `append`, `multi_get` and `multi_set` are single steps."""
        return True

    def clone(self):
        """A store with the same contents, for another thread: itself, where threads may share it."""
        return self

    def __reduce_ex__(self, protocol):
        if type(self).__module__.startswith("fastnn."):
            raise TypeError(f"cannot pickle {type(self).__name__!r} object")
        return super().__reduce_ex__(protocol)


class HashStore(Store):
    """A store in this process' memory, which threads share."""

    def __init__(self):
        self._table = Table()

    def _call(self, operation, *arguments, seconds=None):
        return self._table.answer(operation, arguments, self._timeout.total_seconds() if seconds is None else seconds)


class PrefixStore(Store):
    """Another store, whose keys begin with ``prefix + "/"``.

    Parameters
    ----------
    prefix : str
    store : Store
    """

    def __init__(self, prefix, store):
        if not isinstance(store, Store):
            raise TypeError(f"PrefixStore: expected a Store, got {type(store).__name__}")
        self._prefix, self._store = _key("PrefixStore", prefix).decode() + "/", store

    @property
    def underlying_store(self):
        """The other store."""
        return self._store

    @property
    def timeout(self):
        """The other store's."""
        return self._store.timeout

    def set_timeout(self, timeout):
        """Set the other store's."""
        self._store.set_timeout(timeout)

    def _call(self, operation, *arguments, seconds=None):
        begin = self._prefix.encode()
        if operation == "list_keys":
            return [key[len(begin):] for key in self._store._call(operation) if key.startswith(begin)]
        if operation == "num_keys":
            return self._store._call(operation)
        step = {"multi_set": 2}.get(operation, 1)
        count = len(arguments) if operation in ("check", "wait", "multi_get", "multi_set") else 1
        named = [begin + part if i < count and i % step == 0 else part for i, part in enumerate(arguments)]
        if type(self._store)._call is not Store._call:
            return self._store._call(operation, *named, seconds=seconds)
        found = getattr(self._store, operation)(named[0].decode(), *named[1:])  # a program's own class
        return [found] if isinstance(found, bytes) else [str(found).encode()]

    def clone(self):
        """The same names in a clone of the other store."""
        return PrefixStore(self._prefix[:-1], self._store.clone())


class FileStore(Store):
    """A store in a file, which processes of one machine share; POSIX systems alone.

    Parameters
    ----------
    file_name : str
    world_size : int
        The file is removed when as many stores as that have used it and are gone; -1 leaves it.
    """

    _file = None

    def __init__(self, file_name, world_size=-1):
        try:
            import fcntl
        except ImportError:
            raise NotImplementedError("FileStore: files are not locked on this system; use TCPStore") from None
        self._lock, self.path, self._size = fcntl.flock, os.fspath(file_name), world_size
        self._table, self._read, self._threads = Table(), 0, threading.RLock()
        self._file = open(self.path, "a+b", buffering=0)
        self._users(1)

    def _users(self, change):
        return int(self._call("add", b"efcount/", b"%d" % change)[0])

    def _refresh(self):
        """Read what others wrote: records of key, whether it is there, value, each part with its length ahead."""
        self._file.seek(self._read)
        data, at = self._file.read(), 0
        while at < len(data):
            parts = []
            for _ in range(3):
                length = int.from_bytes(data[at:at + 8], "little")
                parts.append(data[at + 8:at + 8 + length])
                at += 8 + length
            key, there, value = parts
            if there:
                self._table.values[key] = value
            else:
                self._table.values.pop(key, None)
        self._read += len(data)

    def _call(self, operation, *arguments, seconds=None):
        if operation.startswith("queue"):
            raise NotImplementedError(f"FileStore.{operation}: queues are not in files; use TCPStore or HashStore")
        seconds = self._timeout.total_seconds() if seconds is None else seconds
        end = time.monotonic() + seconds
        while True:
            with self._threads:
                self._lock(self._file, 2)  # exclusive
                try:
                    self._refresh()
                    held = dict(self._table.values)
                    found = getattr(self._table, operation)(*arguments)
                    self._write(held)
                    return found
                except Missing as missing:
                    if time.monotonic() >= end:
                        raise overdue(missing, seconds) from None
                finally:
                    self._lock(self._file, 8)  # free again
            time.sleep(PAUSE)

    def _write(self, held):
        values = self._table.values
        changed = [key for key in {**held, **values} if held.get(key) != values.get(key)]
        records = b"".join(len(part).to_bytes(8, "little") + part for key in changed
                           for part in (key, b"1" if key in values else b"", values.get(key, b"")))
        if records:
            self._file.write(records)
            self._read += len(records)

    def has_extended_api(self):
        """False, as in PyTorch."""
        return False

    def clone(self):
        """Another store in the same file."""
        return FileStore(self.path, self._size)

    def __del__(self):
        if self._file is None:
            return
        try:
            if self._users(-1) == 0 and self._size > 0:
                os.unlink(self.path)
        except (OSError, AttributeError, TypeError):  # removed already, or the interpreter ends
            pass
        self._file.close()
