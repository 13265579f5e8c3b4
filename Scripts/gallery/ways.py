"""The ways to run a guest: with rrtool plain, recorded and replayed, and with QEMU."""

import json
import os
import shlex
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import compare, console, stepping


@dataclass
class Result:
    """What became of one guest with one number of harts."""

    guest: str
    harts: int
    commands: dict = field(default_factory=dict)
    seconds: dict = field(default_factory=dict)
    failures: dict = field(default_factory=dict)
    instructions: int | None = None
    log_bytes: int | None = None
    lines: int | None = None
    differences: list = field(default_factory=list)
    places: list = field(default_factory=list)


class Ways:
    """One guest with one number of harts; what it leaves lies in `folder`."""

    def __init__(self, guest, harts, folder, rrtool, qemu, say):
        self.say = say
        self.guest = guest
        self.harts = harts
        self.folder = folder
        self.rrtool = rrtool
        self.qemu = qemu
        self.recording = folder / "guest.rr"
        self.result = Result(guest.name, harts)

    # --- Command lines ---------------------------------------------------------------------------

    def rrtool_command(self, what):
        guest = self.guest
        command = [self.rrtool, what, "--memory", guest.memory, "--smp", self.harts]
        command += ["--bios", guest.bios] if guest.bios != "default" else []
        for name in ("cpu", "kernel", "initrd", "append", "dtb"):
            value = getattr(guest, name)
            command += [f"--{name}", value] if value is not None else []
        command += ["--virtio", guest.virtio] if guest.virtio != "modern" else []
        for drive in guest.drives:
            command += ["--drive", f"file={drive},format=raw"]
        for file in guest.flash:
            command += ["--pflash", file]
        return command + guest.rrtool

    def qemu_command(self):
        """The same machine for QEMU, which has its drives in the slots where rrtool has them."""
        guest = self.guest
        command = [
            *self.qemu, "-M", "virt", "-m", guest.memory, "-smp", self.harts, "-display", "none", "-monitor", "none",
            "-serial", "stdio", "-net", "none", "-no-reboot", "-bios", guest.bios,
        ]  # fmt: skip
        for name in ("cpu", "kernel", "initrd", "append", "dtb"):
            value = getattr(guest, name)
            command += [f"-{name}", value] if value is not None else []
        if guest.virtio == "modern":
            command += ["-global", "virtio-mmio.force-legacy=false"]
        for number, drive in enumerate(guest.drives):
            command += [
                "-drive", f"file={self.overlay(f'qemu{number}', drive)},format=qcow2,if=none,id=drive{number}",
                "-device", f"virtio-blk-device,drive=drive{number},bus=virtio-mmio-bus.{number}",
            ]  # fmt: skip
        for bank, file in enumerate(guest.flash):
            command += ["-drive", f"file={self.overlay(f'flash{bank}', file)},format=qcow2,if=pflash,unit={bank}"]
        return command + guest.qemu

    def overlay(self, name, image):
        """The guest writes to its drives and its flash: QEMU gets an overlay, as rrtool makes one."""
        path = self.folder / f"{name}.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", image, path], check=True)
        return path

    # --- Running ---------------------------------------------------------------------------------

    def run(self):
        """All of it. What fails is in the result; what cannot be tried then is left out."""
        self.talk("run", self.rrtool_command("run"))
        recorded = self.talk("record", [*self.rrtool_command("record"), "-o", self.recording, "--force"])
        if (self.recording / "recording.json").exists():
            self.facts()
            self.replay(recorded)
            self.call("verify", [self.rrtool, "verify", self.recording])
            self.step_back()
        if self.qemu and not self.guest.without_qemu:
            other = self.talk("qemu", self.qemu_command(), is_qemu=True)
            self.compare(recorded, other)
        return self.result

    def talk(self, way, command, is_qemu=False):
        self.announce(way, command)
        outcome = console.run(
            command, self.guest, signal.SIGTERM if is_qemu else signal.SIGINT,
            console.QEMU_ADDRESS_SPACE if is_qemu else None)  # fmt: skip
        (self.folder / f"{way}.console").write_bytes(outcome.console)
        (self.folder / f"{way}.notes").write_text(outcome.notes)
        seconds = outcome.talk_seconds if self.guest.end == "stop" else outcome.seconds
        self.result.seconds[way] = seconds
        if outcome.failure:
            notes = outcome.notes.splitlines()
            self.result.failures[way] = outcome.failure + (f" ({notes[-1]})" if notes else "")
        return outcome

    def announce(self, way, command):
        self.result.commands[way] = shlex.join(str(part) for part in command)
        self.say(f"{self.guest.name}, {self.harts} harts: {way}")

    def call(self, way, command):
        """A command that needs no talk; its console, and whether it ended as recorded."""
        self.announce(way, command)
        start = time.monotonic()
        try:
            done = subprocess.run(
                [str(part) for part in command], stdin=subprocess.DEVNULL, capture_output=True,
                timeout=self.guest.seconds)  # fmt: skip
        except subprocess.TimeoutExpired:
            self.result.failures[way] = "no end"
            return None
        self.result.seconds[way] = time.monotonic() - start
        (self.folder / f"{way}.console").write_bytes(done.stdout)
        (self.folder / f"{way}.notes").write_bytes(done.stderr)
        wanted = self.guest.status if way == "replay" and self.guest.end == "power-off" else 0
        if done.returncode != wanted:
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            self.result.failures[way] = f"status {done.returncode}, not {wanted} ({''.join(last)})"
        return done.stdout

    def replay(self, recorded):
        printed = self.call("replay", [self.rrtool, "replay", self.recording])
        if printed is not None and printed != recorded.console:
            self.result.failures.setdefault("replay", "the console is not the recorded one")

    def facts(self):
        inspected = subprocess.run(
            [self.rrtool, "inspect", self.recording, "--format", "json"], capture_output=True)  # fmt: skip
        if inspected.returncode == 0:
            run = json.loads(inspected.stdout)["run"]
            self.result.instructions, self.result.log_bytes = run["instruction_count"], run["log_bytes"]

    def step_back(self):
        # A socket's name is short.
        path = Path("/tmp") / f"rrtool-guests-{os.getpid()}"
        start = time.monotonic()
        failure, self.result.places = stepping.step_back(
            self.rrtool, self.recording, path, self.guest.back, self.guest.seconds)
        self.result.seconds["back"] = time.monotonic() - start
        if failure:
            self.result.failures["back"] = failure
        path.unlink(missing_ok=True)

    def compare(self, recorded, other):
        here = compare.lines(recorded.console, self.guest.compare)
        there = compare.lines(other.console, self.guest.compare)
        self.result.lines = len(there)
        self.result.differences = compare.differences(here, there, self.guest.compare.order)
        if self.guest.compare.order != "talk" and not there:
            self.result.failures["compare"] = "nothing is left to compare"
        elif self.result.differences:
            self.result.failures["compare"] = f"{len(self.result.differences)} lines differ"
