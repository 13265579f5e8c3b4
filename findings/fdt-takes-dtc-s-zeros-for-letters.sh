#!/bin/bash
# Whether fdt 0.3.3 (PyPI) reads the source that dtc 1.6.1 writes of a device tree, of QEMU's virt board say: dumpdtb, dtc -O dts, edit, read.
#
# Guess: yes, to the byte: it is the only language that both speak.
# Seen: dtc guesses what a value is. A list of strings comes out as one string with \0 in it, and so does the serial port's clock of
# 3,686,400 Hz, whose bytes are 00 "8@" 00. fdt knows no \ in strings and takes it and the zero for letters: "sifive,clint0\0riscv,clint0" is
# then one string that no driver knows, the clock is five bytes, and nothing is said. Its own source of the same tree (or the dtb
# itself) it reads right.
set -euo pipefail
version=1.6.1
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/python"
"$folder/python/bin/pip" -q install fdt==0.3.3
debootstrap --variant=minbase --include=device-tree-compiler bookworm "$folder/root" >"$folder/log" 2>&1 \
  || { tail -n 3 "$folder/log" >&2; exit 1; }
seen=$(chroot "$folder/root" dtc --version | sed -nE 's/.* DTC ([0-9.]+).*/\1/p')
[ "$seen" = "$version" ] || { echo "this is dtc $seen, not $version" >&2; exit 1; }
cat >"$folder/root/tmp/board.dts" <<'D'
/dts-v1/;
/ {
  compatible = "riscv-virtio";
  clint { compatible = "sifive,clint0", "riscv,clint0"; };
  serial { clock-frequency = <0x384000>; };
};
D
chroot "$folder/root" bash -euc '
  cd /tmp
  dtc -q -I dts -O dtb -o board.dtb board.dts
  dtc -q -I dtb -O dts -o written.dts board.dtb
  grep -E "clint0|clock" written.dts | tr -d "\t"' | tee "$folder/seen"
"$folder/python/bin/python" - "$folder/root/tmp" <<'P' | tee -a "$folder/seen"
import sys

import fdt

def read(name):
    with open(f"{sys.argv[1]}/{name}", "rb") as file:
        return file.read()

tree = fdt.parse_dtb(read("board.dtb"))
sources = {"dtb": tree, "fdt's source": fdt.parse_dts(tree.to_dts()), "dtc's source": fdt.parse_dts(read("written.dts").decode())}
blobs = {name: each.to_dtb(version=17) for name, each in sources.items()}
for name, blob in blobs.items():
    print(f"{name}: {'the same' if blob == blobs['dtb'] else 'another tree'}")
print("clint:", sources["dtc's source"].get_property("compatible", "clint").data)
print("clock:", len(sources["dtc's source"].get_property("clock-frequency", "serial").value) + 1, "bytes")
P
diff - "$folder/seen" <<'S'
compatible = "sifive,clint0\0riscv,clint0";
clock-frequency = "\08@";
dtb: the same
fdt's source: the same
dtc's source: another tree
clint: ['sifive,clint0\\0riscv,clint0']
clock: 5 bytes
S
