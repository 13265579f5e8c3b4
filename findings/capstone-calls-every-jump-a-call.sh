#!/bin/bash
# What capstone 5.0.9 (PyPI) says about RISC-V's jumps: groups, registers, targets. A tracer or a coverage tool goes by these.
#
# Guess: as for other machines. jal ra is in the group of calls, j and jr in that of jumps, ret in that of returns, beq among the relative
# branches; regs_access() names what is read and written, ra among it; an operand of a jump is the address that it goes to.
# Seen: j, jr and ret of four bytes are in the group of calls and no other, their forms of two bytes in that of jumps and no
# other, and nothing in that of returns: who counts calls counts jumps and returns too. regs_access() says "unsupported architecture",
# regs_write is empty for jal ra, and the operand is the distance where x86's is the address. And a sweep ends at c.ntl.all
# (c.add zero, t0), a hint that runs on every machine. So go by the words of the instruction, as the specification's hints
# for return-address stacks do, not by these groups.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/python"
"$folder/python/bin/pip" -q install capstone==5.0.9
"$folder/python/bin/python" - <<'P' | tee "$folder/seen"
from capstone import CS_ARCH_RISCV, CS_ARCH_X86, CS_MODE_64, CS_MODE_RISCV64, CS_MODE_RISCVC, Cs, CsError

PLACE = 0x1000
riscv = Cs(CS_ARCH_RISCV, CS_MODE_RISCV64 | CS_MODE_RISCVC)
x86 = Cs(CS_ARCH_X86, CS_MODE_64)
riscv.detail = x86.detail = True

def tell(what, machine, code):
    found = list(machine.disasm(code, PLACE, 1))
    if not found:
        print(f"{what}: nothing")
        return
    one = found[0]
    groups = [name for name in map(one.group_name, one.groups) if not name.startswith(("hasStd", "mode", "not64"))]
    try:
        registers = "written " + (" ".join(map(one.reg_name, one.regs_access()[1])) or "nothing")
    except CsError as error:
        registers = f"error {error.errno}, regs_write [{' '.join(map(one.reg_name, one.regs_write))}]"
    print(f"{what}: {one.mnemonic} {one.op_str}".strip(), "|", " ".join(groups) or "no group", "|", registers)

def word(value):
    return value.to_bytes(4, "little")

def half(value):
    return value.to_bytes(2, "little")

tell("jal ra, .+16", riscv, word(0x010000EF))
tell("j .+16", riscv, word(0x0100006F))
tell("jr a5", riscv, word(0x00078067))
tell("ret", riscv, word(0x00008067))
tell("c.j .+16", riscv, half(0xA801))
tell("c.jr ra", riscv, half(0x8082))
tell("c.jalr a5", riscv, half(0x9782))
tell("beqz a0, .+16", riscv, word(0x00050863))
tell("c.ntl.all", riscv, half(0x9016))
tell("x86 call .+16", x86, bytes.fromhex("e80b000000"))
tell("x86 jmp .+16", x86, bytes.fromhex("eb0e"))
tell("x86 ret", x86, b"\xc3")
P
diff - "$folder/seen" <<'S'
jal ra, .+16: jal 0x10 | call | error 2, regs_write []
j .+16: j 0x10 | call | error 2, regs_write []
jr a5: jr a5 | call | error 2, regs_write []
ret: ret | call | error 2, regs_write []
c.j .+16: c.j 0x10 | jump | error 2, regs_write []
c.jr ra: c.jr ra | jump | error 2, regs_write []
c.jalr a5: c.jalr a5 | call | error 2, regs_write [ra]
beqz a0, .+16: beqz a0, 0x10 | branch_relative jump | error 2, regs_write []
c.ntl.all: nothing
x86 call .+16: call 0x1010 | call branch_relative | written rsp
x86 jmp .+16: jmp 0x1010 | branch_relative jump | written nothing
x86 ret: ret | ret | written rsp
S
