"""Drives `rrtool replay --debug` on a terminal of its own, as a user at the keyboard does.

Usage: debug_on_terminal.py RRTOOL RECORDING
In the middle of the recording there must be a loop in which it is most of the time. Ends with status 1 and what was on the
terminal when something is not as it should be.
"""

import re
import sys
import termios

from terminal import CONTROL_C, Terminal, check

PROMPT = "(gdb) "


class Debugger(Terminal):
    def interrupt(self, command, packet):
        """Gives a command and presses Ctrl-C when gdb has let the guest go by a packet; waits until it has stopped."""
        self.command("set debug remote 1")
        self.type(command + "\n")
        # Before that Ctrl-C would end gdb's command and not the motion.
        self.expect(r"Sending packet: \$" + packet)
        self.type(CONTROL_C)
        # On a busy host gdb may lose its patience before the answer has come.
        if "(y or n) " in self.expect(r"SIGINT|Stop debugging it\? \(y or n\) "):
            self.type("n\n")
            self.expect("SIGINT")
        self.expect(re.escape(PROMPT))
        self.command("set debug remote 0")

    def command(self, text):
        self.type(text + "\n")
        # On a busy host gdb may say "Quit" and show its prompt once more for a Ctrl-C that has done its work: what comes before the echo.
        self.expect(re.escape(text) + r"\r?\n")
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
    # A condition that never holds makes motions through the loop long enough for Ctrl-C to come before their end.
    terminal.command("seek 50%")
    terminal.command("break *$pc if $sp == 1")
    terminal.command("seek start")
    # While the guest runs it stops it.
    terminal.interrupt("continue", "vCont;c")
    here = terminal.position()
    check(0 < here < end, f"{here} is not on the way")
    # Also while it is looked for something on the way back.
    terminal.command("seek 90%")
    terminal.command("watch *(long *)0x80fffff8")
    terminal.interrupt("reverse-continue", "bc#")
    check(terminal.position() == end, "a search that was ended moved the machine")
    terminal.type("quit\n")
    terminal.expect(re.escape("(y or n) "))
    terminal.type("y\n")
    terminal.end()
    check(terminal.status == 0, f"the exit status is {terminal.status}: {terminal.seen!r}")
    found = termios.tcgetattr(terminal.side)
    check(found == settings, f"the terminal is left as {found}, and was {settings}")


main()
