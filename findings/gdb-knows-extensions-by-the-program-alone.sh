#!/bin/bash
# What decides which instructions gdb-multiarch shows for RISC-V: the machine, the file with the symbols, or the file with the program.
#
# Guess: without .riscv.attributes in sight it shows all that it knows; with them, those of the file whose code or symbols are shown, be it
# given by file, exec-file, symbol-file or add-symbol-file; and where code was built by .option arch, what its $x symbol says.
# Seen with 13.1 (and 16.3): the program's attributes alone decide, as file and exec-file name it. With none of them everything beyond
# rv64gc is .4byte: vectors, Zba, cbo.zero, wrs.nto; and so it stays when symbol-file or add-symbol-file name a file that has them, on
# a remote machine too. $x symbols, which GNU as writes and objdump heeds, are nothing to it. Debian's vmlinux (6.12) has no attributes:
# its 740 vsetvli, clz, ctz, cpop, rev8 and orc.b are numbers in gdb alone. To see them, name a file first that was built for most.
set -euo pipefail
version=13.1
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
{
  debootstrap --variant=minbase --include=binutils-riscv64-linux-gnu bookworm "$folder/root"
  chroot "$folder/root" apt-get -qq -y --no-install-recommends install gdb-multiarch
} >"$folder/log" 2>&1 || { tail -n 3 "$folder/log" >&2; exit 1; }
seen=$(chroot "$folder/root" gdb-multiarch --version | sed -nE '1s/.* ([0-9.]+)$/\1/p')
[ "$seen" = "$version" ] || { echo "this is gdb $seen, not $version" >&2; exit 1; }

chroot "$folder/root" bash -euc '
  cd /tmp
  cat >code.S <<G
    .globl code
code:
    vadd.vv v1, v2, v3
    sh1add a0, a1, a2
    cbo.zero (a0)
    wrs.nto
G
  riscv64-linux-gnu-as -march=rv64gcv_zba_zicboz_zawrs -o object.o code.S
  riscv64-linux-gnu-ld -e code -Ttext=0x80000000 -o knows object.o
  riscv64-linux-gnu-objcopy -R .riscv.attributes knows silent
  show() {
    echo "$1: $(gdb-multiarch -nx -batch "${@:2}" -ex "x/4i 0x80000000" 2>/dev/null \
      | sed -nE "s/^ +0x[^\t]*\t//p" | tr "\t" " " | paste -sd"|")"
  }
  { printf "    .globl code\ncode:\n    .option push\n.option arch,+v,+zba,+zicboz,+zawrs\n"; sed 1,2d code.S; echo .option pop; } >inner.S
  riscv64-linux-gnu-as -march=rv64gc -o object.o inner.S
  riscv64-linux-gnu-ld -e code -Ttext=0x80000000 -o inner object.o
  echo "objdump by \$x: $(riscv64-linux-gnu-objdump -d inner | sed -nE "s/^ *80000...:\t[^\t]*\t//p" | tr "\t" " " | paste -sd"|")"
  show "gdb by \$x" -ex "file inner"
  show "file with attributes" -ex "file knows"
  show "file without" -ex "file silent"
  show "exec-file with, symbol-file without" -ex "exec-file knows" -ex "symbol-file silent"
  show "exec-file without, symbol-file with" -ex "exec-file silent" -ex "symbol-file knows"
  show "file without, add-symbol-file with" -ex "file silent" -ex "add-symbol-file knows"
' | tee "$folder/seen"
diff - "$folder/seen" <<'S'
objdump by $x: vadd.vv v1,v2,v3|sh1add a0,a1,a2|cbo.zero (a0)|wrs.nto
gdb by $x: .4byte 0x22180d7|.4byte 0x20c5a533|.4byte 0x45200f|.4byte 0xd00073
file with attributes: vadd.vv v1,v2,v3|sh1add a0,a1,a2|cbo.zero (a0)|wrs.nto
file without: .4byte 0x22180d7|.4byte 0x20c5a533|.4byte 0x45200f|.4byte 0xd00073
exec-file with, symbol-file without: vadd.vv v1,v2,v3|sh1add a0,a1,a2|cbo.zero (a0)|wrs.nto
exec-file without, symbol-file with: .4byte 0x22180d7|.4byte 0x20c5a533|.4byte 0x45200f|.4byte 0xd00073
file without, add-symbol-file with: .4byte 0x22180d7|.4byte 0x20c5a533|.4byte 0x45200f|.4byte 0xd00073
S
