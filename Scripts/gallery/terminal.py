"""A program on a terminal, and a conversation with the guest on it."""

import os
import pty
import resource
import select
import signal
import subprocess
import time
import tty

from .steps import Steps


class Talk:
    """What the program writes on the terminal is the console; its errors are kept apart."""

    def __init__(self, command, folder, steps, seconds, address_space=None):
        self.steps = Steps(steps)
        self.console = bytearray()
        self.notes = bytearray()
        self.failure = None
        self.status = None
        self.start = time.monotonic()
        self.seconds = 0
        self.deadline = self.start + seconds
        self.terminal, side = pty.openpty()
        # No line discipline between us and the program: what is typed goes through as it is.
        tty.setraw(side)
        limit = (address_space, address_space) if address_space else None
        self.child = subprocess.Popen(
            [str(part) for part in command], cwd=folder, stdin=side, stdout=side, stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_AS, limit)) if limit else None)  # fmt: skip
        os.close(side)

    def follow(self, ends_itself):
        """To the end of the conversation, and of the program: by itself, or by a signal."""
        while self.read():
            self.advance()
            if not self.steps and not ends_itself:
                break
            if time.monotonic() > self.deadline:
                self.failure = f"no {self.steps.waits_for('end')}"
                break
        self.advance()
        if self.steps and not self.failure:
            self.failure = f"ended before {self.steps.waits_for('end')}"
        self.seconds = time.monotonic() - self.start
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            self.deadline = time.monotonic() + 20
            while self.read() and time.monotonic() < self.deadline:
                pass
        self.status = self.child.poll()

    def read(self):
        streams = [self.terminal, self.child.stderr.fileno()]
        ready, _, _ = select.select(streams, [], [], 0.2)
        for descriptor in ready:
            try:
                data = os.read(descriptor, 1 << 16)
            except OSError:
                # A terminal whose other side nobody has open any more.
                data = b""
            if descriptor == self.terminal:
                self.console += data
            else:
                self.notes += data
        return self.child.poll() is None or any(select.select([one], [], [], 0)[0] and self.has_more(one) for one in streams)

    def has_more(self, descriptor):
        try:
            data = os.read(descriptor, 1 << 16)
        except OSError:
            return False
        if descriptor == self.terminal:
            self.console += data
        else:
            self.notes += data
        return bool(data)

    def advance(self):
        for text in self.steps.due(self.console):
            for byte in text:
                # As fast as a person at most: real serial ports of guests lose what comes faster.
                os.write(self.terminal, bytes([byte]))
                time.sleep(0.005)

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.child.stderr.close()
        os.close(self.terminal)
