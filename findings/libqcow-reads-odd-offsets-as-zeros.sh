#!/bin/bash
# What libqcow 20260703 (PyPI) reads from compressed qcow2 images, of the plainest kind: zlib, clusters of 64 KiB, from qemu-img convert -c.
#
# Guess: what is in them, as for images that are not compressed; for kinds that it does not know (zstd, extended L2 entries), an error.
# Seen: a cluster whose compressed bytes start at an odd place of the file reads as zeros, without an error; one that starts at an even
# place reads right. They lie there byte by byte, so about half of an image is lost. The lowest bit of an entry says "all zeros" where a
# cluster is not compressed, and is part of the place where it is. So no sum that this library makes of a packed image is to
# be believed, and an image that such tools are to read is better not compressed. (A kind that it does not know is refused.)
set -euo pipefail
version=7.2.22
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/python"
"$folder/python/bin/pip" -q install libqcow-python==20260703
debootstrap --variant=minbase --include=qemu-utils bookworm "$folder/root" >"$folder/log" 2>&1 \
  || { tail -n 3 "$folder/log" >&2; exit 1; }
seen=$(chroot "$folder/root" qemu-img --version | sed -nE 's/.*version ([0-9.]+).*/\1/p')
[ "$seen" = "$version" ] || { echo "this is qemu-img $seen, not $version" >&2; exit 1; }

# Sixteen clusters, each of one letter again and again.
for letter in A B C D E F G H I J K L M N O P; do
  head -c 65536 /dev/zero | tr '\0' "$letter"
done >"$folder/root/tmp/plain.raw"
chroot "$folder/root" bash -euc '
  cd /tmp
  qemu-img convert -c -f raw -O qcow2 plain.raw zlib.qcow2
  qemu-img convert -f raw -O qcow2 plain.raw plain.qcow2
  qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd plain.raw zstd.qcow2
  qemu-img compare -q -f raw -F qcow2 plain.raw zlib.qcow2'
"$folder/python/bin/python" - "$folder/root/tmp" <<'P' | tee "$folder/seen"
import struct
import sys

import pyqcow

SIZE = 1 << 16
folder = sys.argv[1]
wanted = open(f"{folder}/plain.raw", "rb").read()
image = open(f"{folder}/zlib.qcow2", "rb").read()
first = struct.unpack_from(">Q", image, 40)[0]
second = struct.unpack_from(">Q", image, first)[0] & 0x00FFFFFFFFFFFE00

def clusters(name):
    opened = pyqcow.file()
    opened.open(f"{folder}/{name}.qcow2")
    return [opened.read_buffer_at_offset(SIZE, at) for at in range(0, len(wanted), SIZE)]

counts = {}
for number, read in enumerate(clusters("zlib")):
    place = struct.unpack_from(">Q", image, second + 8 * number)[0] & ((1 << 54) - 1)
    is_right = read == wanted[number * SIZE : (number + 1) * SIZE]
    told = "right" if is_right else "zeros" if not any(read) else "other"
    key = ("odd" if place & 1 else "even", told)
    counts[key] = counts.get(key, 0) + 1
for (parity, told), count in sorted(counts.items()):
    print(f"compressed, at an {parity} place: {count} read as {told}")
print("not compressed:", "right" if b"".join(clusters("plain")) == wanted else "wrong")
try:
    clusters("zstd")
    print("zstd: read")
except OSError:
    print("zstd: refused")
P
diff - "$folder/seen" <<'S'
compressed, at an even place: 8 read as right
compressed, at an odd place: 8 read as zeros
not compressed: right
zstd: refused
S
