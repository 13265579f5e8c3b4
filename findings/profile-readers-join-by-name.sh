#!/bin/bash
# How three readers of profiles tell apart functions of one name: four "init" in two programs and two source files.
#
# Guess: all three keep four rows (a machine has many a main, init and probe, each in its own program or module): callgrind's file
# has ob=, fl= and fn= for it, pprof's a mapping and a function of its own for each.
# Seen: callgrind_annotate (valgrind 3.19) keeps two, one for each file name, and gives both the name of the program that came last.
# gprof2dot 2025.4.14 (PyPI) keeps one. go tool pprof (Go 1.19) keeps one, though mapping, file and first line differ; with
# -filefunctions two. Nothing says that rows were added. So the names themselves have to differ, by the program's name in front say,
# where such sums are to be believed.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/python"
"$folder/python/bin/pip" -q install gprof2dot==2025.4.14
{
  debootstrap --variant=minbase --include=valgrind bookworm "$folder/root"
  chroot "$folder/root" apt-get -qq -y --no-install-recommends install golang-1.19-go
} >"$folder/log" 2>&1 || { tail -n 3 "$folder/log" >&2; exit 1; }

[ "$(chroot "$folder/root" callgrind_annotate --version 2>&1)" = callgrind_annotate-3.19.0 ] || { echo "not valgrind 3.19.0" >&2; exit 1; }

# Self costs 1, 10, 100, 1000; main calls each once.
"$folder/python/bin/python" - "$folder/root/tmp" <<'P'
import sys

functions = [("a.elf", "a.c", 1, 10), ("a.elf", "b.c", 10, 20), ("b.elf", "a.c", 100, 30), ("b.elf", "b.c", 1000, 40)]

lines = ["version: 1", "positions: line", "events: Instructions"]
for program, file, cost, line in functions:
    lines += [f"ob={program}", f"fl={file}", "fn=init", f"{line} {cost}"]
lines += ["ob=a.elf", "fl=m.c", "fn=main", "1 10000"]
for program, file, cost, line in functions:
    lines += [f"cob={program}", f"cfi={file}", "cfn=init", f"calls=1 {line}", f"2 {cost}"]
open(f"{sys.argv[1]}/run.callgrind", "w").write("\n".join(lines + ["totals: 11111", ""]))

# The same by profile.proto, whose fields have the numbers below.
def number(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])

def field(which, value):
    if isinstance(value, int):
        return number(which << 3) + number(value)
    return number(which << 3 | 2) + number(len(value)) + value

strings = [""]

def text(value):
    if value not in strings:
        strings.append(value)
    return strings.index(value)

def message(*fields):
    return b"".join(field(which, value) for which, value in fields)

profile = field(1, message((1, text("instructions")), (2, text("count"))))
for which, (program, base) in enumerate([("a.elf", 0x10000), ("b.elf", 0x20000)], 1):
    profile += field(3, message((1, which), (2, base), (3, base + 0x10000), (5, text(program)), (7, 1), (8, 1), (9, 1)))
for which, (program, file, cost, line) in enumerate([*functions, ("a.elf", "m.c", 10000, 1)], 1):
    name = text("init" if which < 5 else "main")
    mapping = 1 if program == "a.elf" else 2
    profile += field(5, message((1, which), (2, name), (3, name), (4, text(file)), (5, line)))
    profile += field(4, message((1, which), (2, mapping), (3, mapping << 16 | which), (4, message((1, which), (2, line)))))
    profile += field(2, message((1, number(which) + (number(5) if which < 5 else b"")), (2, number(cost))))
profile += b"".join(field(6, each.encode()) for each in strings)
open(f"{sys.argv[1]}/run.pprof", "wb").write(profile)
P

{
  echo "callgrind_annotate:"
  chroot "$folder/root" callgrind_annotate --threshold=100 /tmp/run.callgrind | sed -nE 's/ +\([^)]*\) +/ /; s/^ *([0-9,]+ .*:(init|main).*)/\1/p'
  echo "gprof2dot:"
  "$folder/python/bin/gprof2dot" -n0 -e0 -f callgrind "$folder/root/tmp/run.callgrind" \
    | sed -nE 's/.*label="([^"]*)".*/\1/p' | grep -E 'init|main' | sed 's/\\n/ /g'
  for more in "" -filefunctions; do
    echo "go tool pprof -top $more:"
    chroot "$folder/root" env HOME=/tmp PPROF_TMPDIR=/tmp /usr/lib/go-1.19/bin/go tool pprof -top $more -nodefraction=0 \
      /tmp/run.pprof 2>/dev/null | sed -nE 's/^ *([0-9]+) .*% +(init|main)/\1 \2/p'
  done
} | tee "$folder/seen"
diff - "$folder/seen" <<'S'
callgrind_annotate:
10,000 m.c:main [a.elf]
1,010 b.c:init [b.elf]
101 a.c:init [b.elf]
gprof2dot:
a.elf init 10.00% (10.00%) 4×
a.elf main 100.00% (90.00%) 0×
go tool pprof -top :
10000 main
1111 init
go tool pprof -top -filefunctions:
10000 main m.c
1010 init b.c
101 init a.c
S
