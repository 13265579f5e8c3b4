#!/bin/bash
# How ISA-L's igzip packs bytes without any order that come again and again, as copies of one block in memory do, at its levels 0 to 3.
#
# Guess: each level packs at least as well as the one before it; level 0 the worst of all.
# Seen with isal 1.7.2 from PyPI (ISA-L 2.31): up to 64 KiB of a block of 1,000 random bytes that is so; of 1 MiB level 0 makes 20 KB,
# levels 1 and 2 some 300 KB, level 3 makes 6 KB, and zlib's level 1 makes 8 KB. Levels 1 and 2 do find the block again at first, and lose it
# somewhere behind the first 64 KiB. So what is packed at level 1 is better given in small pieces, each for itself: in pieces of 16 KiB it is
# 77 KB, which is no more than those pieces hold of new bytes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check isal==1.7.2
"$folder/venv/bin/python" - <<'P'
import random
import zlib
from isal import isal_zlib

random.seed(1)
block = random.randbytes(1000)

def sizes(count):
    data = (block * (count // len(block) + 1))[:count]
    packed = [isal_zlib.compress(data, level) for level in range(4)]
    assert all(zlib.decompress(each) == data for each in packed)
    return [len(each) for each in packed], len(zlib.compress(data, 1))

small, _ = sizes(1 << 16)
large, other = sizes(1 << 20)
data = (block * 1100)[: 1 << 20]
pieces = sum(len(isal_zlib.compress(data[at : at + 16384], 1)) for at in range(0, len(data), 16384))
print(f"64 KiB, levels 0 to 3: {small}")
print(f"1 MiB, levels 0 to 3: {large}, zlib's level 1: {other}, level 1 in pieces of 16 KiB: {pieces}")
assert small[1] < small[0] and small[3] < small[0], "64 KiB"
assert large[1] > 10 * large[0] and large[2] > 10 * large[0], "levels 1 and 2 lose the block"
assert large[3] < large[0] and other < large[0], "level 3 and zlib do not"
assert pieces < large[1] / 3, "pieces"
P
echo "as described"
