"""Runs a guest and talks with it on its console."""

import os
import resource
import select
import signal
import subprocess
import time
from dataclasses import dataclass

from .steps import Steps

# QEMU keeps what nobody reads, and has been seen to grow to tens of gigabytes.
QEMU_ADDRESS_SPACE = 8_000_000 << 10
# What an endless console may fill.
CONSOLE_LIMIT = 64 << 20


@dataclass
class Outcome:
    console: bytes
    notes: str
    status: int | None
    # Until the last text that was waited for, and until the program had ended.
    talk_seconds: float | None
    seconds: float
    failure: str | None


def run(command, guest, stop_signal, address_space=None):
    """Starts a command, has the guest's conversation with it, and ends it as the guest's description says."""
    conversation = Conversation(guest)
    limit = (address_space, address_space) if address_space else None
    with subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_AS, limit)) if limit else None,
    ) as child:  # fmt: skip
        try:
            return conversation.follow(child, stop_signal)
        finally:
            if child.poll() is None:
                child.kill()


class Conversation:
    def __init__(self, guest):
        self.guest = guest
        self.steps = Steps(guest.talk)
        self.console = bytearray()
        self.notes = bytearray()
        self.failure = None
        self.talk_seconds = None

    def follow(self, child, stop_signal):
        start = time.monotonic()
        deadline = start + self.guest.seconds
        streams = {child.stdout.fileno(): self.console, child.stderr.fileno(): self.notes}
        self.advance(child, start, stop_signal)
        while streams:
            wait = deadline - time.monotonic()
            if wait <= 0 or len(self.console) > CONSOLE_LIMIT:
                self.fail("no end" if not self.steps else f"no {self.steps.waits_for('what was typed')}")
                child.kill()
                deadline += 10
                if wait < -5:
                    break
            ready, _, _ = select.select(list(streams), [], [], max(0, min(wait, 5)))
            for descriptor in ready:
                data = os.read(descriptor, 1 << 16)
                if data:
                    streams[descriptor] += data
                else:
                    del streams[descriptor]
            if ready:
                self.advance(child, start, stop_signal)
        status = child.wait()
        if self.steps:
            self.fail(f"ended before {self.steps.waits_for('what was typed')}")
        wanted = self.guest.status if self.guest.end == "power-off" else 128 + stop_signal
        if status != wanted and stop_signal != signal.SIGTERM:
            self.fail(f"status {status}, not {wanted}")
        return Outcome(
            bytes(self.console), self.notes.decode(errors="replace").strip(), status, self.talk_seconds,
            time.monotonic() - start, self.failure)  # fmt: skip

    def advance(self, child, start, stop_signal):
        for pattern in self.guest.refuse:
            found = pattern.search(self.console)
            if found and not self.failure:
                self.fail(f"printed '{found.group().decode(errors='replace')}'")
                child.kill()
        for text in self.steps.due(self.console):
            self.type(child, text)
        if self.steps:
            return
        if self.talk_seconds is None:
            self.talk_seconds = time.monotonic() - start
            if self.guest.end == "stop":
                child.send_signal(stop_signal)

    @staticmethod
    def type(child, text):
        try:
            child.stdin.write(text)
            child.stdin.flush()
        except BrokenPipeError:
            # It has ended; its status tells more.
            pass

    def fail(self, why):
        self.failure = self.failure or why
