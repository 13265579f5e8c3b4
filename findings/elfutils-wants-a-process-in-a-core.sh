#!/bin/bash
# What elfutils 0.188 makes of a core of a whole machine, as QEMU 7.2.22 writes it (dump-guest-memory) for two RISC-V harts.
#
# Guess: eu-readelf -n lists the two NT_PRSTATUS notes and their registers; eu-stack says that it cannot unwind RISC-V.
# Seen: eu-readelf -n prints nothing and ends with 0. The core has a table of sections, none of them with notes, and where there is a table
# it looks there alone; with the table taken away it shows both. eu-stack says "not a valid ELF file", by which it means that no
# NT_PRPSINFO is there, the note that says whose process it was: a machine has none. With one made up it shows the pc of each hart.
# So a core for elfutils has no sections, and a process, though none ran.
set -euo pipefail
version=7.2.22
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
debootstrap --variant=minbase --include=qemu-system-misc,elfutils bookworm "$folder/root" >"$folder/log" 2>&1 \
  || { tail -n 3 "$folder/log" >&2; exit 1; }
seen=$(chroot "$folder/root" qemu-system-riscv64 --version | sed -nE 's/.*version ([0-9.]+).*/\1/p')
[ "$seen" = "$version" ] || { echo "this is QEMU $seen, not $version" >&2; exit 1; }
chroot "$folder/root" eu-readelf --version | grep -qx 'eu-readelf (elfutils) 0.188' || { echo "not elfutils 0.188" >&2; exit 1; }

# The machine has not started: all that there is to see are its pcs.
(ulimit -v 8000000
  printf 'dump-guest-memory /tmp/core\nquit\n' | timeout 60 chroot "$folder/root" qemu-system-riscv64 -M virt -m 16M -smp 2 -S \
    -bios none -display none -serial none -monitor stdio >/dev/null)
python3 - "$folder/root/tmp" <<'P'
import struct
import sys

core = open(f"{sys.argv[1]}/core", "rb").read()
head = struct.unpack_from("<QQ", core, 32)[0]
kind, _, at, _, _, size = struct.unpack_from("<IIQQQQ", core, head)
assert kind == 4
notes = core[at : at + size]
process = struct.pack("<III8s", 5, 136, 3, b"CORE") + bytes(24) + struct.pack("<i", 77) + bytes(108)

def write(name, notes, has_sections):
    out = bytearray(core)
    struct.pack_into("<Q", out, head + 8, len(out))
    struct.pack_into("<QQ", out, head + 32, len(notes), len(notes))
    if not has_sections:
        struct.pack_into("<Q", out, 40, 0)
        struct.pack_into("<HHH", out, 58, 0, 0, 0)
    open(f"{sys.argv[1]}/{name}", "wb").write(out + notes)

write("no-sections", notes, False)
write("process", process + notes, True)
write("process-no-sections", process + notes, False)
P
chroot "$folder/root" bash -eu <<'G' | tee "$folder/seen"
cd /tmp
for core in core no-sections process process-no-sections; do
  echo "$core: $(eu-readelf -n $core | grep -c '  PRSTATUS') harts, $(eu-stack --core=$core 2>&1 \
    | grep -E 'not a valid|^#0' | sed 's/.*_attach: //' | paste -sd' ')"
done
G
diff - "$folder/seen" <<'S'
core: 0 harts, not a valid ELF file
no-sections: 2 harts, not a valid ELF file
process: 0 harts, #0  0x0000000000001000 #0  0x0000000000001000
process-no-sections: 2 harts, #0  0x0000000000001000 #0  0x0000000000001000
S
