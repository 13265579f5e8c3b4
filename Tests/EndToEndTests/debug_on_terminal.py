"""Drives `rrtool replay --debug` on a terminal of its own, as a user at the keyboard does.

Usage: debug_on_terminal.py RRTOOL RECORDING
The recording must be long enough for Ctrl-C to come before its end. Ends with status 1 and what was on the terminal when
something is not as it should be.
"""

import os
import pty
import re
import select
import signal
import sys
import termios
import time

CONTROL_C = "\x03"
PROMPT = "(gdb) "


class Terminal:
    def __init__(self, command):
        self.seen = ""
        self.status = None
        # The program's side stays open here as well, to look at its settings.
        self.descriptor, self.side = pty.openpty()
        self.process = os.fork()
        if self.process == 0:
            os.environ["TERM"] = "dumb"
            # Whoever runs tests may ignore or block what a terminal sends.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            os.login_tty(self.side)
            os.execv(command[0], command)

    def type(self, text):
        os.write(self.descriptor, text.encode())

    def interrupt(self):
        """Presses Ctrl-C when gdb has had the time to let the guest go, and waits until it has stopped."""
        time.sleep(0.2)
        self.type(CONTROL_C)
        # On a busy host gdb may lose its patience before the answer has come.
        if "(y or n) " in self.expect(r"SIGINT|Stop debugging it\? \(y or n\) "):
            self.type("n\n")
            self.expect("SIGINT")
        self.expect(re.escape(PROMPT))

    def read(self):
        """More of what is written, if some comes soon; False when the program has ended and nothing is left."""
        if select.select([self.descriptor], [], [], 0.1)[0]:
            self.seen += os.read(self.descriptor, 1 << 16).decode(errors="replace")
        elif self.status is not None:
            return False
        elif os.waitid(os.P_PID, self.process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        return True

    def expect(self, pattern):
        """Waits for it; answers what came up to its end."""
        deadline = time.monotonic() + 60
        while not (found := re.search(pattern, self.seen)):
            if not self.read() or time.monotonic() > deadline:
                sys.exit(f"{pattern!r} does not come: {self.seen!r}")
        text, self.seen = self.seen[: found.end()], self.seen[found.end() :]
        return text

    def command(self, text):
        self.type(text + "\n")
        return self.expect(re.escape(PROMPT))

    def position(self):
        return int(re.search(r"Position ([\d,]+) of", self.command("when")).group(1).replace(",", ""))


def check(condition, what):
    if not condition:
        sys.exit(what)


def main():
    terminal = Terminal([sys.argv[1], "replay", sys.argv[2], "--debug"])
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
    while terminal.read():
        pass
    check(terminal.status == 0, f"the exit status is {terminal.status}: {terminal.seen!r}")
    found = termios.tcgetattr(terminal.side)
    check(found == settings, f"the terminal is left as {found}, and was {settings}")


main()
