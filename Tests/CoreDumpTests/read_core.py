#!/usr/bin/env python3
"""An independent reader of cores, for tests: written from the formats' descriptions, sharing nothing with the writer.

    read_core.py FILE                    what the core says, as JSON
    read_core.py FILE ADDRESS SIZE       so many bytes of physical memory, on standard output
    read_core.py FILE virtual ADDRESS SIZE   the same at a virtual address, as a debugger finds it
"""
import json
import struct
import sys
import zlib

data = open(sys.argv[1], "rb").read()


def notes(raw):
    found = []
    offset = 0
    while offset < len(raw):
        name_size, size, kind = struct.unpack_from("<III", raw, offset)
        offset += 12
        name = raw[offset:offset + name_size].rstrip(b"\0").decode()
        offset += (name_size + 3) // 4 * 4
        contents = raw[offset:offset + size]
        assert len(contents) == size, "a note is cut off"
        offset += (size + 3) // 4 * 4
        note = {"owner": name, "type": kind, "size": size}
        if (name, kind) == ("CORE", 1):
            note["thread"] = struct.unpack_from("<I", contents, 32)[0]
            note["registers"] = [hex(value) for value in struct.unpack_from("<32Q", contents, 112)]
        elif (name, kind) == ("CORE", 2):
            note["registers"] = [hex(value) for value in struct.unpack_from("<32Q", contents, 0)]
            note["status"] = struct.unpack_from("<I", contents, 256)[0]
        elif (name, kind) == ("GDB", 0x900):
            note["registers"] = [hex(value) for value in struct.unpack(f"<{size // 8}Q", contents)]
        else:
            note["text"] = contents.decode()
        found.append(note)
    return found


class ELF:
    def __init__(self):
        (kind, machine, version, entry, table, sections, flags, header_size, entry_size, count, section_size,
         section_count, _) = struct.unpack_from("<HHIQQQIHHHHHH", data, 16)
        assert data[:7] == b"\x7fELF\x02\x01\x01" and kind == 4 and machine == 243 and entry_size == 56
        if count == 0xffff:
            assert section_count >= 1
            count = struct.unpack_from("<I", data, sections + 44)[0]
        self.segments = []
        self.notes = []
        for index in range(count):
            kind, _, offset, virtual, physical, size, _, alignment = struct.unpack_from(
                "<IIQQQQQQ", data, table + 56 * index)
            assert offset + size <= len(data), "a segment lies outside of the file"
            if kind == 4:
                self.notes += notes(data[offset:offset + size])
            elif kind == 1:
                # None is stated, for crash's sake; pages lie in the file as in memory all the same.
                assert alignment == 0 and offset % 4096 == virtual % 4096
                self.segments.append((offset, virtual, physical, size))

    def describe(self):
        return {
            "format": "elf", "notes": self.notes,
            "segments": [{"offset": hex(o), "virtual": hex(v), "physical": hex(p), "size": hex(s)}
                         for o, v, p, s in self.segments]}

    def read(self, address, size, column=2):
        result = b""
        while len(result) < size:
            at = address + len(result)
            for segment in self.segments:
                if segment[column] <= at < segment[column] + segment[3]:
                    start = segment[0] + at - segment[column]
                    count = min(size - len(result), segment[column] + segment[3] - at)
                    result += data[start:start + count]
                    break
            else:
                sys.exit(f"there is no memory at {at:#x}")
        return result


class Kdump:
    def __init__(self):
        assert data[:8] == b"KDUMP   "
        self.version = struct.unpack_from("<I", data, 8)[0]
        fields = [data[12 + 65 * index:12 + 65 * (index + 1)].split(b"\0")[0].decode() for index in range(6)]
        self.names = fields
        (status, block, sub_blocks, bitmap_blocks, _, _, _, _, _, self.harts) = struct.unpack_from("<10I", data, 424)
        assert self.version == 6 and status == 1 and block == 4096
        (_, _, _, _, _, info_offset, info_size, note_offset, note_size, _, _, _, _, count) = struct.unpack_from(
            "<QIIQQQQQQQQQQQ", data, block)
        self.notes = notes(data[note_offset:note_offset + note_size])
        self.information = data[info_offset:info_offset + info_size].decode()
        half = bitmap_blocks // 2 * block
        start = (1 + sub_blocks) * block
        first, second = data[start:start + half], data[start + half:start + 2 * half]
        assert len(second) == half and half * 8 >= count
        pages = [page for page in range(count) if second[page // 8] >> (page % 8) & 1]
        assert all(first[page // 8] >> (page % 8) & 1 for page in pages), "a page is dumped that is no memory"
        assert not any(second[(count + 7) // 8:])
        table = start + 2 * half
        self.places = {page: struct.unpack_from("<QIIQ", data, table + 24 * index)
                       for index, page in enumerate(pages)}

    def describe(self):
        return {"format": "kdump", "notes": self.notes, "names": self.names, "harts": self.harts,
                "information": self.information, "pages": len(self.places),
                "distinct": len({place[0] for place in self.places.values()})}

    def read(self, address, size):
        assert address % 4096 == 0 and size % 4096 == 0
        result = []
        for page in range(address // 4096, (address + size) // 4096):
            offset, count, flags, _ = self.places[page]
            raw = data[offset:offset + count]
            raw = zlib.decompress(raw) if flags & 1 else raw
            assert len(raw) == 4096
            result.append(raw)
        return b"".join(result)


core = ELF() if data[:4] == b"\x7fELF" else Kdump()
arguments = sys.argv[2:]
if not arguments:
    json.dump(core.describe(), sys.stdout)
elif arguments[0] == "virtual":
    sys.stdout.buffer.write(core.read(int(arguments[1], 0), int(arguments[2], 0), 1))
else:
    sys.stdout.buffer.write(core.read(int(arguments[0], 0), int(arguments[1], 0)))
