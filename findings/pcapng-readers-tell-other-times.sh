#!/bin/bash
# The times that three Python readers tell of one valid pcapng file: dpkt 1.9.8, scapy 2.8.0 and python-pcapng 2.1.1 (PyPI).
#
# Guess: each heeds if_tsresol and if_tsoffset of the interface that a packet names, and starts its count of interfaces anew with each
# section; a simple packet block has no time.
# Seen: dpkt reads all packets by the resolution of the first interface, leaves simple packets out, and ends without an error where a
# section of the other byte order begins. scapy reads a second section's packets by the first section's interfaces, and gives a simple
# packet the time at which it is read; neither it nor python-pcapng heeds if_tsoffset. (tshark 4.0.17 told all of these right.)
# So a file for all of them has one section, one resolution for all interfaces, no offset and no simple packets.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/python"
"$folder/python/bin/pip" -q install dpkt==1.9.8 scapy==2.8.0 python-pcapng==2.1.1
cd "$folder"
"$folder/python/bin/python" - <<'P' 2>/dev/null | tee "$folder/seen"
import struct
import time

import dpkt
import pcapng
from scapy.utils import PcapNgReader

FRAME = bytes.fromhex("ffffffffffff525400000001") + b"\x08\x06" + bytes(46)
BASE = 1700000000

class Section:
    def __init__(self, order):
        self.order = order
        self.bytes = self.block(0x0A0D0D0A, self.pack("IHHq", 0x1A2B3C4D, 1, 0, -1))

    def pack(self, form, *values):
        return struct.pack(self.order + form, *values)

    def block(self, kind, body):
        length = self.pack("I", len(body) + 12)
        return self.pack("I", kind) + length + body + length

    def interface(self, resolution, offset=None):
        options = self.pack("HH", 9, 1) + bytes([resolution, 0, 0, 0])
        if offset is not None:
            options += self.pack("HHq", 14, 8, offset)
        self.bytes += self.block(1, self.pack("HHI", 1, 0, 0) + options + bytes(4))
        return self

    def packet(self, interface, ticks):
        head = self.pack("IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(FRAME), len(FRAME))
        self.bytes += self.block(6, head + FRAME)
        return self

    def simple(self):
        self.bytes += self.block(3, self.pack("I", len(FRAME)) + FRAME)
        return self

def little():
    return Section("<")

plain = little().interface(9).packet(0, BASE * 10**9)
files = {  # and what they hold, in seconds after BASE
    "another resolution +0 +1": little().interface(9).interface(6).packet(0, BASE * 10**9).packet(1, (BASE + 1) * 10**6).bytes,
    "an offset of 1000 s +0": little().interface(9, 1000).packet(0, (BASE - 1000) * 10**9).bytes,
    "another section +0 +1": plain.bytes + little().interface(6).packet(0, (BASE + 1) * 10**6).bytes,
    "another byte order +0 +1": plain.bytes + Section(">").interface(9).packet(0, (BASE + 1) * 10**9).bytes,
    "a simple packet none +0": little().interface(9).simple().packet(0, BASE * 10**9).bytes,
}
readers = {
    "dpkt": lambda file: [when for when, _ in dpkt.pcapng.Reader(file)],
    "scapy": lambda file: [packet.time for packet in PcapNgReader(file)],
    "python-pcapng": lambda file: [
        getattr(block, "timestamp", None) for block in pcapng.FileScanner(file) if hasattr(block, "packet_data")
    ],
}

def told(when):
    if when is None:
        return "none"
    return "now" if abs(float(when) - time.time()) < 60 else f"{float(when) - BASE:+.10g}"

for name, content in files.items():
    open("file.pcapng", "wb").write(content)
    for reader, times in readers.items():
        with open("file.pcapng", "rb") as file:
            print(f"{name} | {reader}", *map(told, times(file)))
P
diff - "$folder/seen" <<'S'
another resolution +0 +1 | dpkt +0 -1698300000
another resolution +0 +1 | scapy +0 +1
another resolution +0 +1 | python-pcapng +0 +1
an offset of 1000 s +0 | dpkt +0
an offset of 1000 s +0 | scapy -1000
an offset of 1000 s +0 | python-pcapng -1000
another section +0 +1 | dpkt +0 -1698300000
another section +0 +1 | scapy +0 -1698300000
another section +0 +1 | python-pcapng +0 +1
another byte order +0 +1 | dpkt +0
another byte order +0 +1 | scapy +0 +1
another byte order +0 +1 | python-pcapng +0 +1
a simple packet none +0 | dpkt +0
a simple packet none +0 | scapy now +0
a simple packet none +0 | python-pcapng none +0
S
