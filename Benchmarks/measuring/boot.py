"""One boot of the guest of programs: how long each program took, told by its marks on the console."""

import os
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field

BEGINS = re.compile(r"PROGRAM (\S+) begins$")
ENDED = re.compile(r"PROGRAM (\S+) ended (\d+)$")
DONE = "PROGRAMS-DONE"
# From the tool's start to the first program's, and from its start to its end.
START, WHOLE = "(start)", "(whole)"


@dataclass
class Sample:
    """What a program took: seconds of wall time, and of processor time of all of the tool's threads; bytes resident behind it."""

    seconds: float
    cpu: float
    resident: int | None


@dataclass
class Boot:
    samples: dict = field(default_factory=dict)
    # What became of programs that are not to be counted.
    failures: dict = field(default_factory=dict)
    peak_memory: int = 0


def processor_time(process):
    # The clock that clock_getcpuclockid of the C library gives: all threads of a process, those that ended too.
    return time.clock_gettime((~process << 3) | 2)


def resident(process):
    with open(f"/proc/{process}/statm") as sizes:
        return int(sizes.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run(command, programs, timeout, errors):
    """Runs a command that boots the guest; what the tool says on standard error goes to the file `errors`."""
    start = time.monotonic()
    with open(errors, "wb") as notes:
        child = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=notes)
    killer = threading.Timer(timeout, os.kill, (child.pid, signal.SIGKILL))
    killer.start()
    console = Console(child.pid, start)
    try:
        console.follow(child.stdout.fileno())
    except BaseException:
        os.kill(child.pid, signal.SIGKILL)
        raise
    finally:
        # By hand, for what it used.
        _, status, usage = os.wait4(child.pid, 0)
        killer.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        child.stdout.close()
    boot = console.boot
    took = time.monotonic() - start
    boot.samples[WHOLE] = Sample(took, usage.ru_utime + usage.ru_stime, None)
    # ru_maxrss counts KiB on Linux.
    boot.peak_memory = usage.ru_maxrss * 1024
    problem = None
    if took >= timeout:
        problem = f"no end in {timeout:g} s"
    elif child.returncode != 0 or not console.is_done:
        problem = f"status {child.returncode}: {last_line(errors) or last_of(console.lines)}"
    if problem:
        boot.failures[WHOLE] = problem
        del boot.samples[WHOLE]
    for name in programs:
        if name not in boot.samples:
            boot.failures.setdefault(name, problem or "did not run")
    return boot


class Console:
    """Reads the console as it comes, and looks at the clocks at each mark."""

    def __init__(self, process, start):
        self.process = process
        self.boot = Boot()
        self.lines = []
        self.is_done = False
        self.running = START
        self.since = (start, 0.0)
        self.said = []

    def follow(self, descriptor):
        """Until the tool closes it: at its end."""
        rest = b""
        while chunk := os.read(descriptor, 1 << 16):
            now = time.monotonic()
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self.take(line.decode(errors="replace").strip(), now)

    def take(self, line, now):
        self.lines = self.lines[-20:] + [line]
        if begins := BEGINS.search(line):
            self.turn_to(begins.group(1), now)
        elif line.endswith(DONE):
            self.turn_to(None, now)
            self.is_done = True
        elif (ended := ENDED.search(line)) and ended.group(1) == self.running:
            if ended.group(2) != "0" or "right" not in self.said:
                said = "; ".join(self.said)[-200:] or "nothing was said"
                self.boot.failures[self.running] = f"status {ended.group(2)}: {said}"
        else:
            self.said.append(line)

    def turn_to(self, name, now):
        # A program's share goes to the next one's mark: what a recorder has put off for a moment belongs to it.
        cpu, memory = processor_time(self.process), resident(self.process)
        if self.running and self.running not in self.boot.failures:
            self.boot.samples[self.running] = Sample(now - self.since[0], cpu - self.since[1], memory)
        self.running, self.since, self.said = name, (now, cpu), []


def last_line(file):
    with open(file, "rb") as notes:
        return last_of(notes.read()[-4096:].decode(errors="replace").splitlines())


def last_of(lines):
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
