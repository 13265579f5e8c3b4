"""Decodes a replay log by docs/formats/replay-log.md alone: a second reader to hold the first one against.

Usage: decode_log.py FILE
Prints "complete" or "incomplete", the header's lines after "# ", and a line for each event:
number position time kind bytes detail...
"""

import struct
import sys
import zlib

MASK = 2**64 - 1


class Damaged(Exception):
    pass


def head(data, at):
    """The fields before a member's compressed data, or None when no member starts at `at`."""
    if data[at : at + 10] != bytes.fromhex("1f8b08040000000000ff") or len(data) - at < 53:
        return None
    if data[at + 12 : at + 16] != b"RL" + struct.pack("<H", 37):
        return None
    kind, size, events, first, position, time, crc = struct.unpack_from("<cIIQQQI", data, at + 16)
    if crc != zlib.crc32(data[at : at + 49]):
        return None
    (extra,) = struct.unpack_from("<H", data, at + 10)
    return kind, size, events, first, position, time, 12 + extra


def unpack(data, at):
    kind, size, events, first, position, time, start = head(data, at)
    if at + size > len(data):
        raise Damaged("cut off")
    crc, length = struct.unpack_from("<II", data, at + size - 8)
    content = zlib.decompress(data[at + start : at + size - 8], -15)
    if zlib.crc32(content) != crc or len(content) != length or length > 65536:
        raise Damaged("checksum")
    return content


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Damaged("event cut off")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value


def detail(kind, data):
    b = Bytes(data)
    if kind == 3:
        drive, ident, op, sector, count = b.varint(), b.varint(), b.number("B"), b.varint(), b.varint()
        words = [drive, ident, op, sector, count, b.number("<Q") if op == 1 else 0]
    elif kind == 4:
        drive, ident, flags = b.varint(), b.varint(), b.number("B")
        words = [drive, ident, flags & 1, b.number("<Q") if flags & 2 else "none"]
    elif kind == 5:
        words = [b.number("<Q")]
    elif kind == 7:
        words = [b.number("B")]
    elif kind in (8, 10):
        words = [b.number("B"), b.number("<I")]
    elif kind in (11, 12):
        words = [b.varint(), b.number("B")]
        words += [b.varint(), b.number("<Q")] if words[1] else [b.take(len(data) - b.at).hex()]
    elif kind == 13:
        words = [b.varint(), b.number("B")]
    elif kind == 9:
        words = struct.unpack("<%dQ" % (len(data) // 8), b.take(len(data)))
    else:
        words = [b.take(len(data)).hex()]
    if b.at != len(data):
        raise Damaged("bytes left over")
    return " ".join(map(str, words))


def index_of(data):
    """Offsets of the members of events by the index, or None when the log was not closed."""
    at = len(data) - 87
    if at < 0 or head(data, at) is None or data[at + 16 : at + 17] != b"T":
        return None
    offset, count, crc = struct.unpack_from("<QQI", data, at + 57)
    if crc != zlib.crc32(data[at : at + 73]):
        return None
    table = b""
    while offset < at:
        table += unpack(data, offset)
        offset += head(data, offset)[1]
    entries = list(struct.iter_unpack("<QQQQ", table))
    if len(entries) != count:
        raise Damaged("index")
    return entries


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    lines = unpack(data, 0).decode().splitlines()
    major = lines[0].removeprefix("RRTOOLLOG ").split(".")[0]
    if major not in ("1", "2"):
        raise Damaged("version")
    header = dict(line.split("=", 1) for line in lines[1:])
    shift = int(header["shift"])
    index = index_of(data)
    print("complete" if index is not None else "incomplete")
    for line in lines:
        print("# " + line)
    _, at, _, first, *_ = head(data, 0)
    if major == "1" and first:
        raise Damaged("events were dropped")
    walked, number = [], first
    while True:
        fields = head(data, at)
        if fields is None or fields[0] != b"E" or at + fields[1] > len(data):
            break
        _, size, events, first, position, time, _ = fields
        if first != number:
            raise Damaged("numbers")
        walked.append((at, first, position, time))
        idle = time - (position << shift)
        b = Bytes(unpack(data, at))
        while b.at < len(b.data):
            start = b.at
            tag = b.number("B")
            position += b.varint()
            idle += b.varint() if tag & 0x80 else 0
            payload = b.take(b.varint())
            text = detail(tag & 0x7F, payload)
            print(number, position, (position << shift) + idle & MASK, tag & 0x7F, b.at - start, text)
            number += 1
        if number != first + events:
            raise Damaged("count")
        at += size
    if index is not None and index != walked:
        raise Damaged("the index is not what walking finds")


main()
