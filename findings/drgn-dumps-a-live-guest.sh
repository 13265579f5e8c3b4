#!/bin/bash
# How drgn 0.3.0 (PyPI) gets to know a guest that it is given by its QMP socket.
#
# Guess: it asks for the architecture and the memory map, and finds the kernel's VMCOREINFO by reading memory.
# Seen: it passes a descriptor to the monitor (getfd, over SCM_RIGHTS) and has a core dumped into it whose memory is one byte: what
# it is after are the notes. So whoever stands in for QEMU needs getfd and dumps to fd:NAME, also where no kernel runs; an
# error there ends drgn. And it prefers reading the other process's memory (gpa2hva) to asking for bytes (xp).
set -euo pipefail
folder=$(mktemp -d); server=; trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/python"
"$folder/python/bin/pip" -q install drgn==0.3.0

cat >"$folder/monitor.py" <<'P'
import array, json, os, socket, struct, sys

MTREE = ('FlatView #0\r\n AS "memory", root: system\r\n Root memory region: system\r\n'
         "  0000000080000000-0000000087ffffff (prio 0, ram): ram\r\n\r\n")
# An ELF core for RISC-V with an empty segment of notes.
CORE = (b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 4, 243, 1, 0, 64, 0, 0, 64, 56, 1, 64, 0, 0)
        + struct.pack("<IIQQQQQQ", 4, 0, 120, 0, 0, 0, 0, 4))

listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(1)
peer, _ = listener.accept()

def send(value):
    peer.sendall((json.dumps(value) + "\r\n").encode())

send({"QMP": {"version": {"qemu": {"major": 10, "minor": 0, "micro": 0}, "package": ""}, "capabilities": []}})
descriptors, text = [], ""
while True:
    data, extra, _, _ = peer.recvmsg(65536, socket.CMSG_SPACE(16))
    if not data:
        break
    for _, kind, body in extra:
        if kind == socket.SCM_RIGHTS:
            descriptors += array.array("i", body[:4])
    text += data.decode()
    while text.strip():
        try:
            request, end = json.JSONDecoder().raw_decode(text.lstrip())
        except ValueError:
            break
        text = text.lstrip()[end:]
        name, arguments = request["execute"], request.get("arguments", {})
        line = arguments.pop("command-line", None)
        print(line or " ".join([name] + [f"{key}={arguments[key]}" for key in sorted(arguments)]), flush=True)
        answer = {}
        if name == "query-target":
            answer = {"arch": "riscv64"}
        elif name == "dump-guest-memory":
            os.write(descriptors[-1], CORE)
        elif line == "info mtree -f":
            answer = MTREE
        elif line and line.startswith("gpa2hva"):
            answer = "Memory at address 0x80000000 is not RAM\r\n"
        elif line and line.startswith("xp"):
            answer = "0000000080000000: 0x13 0x00 0x00 0x00\r\n"
        send({"return": answer})
P
python3 "$folder/monitor.py" "$folder/socket" >"$folder/asked" & server=$!
until [ -S "$folder/socket" ]; do sleep 0.1; done
timeout 30 "$folder/python/bin/drgn" --qemu "$folder/socket" --no-default-symbols -q \
  -e 'print(prog.read(0x80000000, 4, True).hex())' >"$folder/read"

cat "$folder/asked" "$folder/read"
diff - "$folder/asked" <<'P'
qmp_capabilities
query-target
info mtree -f
gpa2hva 0x80000000
getfd fdname=drgn-dump
dump-guest-memory begin=2147483648 length=1 paging=False protocol=fd:drgn-dump
xp /4xb 0x80000000
P
[ "$(cat "$folder/read")" = 13000000 ]
echo "as described"
