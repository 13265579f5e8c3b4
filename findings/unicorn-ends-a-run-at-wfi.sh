#!/bin/bash
# What unicorn 2.1.4 (PyPI) does on a RISC-V machine where a program leaves the plain path: counters, wfi, ecall, ebreak, an illegal word.
#
# Guess: instret counts instructions, so two reads have a fixed distance. wfi does nothing, or waits. ecall in machine mode comes to the hook
# for interrupts as cause 11, ebreak as 3, an illegal word as 2, and the run goes on behind each when the hook returns.
# Seen: instret runs as the host's ticks do, thousands between two reads, so no two runs agree. wfi ends the run without an error, as if
# the end that was asked for were reached. ecall is 8, though machine-mode registers can be read just before it. The hook never hears
# of ebreak: the run ends with "invalid instruction", while an illegal word comes to it as 2. So as something to compare an emulator with it
# needs care: ended is not finished, and what traps is not what the specification says.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/python"
"$folder/python/bin/pip" -q install unicorn==2.1.4
"$folder/python/bin/python" - <<'P' | tee "$folder/seen"
import struct

from unicorn import UC_ARCH_RISCV, UC_HOOK_INTR, UC_MODE_RISCV64, Uc, UcError
from unicorn.riscv_const import UC_RISCV_REG_A0, UC_RISCV_REG_A1

BASE = 0x10000
NOP, SET = 0x00000013, 0x00100513  # li a0, 1
WFI, ECALL, EBREAK, ILLEGAL = 0x10500073, 0x00000073, 0x00100073, 0xFFFFFFFF
READ_HART = 0xF14025F3  # csrr a1, mhartid
INSTRET_TO_A0, INSTRET_TO_A1 = 0xC0202573, 0xC02025F3

def run(*words):
    machine = Uc(UC_ARCH_RISCV, UC_MODE_RISCV64)
    machine.mem_map(BASE, 0x1000)
    machine.mem_write(BASE, struct.pack(f"<{len(words)}I", *words))
    causes = []
    machine.hook_add(UC_HOOK_INTR, lambda _, cause, __: causes.append(cause))
    try:
        machine.emu_start(BASE, BASE + 4 * len(words))
        end = "no error"
    except UcError as error:
        end = str(error)
    return machine, causes, end

def tell(name, *words):
    machine, causes, end = run(*words)
    is_done = machine.reg_read(UC_RISCV_REG_A0) == 1
    print(f"{name}: causes {causes}, {end}, rest {'ran' if is_done else 'did not run'}")

tell("wfi", WFI, SET)
tell("ecall in machine mode", READ_HART, ECALL, SET)
tell("ebreak", EBREAK, SET)
tell("illegal", ILLEGAL, SET)

distances = set()
for _ in range(8):
    machine, _, _ = run(INSTRET_TO_A0, NOP, NOP, INSTRET_TO_A1)
    distances.add(machine.reg_read(UC_RISCV_REG_A1) - machine.reg_read(UC_RISCV_REG_A0))
print("instret:", "one distance" if len(distances) == 1 else "many distances", "over 100" if min(distances) > 100 else "small")
P
diff - "$folder/seen" <<'S'
wfi: causes [], no error, rest did not run
ecall in machine mode: causes [8], no error, rest ran
ebreak: causes [], Invalid instruction (UC_ERR_INSN_INVALID), rest did not run
illegal: causes [2], no error, rest ran
instret: many distances over 100
S
