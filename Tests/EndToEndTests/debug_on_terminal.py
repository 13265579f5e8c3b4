"""Drives `rrtool replay --debug` on a terminal of its own, as a user at the keyboard does.

Usage: debug_on_terminal.py RRTOOL RECORDING
The recording must be long enough for Ctrl-C to come before its end. Ends with status 1 and what was on the terminal when
something is not as it should be.
"""

import re
import sys
import termios
import time

from terminal import CONTROL_C, Terminal, check

PROMPT = "(gdb) "


class Debugger(Terminal):
    def interrupt(self):
        """Presses Ctrl-C when gdb has had the time to let the guest go, and waits until it has stopped."""
        time.sleep(0.2)
        self.type(CONTROL_C)
        # On a busy host gdb may lose its patience before the answer has come.
        if "(y or n) " in self.expect(r"SIGINT|Stop debugging it\? \(y or n\) "):
            self.type("n\n")
            self.expect("SIGINT")
        self.expect(re.escape(PROMPT))

    def command(self, text):
        self.type(text + "\n")
        return self.expect(re.escape(PROMPT))

    def position(self):
        return int(re.search(r"Position ([\d,]+) of", self.command("when")).group(1).replace(",", ""))


def main():
    terminal = Debugger([sys.argv[1], "replay", sys.argv[2], "--debug"])
    settings = termios.tcgetattr(terminal.side)
    terminal.expect(re.escape(PROMPT))
    # At the prompt Ctrl-C is for gdb alone.
    terminal.type(CONTROL_C)
    terminal.expect("Quit")
    terminal.expect(re.escape(PROMPT))
    check("Interrupted" not in terminal.command("seek 90%"), "Ctrl-C at the prompt ended a later motion")
    end = terminal.position()
    terminal.command("seek start")
    # While the guest runs it stops it.
    terminal.type("continue\n")
    terminal.expect("Continuing")
    terminal.interrupt()
    here = terminal.position()
    check(0 < here < end, f"{here} is not on the way")
    # Also while it is looked for something on the way back.
    terminal.command("seek 90%")
    terminal.command("watch *(long *)0x80fffff8")
    terminal.type("reverse-continue\n")
    terminal.expect("Continuing")
    terminal.interrupt()
    check(terminal.position() == end, "a search that was ended moved the machine")
    terminal.type("quit\n")
    terminal.expect(re.escape("(y or n) "))
    terminal.type("y\n")
    terminal.end()
    check(terminal.status == 0, f"the exit status is {terminal.status}: {terminal.seen!r}")
    found = termios.tcgetattr(terminal.side)
    check(found == settings, f"the terminal is left as {found}, and was {settings}")


main()
