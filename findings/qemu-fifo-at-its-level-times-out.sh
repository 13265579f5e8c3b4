#!/bin/bash
# What IIR of the 16550 on QEMU's RISC-V virt board says of input that has reached the FIFO's trigger level and is not read at once.
#
# Guess: "received data" (4) for as long as the level is reached; a time-out (c) is for input below the level.
# Seen with 7.2.22 (and 10.0.13): "received data" first, and a time-out once four characters' time has passed, level or not; it stays one
# when more comes in. So a model in which that time has always passed cannot tell both: a driver that reads IIR at once sees 4 on
# QEMU, and one that is slow sees c.
set -euo pipefail
version=7.2.22
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
debootstrap --variant=minbase --include=qemu-system-misc,binutils-riscv64-linux-gnu bookworm "$folder/root" \
  >"$folder/log" 2>&1 || { tail -n 3 "$folder/log" >&2; exit 1; }
seen=$(chroot "$folder/root" qemu-system-riscv64 --version | sed -nE 's/.*version ([0-9.]+).*/\1/p')
[ "$seen" = "$version" ] || { echo "this is QEMU $seen, not $version" >&2; exit 1; }

cat >"$folder/root/tmp/guest.S" <<'G'
    .globl _start
_start:
    csrr t0, mhartid
1:  bnez t0, 1b
    li s0, 0x10000000
    li t0, 1
    sb t0, 1(s0)        # IER: received data
    li t0, 0x41
    sb t0, 2(s0)        # FCR: FIFO on, level 4
1:  lbu t0, 5(s0)
    andi t0, t0, 1
    beqz t0, 1b
    lbu a0, 2(s0)       # IIR at once
    call tell
    li t0, 0x200bff8
    ld t1, 0(t0)
    li t2, 1000000      # a tenth of a second
    add t1, t1, t2
1:  ld t2, 0(t0)
    bltu t2, t1, 1b
    lbu a0, 2(s0)       # and later
    call tell
    li t0, 0x100000
    li t1, 0x5555
    sw t1, 0(t0)
1:  j 1b
tell:
    srli a1, a0, 4
    andi a0, a0, 15
    mv t3, ra
    mv t4, a0
    mv a0, a1
    call digit
    mv a0, t4
    call digit
    li a0, 10
    sb a0, 0(s0)
    jr t3
digit:
    li t5, 10
    addi a0, a0, '0'
    li t6, '0' + 10
    bltu a0, t6, 1f
    addi a0, a0, 'a' - '0' - 10
1:  sb a0, 0(s0)
    ret
G
chroot "$folder/root" riscv64-linux-gnu-as -march=rv64imac_zicsr /tmp/guest.S -o /tmp/guest.o
chroot "$folder/root" riscv64-linux-gnu-ld -Ttext=0x80000000 -nostdlib /tmp/guest.o -o /tmp/guest.elf
chroot "$folder/root" riscv64-linux-gnu-objcopy -O binary /tmp/guest.elf /tmp/guest.bin
told=$( (printf abcdefgh; sleep 5) | timeout 60 chroot "$folder/root" qemu-system-riscv64 -M virt -display none -monitor none \
  -serial stdio -bios /tmp/guest.bin)
echo "QEMU $seen: $(echo $told)"
[ "$told" = $'c4\ncc' ] || { echo "that is not what was seen before: c4, then cc" >&2; exit 1; }
