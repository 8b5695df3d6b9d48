"""Ways to damage a file: blindly, and by its format, so that the damage gets past lengths and check sums."""
import copy
import gzip
import io
import json
import pickle
import pickletools
import struct
import zipfile
import zlib

import numpy as np

EXTREMES = [0, 1, 2, 127, 255, 1 << 15, (1 << 16) - 1, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 62, -1,
            (1 << 63) - 1]
STRANGE = [None, True, -1, 0, 1, 2.5, 1 << 31, 1 << 63, 1 << 64, 10 ** 400, "", "F32", "BOOL", "U8", "\ud800",
           "x" * 300, [], {}, [0], [1, 2], [-1, 4], {"dict": []}, {"tuple": []}, {"tensor": "base"}, {"again": 0},
           {"array": "base"}, {"tensor": ["base", "BOOL", 0, [96], [1]]},
           {"tensor": ["base", "F32", 4, [1 << 40], [0]]}]


# ---- blindly ----

def blind(data, rng, others):
    """One to four changes of bytes."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        at = int(rng.integers(0, len(data) + 1))
        end = min(len(data), at + int(rng.choice([1, 4, 16, 200])))
        match rng.integers(0, 9):
            case 0:
                del data[at:]
            case 1:
                del data[at:end]
            case 2 if at < len(data):
                data[at] ^= 1 << rng.integers(0, 8)
            case 3 if at < len(data):
                data[at] = rng.integers(0, 256)
            case 4:
                data[at:end] = bytes(end - at)
            case 5:
                data[at:at] = data[at:end]
            case 6:
                data[at:at] = rng.bytes(int(rng.integers(1, 9)))
            case 7:
                other = others[rng.integers(0, len(others))]
                start = int(rng.integers(0, len(other) + 1))
                data[at:end] = other[start:start + int(rng.choice([4, 50, 1000]))]
            case 8:
                size = int(rng.choice([1, 2, 4, 8]))
                value = EXTREMES[rng.integers(0, len(EXTREMES))] % (1 << 8 * size)
                data[at:at + size] = value.to_bytes(size, "little" if rng.random() < 0.7 else "big")
    return bytes(data)


# ---- JSON ----

def _positions(node):
    """(container, key) of every part of a JSON value."""
    if isinstance(node, (dict, list)):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            yield node, key
            yield from _positions(node[key])


def strange_json(root, rng):
    """A JSON value with a part or two replaced, left out, doubled or exchanged."""
    for _ in range(rng.integers(1, 3)):
        positions = list(_positions(root))
        if not positions:
            return root
        node, key = positions[rng.integers(0, len(positions))]
        other, second = positions[rng.integers(0, len(positions))]
        match rng.integers(0, 4):
            case 0:
                node[key] = copy.deepcopy(other[second])
            case 1 if isinstance(node, list):
                node.insert(key, copy.deepcopy(node[key]))
            case 2:
                del node[key]
            case _:
                node[key] = copy.deepcopy(STRANGE[rng.integers(0, len(STRANGE))])
    return root


def safetensors(data, rng, others):
    """Another header, with its right length."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    metadata = header.get("__metadata__", {})
    if "fastnn" in metadata and rng.random() < 0.7:
        metadata["fastnn"] = json.dumps(strange_json(json.loads(metadata["fastnn"]), rng))
    else:
        header = strange_json(header, rng)
    text = json.dumps(header)
    if rng.random() < 0.05:
        text = text.replace("[", "[" * int(rng.choice([2, 300, 5000])), 1)
    text = text.encode("utf-8", "surrogatepass")
    return len(text).to_bytes(8, "little") + text + data[8 + length:]


# ---- pickles ----

def _instructions(text):
    """A pickle's instructions as bytes, without its STOP."""
    positions = [position for _, _, position in pickletools.genops(text)]
    return [text[begin:end] for begin, end in zip(positions, positions[1:])]


def _short_string(text):
    return b"X" + struct.pack("<I", len(text)) + text


