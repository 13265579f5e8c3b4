#!/bin/bash
# What machine-mode registers of QEMU's RISC-V harts read back after all bits were written that a program may write by mistake.
#
# Guess: what the privileged specification leaves of it. mepc: bit 0 is always 0. mie: the bits of the interrupts that there are (aaa,
# and some more with the hypervisor extension). pmpaddr0: 54 bits of an address. A pmpcfg byte: bits 5 and 6 are 0.
# Seen with 10.0.13, -cpu rv64,h=false: mepc keeps bit 0, mie keeps all bits from 16 up as well, pmpaddr0 all 64, pmpcfg0 bits 5 and 6. A
# program that finds the width of addresses that PMP can hold by writing ones gets 66 bits, and one that looks
# for the interrupts there are finds 48 too many. (7.2.22 keeps to 2eee in mie, and is the same in the others.)
set -euo pipefail
version=10.0.13
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
debootstrap --variant=minbase --include=qemu-system-riscv,binutils-riscv64-linux-gnu trixie "$folder/root" \
  >"$folder/log" 2>&1 || { tail -n 3 "$folder/log" >&2; exit 1; }
seen=$(chroot "$folder/root" qemu-system-riscv64 --version | sed -nE 's/.*version ([0-9.]+).*/\1/p')
[ "$seen" = "$version" ] || { echo "this is QEMU $seen, not $version" >&2; exit 1; }

cat >"$folder/root/tmp/guest.S" <<'G'
    .globl _start
_start:
    csrr t0, mhartid
1:  bnez t0, 1b
    li s0, 0x10000000
    li a1, -1
    csrw mepc, a1
    csrr a0, mepc
    call tell
    csrw mie, a1
    csrr a0, mie
    csrw mie, zero
    call tell
    csrw pmpaddr0, a1
    csrr a0, pmpaddr0
    call tell
    li a1, 0x7f         # all but the lock
    csrw pmpcfg0, a1
    csrr a0, pmpcfg0
    csrw pmpcfg0, zero
    call tell
    li t0, 0x100000
    li t1, 0x5555
    sw t1, 0(t0)
1:  j 1b

tell:                   # a0 as 16 digits
    li t1, 60
1:  srl t0, a0, t1
    andi t0, t0, 15
    addi t0, t0, 48
    li t2, 58
    blt t0, t2, 2f
    addi t0, t0, 39
2:  sb t0, 0(s0)
    addi t1, t1, -4
    bgez t1, 1b
    li t0, 10
    sb t0, 0(s0)
    ret
G
chroot "$folder/root" sh -euc '
  cd /tmp
  riscv64-linux-gnu-as -march=rv64ima_zicsr -o guest.o guest.S
  riscv64-linux-gnu-ld -Ttext=0x80000000 -o guest guest.o
  ulimit -v 8000000
  timeout 60 qemu-system-riscv64 -M virt -cpu rv64,h=false -m 16M -display none -serial stdio -monitor none -bios none \
    -kernel guest </dev/null' | tr -d '\r' >"$folder/seen"
paste <(printf '%s\n' mepc mie pmpaddr0 pmpcfg0) "$folder/seen"
diff - "$folder/seen" <<'S'
ffffffffffffffff
ffffffffffff0aaa
ffffffffffffffff
000000000000007f
S
