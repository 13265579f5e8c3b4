"""A program on a terminal of its own, as a user at the keyboard has it."""

import os
import pty
import re
import select
import signal
import sys
import time

CONTROL_C = "\x03"


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

    def end(self):
        """Waits for the program's end; answers what came up to it."""
        while self.read():
            pass
        return self.seen


def check(condition, what):
    if not condition:
        sys.exit(what)