NAMES = [b"torch\nFloatStorage\n", b"torch\nfloat32\n", b"builtins\nset\n", b"collections\nOrderedDict\n",
         b"os\nsystem\n",          b"torch._utils\n_rebuild_tensor_v2\n", b"torch\nSize\n", b"torch\ndevice\n",
         b"builtins\nbytearray\n", b"torch._utils\n_rebuild_parameter\n", b"_codecs\nencode\n",
         b"collections\nCounter\n", b"torch\n\n"]
SNIPPETS = [b"(", b"0", b"1", b"2", b"N", b"\x88", b"]", b"}", b")", b"\x8f", b"a", b"e", b"u", b"s", b"t", b"l", b"d",
            b"\x85", b"\x86", b"\x87", b"\x90", b"\x91", b"R", b"\x81", b"b", b"Q", b"\x93", b"\x94",
            b"K\x01", b"M\xff\xff", b"J\xff\xff\xff\x7f", b"J\xff\xff\xff\xff", b"h\x00", b"h\x01", b"q\x00",
            b"q\x01", b"p10000000000\n",
            b"\x8a\x08" + b"\xff" * 7 + b"\x7f", b"G\x7f\xf0" + bytes(6), _short_string(b"a"),
            _short_string(b"storage"), _short_string(b"cpu"), _short_string(b"0"), *(b"c" + name for name in NAMES)]


def _any_instruction(rng):
    return SNIPPETS[rng.integers(0, len(SNIPPETS))]


def _strange_pickle(text, rng):
    """A pickle with instructions replaced, left out, doubled, added or exchanged."""
    parts = _instructions(text)
    for _ in range(rng.integers(1, 5)):
        at, other = rng.integers(0, len(parts), 2)
        match rng.integers(0, 5):
            case 0:
                parts.insert(at, _any_instruction(rng))
            case 1:
                parts[at] = _any_instruction(rng)
            case 2:
                parts.insert(at, parts[other])
            case 3 if len(parts) > 5:
                del parts[at:at + int(rng.integers(1, 4))]
            case _:
                parts[at], parts[other] = parts[other], parts[at]
    return b"".join(parts) + b"."


def _random_program(rng):
    return b"\x80\x02" + b"".join(_any_instruction(rng) for _ in range(rng.integers(3, 60))) + b"."


def _tower(levels, pair=b"h\x01h\x01\x86"):
    """(t, t) of (t, t) of ..., which memory holds once a level."""
    return b")q\x01" + (pair + b"q\x01") * levels


