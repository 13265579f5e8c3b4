#!/bin/bash
# What LIEF 1.0.0 (PyPI) makes of a RISC-V object file of GNU as that it reads and writes again, with nothing changed in between.
#
# Guess: the same sections, symbols and relocations; the rewritten object links to the same program.
# Seen: it looks up the symbol of a relocation by its name when it writes. GNU as names the label of each auipc ".L0 ", all of them alike, and
# an addi finds its auipc by that label: now all find the first. The linker takes that without a word, and the second of two variables
# is looked for at the place of the first and the distance of the two auipc. (The differences in .debug_line go the same way;
# clang's labels all differ, and come out right.) Who patches objects or modules by it compares readelf -r before and after.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/python"
"$folder/python/bin/pip" -q install lief==1.0.0
debootstrap --variant=minbase --include=binutils-riscv64-linux-gnu bookworm "$folder/root" \
  >"$folder/log" 2>&1 || { tail -n 3 "$folder/log" >&2; exit 1; }
cat >"$folder/root/tmp/code.S" <<'G'
    .globl _start
_start:
    la a0, first
    la a1, second
    ret
    .bss
    .skip 256
first:
    .skip 1024
second:
    .skip 4
G
chroot "$folder/root" riscv64-linux-gnu-as -march=rv64gc -o /tmp/before.o /tmp/code.S
"$folder/python/bin/python" -c '
import sys
import lief
lief.ELF.parse(sys.argv[1] + "/before.o").write(sys.argv[1] + "/after.o")' "$folder/root/tmp"
for name in before after; do
  echo "$name:"
  chroot "$folder/root" bash -euc '
    cd /tmp
    riscv64-linux-gnu-readelf -rW $0.o | sed -nE "s/^0*([0-9a-f]+) .*(R_RISCV_PCREL_LO12_I) +0*([0-9a-f]+) .*/\2 at \1: label at \3/p"
    riscv64-linux-gnu-ld --no-relax -Ttext=0x10000 -Tbss=0x20000 -o $0 $0.o
    riscv64-linux-gnu-objdump -d $0 | sed -nE "s/.*\taddi?\t(a[01]),.*(# .*)/\1: \2/p"' "$name"
done | tee "$folder/seen"
diff - "$folder/seen" <<'S'
before:
R_RISCV_PCREL_LO12_I at 4: label at 0
R_RISCV_PCREL_LO12_I at c: label at 8
a0: # 20100 <first>
a1: # 20500 <second>
after:
R_RISCV_PCREL_LO12_I at 4: label at 0
R_RISCV_PCREL_LO12_I at c: label at 0
a0: # 20100 <first>
a1: # 20108 <first+0x8>
S
