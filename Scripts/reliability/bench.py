"""What the campaigns have in common: guests and recordings to work on, runs of the tool with limits, and what counts as a failure."""

import hashlib
import os
import random
import resource
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
GUESTS = ROOT / "fixtures/guests/built"
# Of one run; a fault must not make it wait.
SECONDS = 60
ADDRESS_SPACE = 6 << 30


@dataclass
class Outcome:
    status: int
    output: bytes
    errors: str
    timed_out: bool = False

    def problem(self, statuses=(0, 1)):
        """What is wrong with how it ended, whatever it did; None when nothing is."""
        if self.timed_out:
            return "hangs"
        if self.status < 0:
            return f"dies of signal {-self.status}"
        lines = self.errors.splitlines()
        if any("Fatal error" in line or "Stack dump" in line for line in lines):
            return "traps"
        if statuses and self.status not in statuses:
            return f"ends with status {self.status}"
        if self.status and not any(line.startswith("rrtool: ") for line in lines):
            return "fails without a word"
        return None


@dataclass
class Tally:
    """What a campaign did: how often each thing came out, and what went wrong."""

    counts: dict = field(default_factory=dict)
    problems: list = field(default_factory=list)

    def count(self, *what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def note(self, problem, words, keep=None):
        self.problems.append({"problem": problem, "case": words, "kept": str(keep) if keep else None})

    def add(self, other):
        for what, count in other.counts.items():
            self.counts[what] = self.counts.get(what, 0) + count
        self.problems += other.problems


class Bench:
    """A folder of a worker's own, with a tool, guests and recordings."""

    def __init__(self, tool, folder, seed, kept):
        self.tool = Path(tool).resolve()
        self.folder = Path(folder)
        self.kept = Path(kept)
        self.random = random.Random(seed)
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "SWIFT_BACKTRACE": "enable=no"}
        self.base = self.folder / "base.raw"
        self.base.write_bytes(bytes(random.Random(1).randbytes(1 << 16)) * 16)

    # --- Running -----------------------------------------------------------------------------------

    def run(self, words, faults=None, kill_after=None, typed=b""):
        """Runs the tool; with `kill_after` it is killed after so many seconds, if it has not ended."""
        words = [str(word) for word in (self.tool, *words)]
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**self.environment, **(faults or {})},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE)))  # fmt: skip
        try:
            output, errors = process.communicate(typed, timeout=SECONDS if kill_after is None else kill_after)
            timed_out = False
        except subprocess.TimeoutExpired:
            process.kill()
            output, errors = process.communicate()
            timed_out = kill_after is None
        return Outcome(process.returncode, output, errors.decode(errors="replace"), timed_out)

    def must(self, words, typed=b""):
        outcome = self.run(words, typed=typed)
        if outcome.status:
            raise SystemExit(f"torture: {' '.join(map(str, words))}: status {outcome.status}: {outcome.errors}")
        return outcome

    # --- Recordings --------------------------------------------------------------------------------

    def disk_guest(self):
        """A guest with a disk that checks itself: some 4.6 million instructions."""
        return ["--bios", GUESTS / "diskcheck.elf", "--memory", "16M", "--drive", f"file={self.base},format=raw"]

    def make_recording(self, path, more=()):
        self.must(["record", "-o", path, *self.disk_guest(), "--snapshot-every", "1000000", *more])
        return path

    def console(self, path):
        """What the recorded guest printed, told by an undisturbed replay."""
        return self.must(["replay", path]).output

    def is_sound(self, path, complete=False):
        """Does the recording replay, with all its snapshots? None when it does, or what is wrong."""
        outcome = self.run(["verify", path])
        if outcome.status or outcome.timed_out:
            return f"verify: {outcome.status} {outcome.errors.strip()[-300:]}"
        if complete and "killed" in outcome.output.decode(errors="replace"):
            return "verify takes it for one whose recorder was killed"
        return None

    def digest(self, folder):
        """Of all files in a folder, by name."""
        sum = hashlib.sha256()
        for path in sorted(Path(folder).rglob("*")):
            sum.update(str(path.relative_to(folder)).encode() + b"\0")
            if path.is_file():
                sum.update(path.read_bytes())
        return sum.hexdigest()

    def leftovers(self, folder):
        return sorted(name for name in os.listdir(folder) if name.startswith("."))

    def copy(self, source, target):
        shutil.rmtree(target, ignore_errors=True)
        return Path(shutil.copytree(source, target))

    def fresh(self, name="work"):
        path = self.folder / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        return path

    def keep(self, tally, problem, words, folder):
        """Keeps what failed, to be looked at."""
        target = self.kept / f"{len(list(self.kept.iterdir())) if self.kept.exists() else 0}-{os.getpid()}"
        self.kept.mkdir(parents=True, exist_ok=True)
        shutil.copytree(folder, target, symlinks=True)
        tally.note(problem, words, target)