def crafted_pickles():
    """(name, pickle) made to be deep, large or long out of little."""
    def key(value):
        return b"\x80\x02}" + value + b"K\x01s."

    deep, many = 200_000, 30_000
    ordered, size = b"ccollections\nOrderedDict\n", b"ctorch\nSize\n"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n("
    storage = b"(" + _short_string(b"storage") + b"ctorch\nFloatStorage\n" + _short_string(b"0") + _short_string(b"cpu")
    big_list = b"](" + b"K\x01" * many + b"eq\x02"
    yield "deep tuple", b"\x80\x02)" + b"\x85" * deep + b"."
    yield "deep key", key(b")" + b"\x85" * deep)
    yield "deep lists", b"\x80\x02" + b"]" * deep + b"a" * (deep - 1) + b"."
    yield "deep dicts", b"\x80\x02}" + b"K\x01}" * deep + b"s" * deep + b"."
    yield "tower", b"\x80\x02" + _tower(60) + b"."
    yield "tower as a key", key(_tower(60))
    yield "tower in a set", b"\x80\x02\x8f(" + _tower(60) + b"\x90."
    yield "tower in a frozenset", b"\x80\x04(" + _tower(60) + b"\x91."
    yield "tower as a set's argument", b"\x80\x02cbuiltins\nset\n](" + _tower(60) + b"e\x85R."
    yield "tower as a dict's argument", b"\x80\x02" + ordered + b"](" + _tower(60) + b"K\x01\x86e\x85R."
    yield "tower as a size", b"\x80\x02" + size + _tower(60) + b"\x85R."
    yield "tower as a reference", b"\x80\x02" + _tower(60) + b"Q."
    yield "tower as a storage's key", b"\x80\x02" + storage[:-17] + _tower(60) + _short_string(b"cpu") + b"K\x01tQ."
    yield "tower as a name", b"\x80\x04" + _tower(60) + _tower(60) + b"\x93."
    yield "tower called", b"\x80\x02" + _tower(60) + b")R."
    yield "tower as an index", b"\x80\x02" + tensor + storage + b"K\x01tQ" + _tower(60) + b"))tR."
    yield "lists that hold lists twice", b"\x80\x02]q\x01" + b"](h\x01h\x01eq\x01" * 60 + b"."
    yield "list in itself", b"\x80\x02]q\x01h\x01a."
    yield "sets of one list", b"\x80\x02" + big_list + b"](" + b"cbuiltins\nset\nh\x02\x85R" * many + b"e."
    yield "sizes of one tuple", b"\x80\x02(" + b"K\x01" * many + b"tq\x02](" + (size + b"h\x02\x85R") * many + b"e."
    yield "bytes of one string", (b"\x80\x02" + _short_string(b"a" * 100_000) + b"q\x02" + _short_string(b"latin1")
                                  + b"q\x03](" + b"c_codecs\nencode\nh\x02h\x03\x86R" * many + b"e.")
    yield "metadata of one list", (b"\x80\x02" + big_list + _short_string(b"_metadata") + b"q\x03]("
                                   + (b"c" + ordered[1:] + b")R}h\x03h\x02sb") * many + b"e.")
    yield "bytearray of a number", b"\x80\x02cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R."
    yield "long key again", (b"\x80\x02}(" + b"(" + b"K\x01" * many + b"tq\x02N" + b"h\x02N" * many + b"u.")
    yield "keys of one hash", b"\x80\x02}(" + b"".join(
        b"\x8a\x0a" + (i * ((1 << 61) - 1)).to_bytes(10, "little", signed=True) + b"N" for i in range(1, many)) + b"u."
    yield "numbers of one hash in the memo", b"\x80\x02N" + b"".join(
        b"p%d\n" % (i * ((1 << 61) - 1)) for i in range(1, many)) + b"."
    yield "long integer", b"\x80\x02\x8b" + struct.pack("<i", 2_000_000) + b"\x7f" * 2_000_000 + b"."
    yield "long decimal", b"\x80\x02L" + b"9" * 1_000_000 + b"L\n."
    yield "long integer as a size", b"\x80\x02" + size + b"\x8a\xc8" + b"\x7f" * 200 + b"\x85\x85R."
    yield "wrong number of a megabyte", b"\x80\x02F" + b"x" * 1_000_000 + b"\n."
    yield "name of a megabyte", b"\x80\x02c" + b"x" * 1_000_000 + b"\ny\n."
    yield "string that says it is longer", b"\x80\x02X\xff\xff\xff\x7fa."
    yield "bytes that say they are longer", b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7fa."
    yield "a storage alone", b"\x80\x02" + storage + b"K\x06tQ."
    yield "a storage's type alone", b"\x80\x02]ctorch\nFloatStorage\na."
    yield "huge strides", (b"\x80\x02" + tensor + storage + b"K\x06tQK\x00K\x02\x85\x8a\x08" + b"\xff" * 7
                            + b"\x3f\x85\x89}tR.")
    yield "a million dimensions", (b"\x80\x02" + tensor + storage + b"K\x06tQK\x00(" + b"K\x01" * 100_000 + b"t("
                                   + b"K\x00" * 100_000 + b"t\x89}tR.")
    yield "an expanded number", (b"\x80\x02" + tensor + storage + b"K\x06tQK\x00\x8a\x06" + b"\xff" * 5
                                 + b"\x7f\x85K\x00\x85\x89}tR.")


# ---- archives and compressed files ----

def rezipped(data, change):
    """The archive with members that ``change(name, bytes)`` gives, and right check sums; it may leave some out."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w") as new:
        for entry in old.infolist():
            content = change(entry.filename, old.read(entry))
            if content is not None:
                new.writestr(entry.filename, content)
    return file.getvalue()


def zipped(data, rng, others):
    """One member damaged behind its check sum."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
    victim = names[rng.integers(0, len(names))] if rng.random() < 0.2 else names[0]

    def change(name, content):
        if name != victim:
            return content
        if not name.endswith("data.pkl"):
            return None if rng.random() < 0.2 else blind(content, rng, others)
        kind = rng.random()
        if kind < 0.6:
            return _strange_pickle(content, rng)
        return blind(content, rng, others) if kind < 0.9 else _random_program(rng)
    return rezipped(data, change)


def streamed(data, rng, others):
    """The pickle of the contents damaged, by its instructions."""
    file, ends = io.BytesIO(data), [0]
    for _ in range(4):
        for _ in pickletools.genops(file):
            pass
        ends.append(file.tell())
    which = int(rng.choice([0, 2, 3, 3, 3, 3]))
    begin, end = ends[which], ends[which + 1]
    change = _strange_pickle(data[begin:end], rng) if rng.random() < 0.8 else _random_program(rng)
    return data[:begin] + change + data[end:]


def _entry(name, content):
    """What a zip archive says of a member, twice."""
    return struct.pack("<HHHHHIIIHH", 10, 0, 0, 0, 33, zlib.crc32(content), len(content), len(content), len(name), 0)


def overlapping(members=50, size=8 << 20):
    """An archive of storages that hold each other: one's numbers are the next one's header and numbers."""
    central, content = [], bytes(size)
    for i in reversed(range(members)):
        name = b"a/data/%d" % i
        fields = _entry(name, content)
        central.append((name, fields, len(content)))
        content = b"PK\3\4" + fields + name + content
    text = b"\x80\x02](" + b"".join(
        b"ctorch._utils\n_rebuild_tensor_v2\n((" + _short_string(b"storage") + b"ctorch\nByteStorage\n"
        + _short_string(name[7:]) + _short_string(b"cpu") + b"J" + struct.pack("<i", count) + b"tQK\x00J"
        + struct.pack("<i", count) + b"\x85K\x01\x85\x89}tR" for name, _, count in central) + b"e."
    name = b"a/data.pkl"
    fields = _entry(name, text)
    local = content + b"PK\3\4" + fields + name + text
    directory = b"".join(
        b"PK\1\2" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, place) + name
        for name, fields, place in [*((name, fields, len(content) - count - 30 - len(name))
                                      for name, fields, count in central), (name, fields, len(content))])
    return local + directory + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, members + 1, members + 1, len(directory),
                                                      len(local), 0)


