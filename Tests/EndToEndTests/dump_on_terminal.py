"""Drives `rrtool dump --monitor` on a terminal of its own, as a user at the keyboard does.

Usage: dump_on_terminal.py RRTOOL SOCKET FILE
The guest needs 32 MiB of memory. Ends with status 1 and what was on the terminal when something is not as it should be.
"""

import os
import re
import sys

from terminal import CONTROL_C, Terminal, check

PROGRESS = r"\r\x1b\[Kdumping: \d+\.\d %, [\d.]+ (K|M)iB/s, \d+ s left"
# Whatever was shown of it is taken away before something else is written.
CLEARED = r"\r\x1b\[Krrtool: "


def main():
    command = [sys.argv[1], "dump", "--monitor", sys.argv[2], "-o", sys.argv[3], "--bandwidth"]
    terminal = Terminal(command + ["1M"])
    terminal.expect(PROGRESS)
    terminal.type(CONTROL_C)
    seen = terminal.end()
    check(re.search(CLEARED + ".*the dump was cancelled.*\n$", seen) and terminal.status == 1, repr(seen))

    # On a busy host it may be over before anything is shown: the next one takes longer.
    for bandwidth in ["16M", "4M", "1M"]:
        terminal = Terminal(command + [bandwidth])
        seen = terminal.end()
        if re.search(PROGRESS, seen):
            break
        os.remove(sys.argv[3])
    check(re.search(PROGRESS, seen), f"nothing is shown of it: {seen!r}")
    check(re.search(CLEARED + "dumped .*: the guest at position [0-9,]+\r\n$", seen), repr(seen))
    check(terminal.status == 0, f"the exit status is {terminal.status}: {seen!r}")
    shares = [float(share) for share in re.findall(r"dumping: ([\d.]+) %", seen)]
    check(shares == sorted(shares) and 0 < shares[0] and shares[-1] <= 100, f"the shares are {shares}")


main()