def compressed(data, rng, others):
    """Damaged before compression, or members behind one another."""
    inner = gzip.decompress(data)
    kind = rng.random()
    if kind < 0.7:
        return gzip.compress(header_of_idx(inner, rng, others), 1, mtime=0)
    return data + (blind(data, rng, others) if kind < 0.9 else gzip.compress(b"", mtime=0) * 100)


def header_of_idx(data, rng, others):
    """Another type, number of dimensions or size."""
    data = bytearray(data)
    if rng.random() < 0.3:
        data[2 + rng.integers(0, 2)] = rng.integers(0, 20)
    else:
        at = 4 + 4 * int(rng.integers(0, max(data[3], 1)))
        data[at:at + 4] = (EXTREMES[rng.integers(0, len(EXTREMES))] % (1 << 32)).to_bytes(4, "big")
    return bytes(data)


def bomb(size=256 << 20):
    """An IDX file of zeros, of a thousandth of its size; its check sum is wrong, which a reader learns at its end."""
    packer, block = zlib.compressobj(9, zlib.DEFLATED, 31), bytes(1 << 20)
    start = packer.compress(bytes([0, 0, 8, 1]) + size.to_bytes(4, "big")) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)  # after a full flush the same for every block
    return start + again * (size >> 20) + packer.flush()


def foreign(rng):
    """A file of another format."""
    file = io.BytesIO()
    match rng.integers(0, 5):
        case 0:
            np.save(file, rng.random(5))
        case 1:
            np.savez(file, a=rng.random(5))
        case 2:
            pickle.dump({"a": [1, 2.5]}, file, int(rng.integers(0, 6)))
        case 3:
            file.write(b"\x89PNG\r\n\x1a\n" + rng.bytes(50))
        case 4:
            file.write(rng.bytes(int(rng.integers(0, 100))))
    return file.getvalue()


BY_FORMAT = {"safetensors": safetensors, "checkpoint": safetensors, "zip": zipped, "stream": streamed, "gz": compressed,
             "idx": header_of_idx}
