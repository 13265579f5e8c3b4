"""One gdb on one recording, driven by random commands."""

import os
import random
import re
import selectors
import shlex
import signal
import socket
import subprocess
import time
from pathlib import Path

from debuggers.commands import Commands
from debuggers.proxy import Proxy

# What gdb says when it or the other side is at its wit's end.
ALARMS = re.compile(
    r"internal-error|[Ii]nternal error|Assertion|[Rr]emote connection closed|[Rr]emote replied unexpectedly|[Pp]acket too long"
    r"|[Ii]nvalid remote reply|[Pp]rotocol error|[Ii]gnoring packet error|[Bb]ogus|[Mm]alformed (?:response|packet)"
    r"|[Rr]emote communication error|[Tt]runcated register|Remote 'g' packet reply is too long|[Uu]nexpected (?:thread|vCont)"
    r"|[Uu]nknown remote|Remote sent bad thread|invalid hex|Aborted|core dumped|while the selected thread is running|Python Exception.*remote"
)
# Bugs of gdb's own: it throws through C code when Ctrl-C comes while it disassembles (13), and stumbles over what one left that came
# while it looked for a function's frame (16).
OWN_BUGS = re.compile(r"throwing an instance of 'gdb_exception_quit'|compute_frame_id: Assertion")
HANG = 60  # seconds


class Session:
    def __init__(self, options, guest, gdb, seed, states):
        self.options, self.guest, self.gdb, self.states = options, guest, gdb, states
        self.random = random.Random(seed)
        self.commands = Commands(self.random, guest.program, guest.harts)
        self.trace, self.problems = [], []
        self.counts = {}
        self.tool = self.proxy = None
        self.marks = self.interrupts = 0
        self.output = ""
        command = gdb.command + ["-nx", "-q", "-ex", "set width 0", "-ex", "set pagination off", "-ex", "set confirm off", "-ex", "set architecture riscv:rv64", gdb.path(guest.symbols)]
        environment = {**os.environ, "HOME": "/nonexistent", "TERM": "dumb", "DEBUGINFOD_URLS": ""}
        self.child = subprocess.Popen(
            ["nice", "-n", "10", *command] if not gdb.root else ["nice", "-n", "10", "chroot", gdb.root, *command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, start_new_session=True, cwd=options.folder)  # fmt: skip
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.child.stdout, selectors.EVENT_READ)

    # The tool

    def connect(self):
        self.disconnect()
        self.tool = subprocess.Popen(
            [self.options.rrtool, "replay", str(self.guest.recording), "--gdb", "tcp:0", "--to", self.random.choice(["start", "end", "50%", "10%"])],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # fmt: skip
        line = self.tool.stderr.readline().decode()
        found = re.search(r":(\d+)", line)
        if not found:
            raise OSError(f"rrtool does not listen: {line}")
        connection = socket.create_connection(("127.0.0.1", int(found.group(1))))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.proxy = Proxy(connection, self.states, self.guest.harts, self.trace)
        self.run(f"target remote 127.0.0.1:{self.proxy.port}", moves=False)

    def disconnect(self, expects_end=False):
        if self.tool is None:
            return
        if expects_end:
            try:
                self.tool.wait(10)
            except subprocess.TimeoutExpired:
                self.problems.append("rrtool goes on although gdb has left")
        self.proxy.close()
        try:
            self.tool.wait(HANG)
        except subprocess.TimeoutExpired:
            self.problems.append("rrtool does not end")
            self.tool.kill()
            self.tool.wait()
        errors = self.tool.stderr.read().decode(errors="replace")
        if self.tool.returncode not in (0, -signal.SIGKILL) or "Fatal error" in errors:
            self.problems.append(f"rrtool ended with {self.tool.returncode}: {errors[-600:]}")
        self.tool.stderr.close()
        self.problems += self.proxy.problems
        for what, count in self.proxy.counts.items():
            self.counts[what] = self.counts.get(what, 0) + count
        self.tool = None

    # gdb

    def type(self, text):
        try:
            self.child.stdin.write(text.encode() + b"\n")
            self.child.stdin.flush()
        except OSError:
            pass

    def interrupt(self):
        self.interrupts += 1
        try:
            os.kill(self.child.pid, signal.SIGINT)
        except OSError:
            pass

    def run(self, command, moves):
        """Types a command and waits for its end. False: the session is over."""
        self.marks += 1
        mark = f"@@{self.marks}@@"
        self.trace.append(f"(gdb) {command}")
        if self.proxy:
            self.proxy.since_command = 0
        self.type(command)
        self.type(f"echo \\n{mark}\\n")
        start, sent, output = time.monotonic(), 0, ""
        # Someone types Ctrl-C: soon by chance, or when it takes too long.
        patience = self.random.random() * 0.1 if moves and self.random.random() < 0.1 else self.options.patience
        while mark not in output:
            waited = time.monotonic() - start
            if waited > patience + 15 * sent and sent < 4:
                sent += 1
                self.trace.append(f"SIGINT after {waited:.2f} s")
                self.interrupt()
                # It may have hit the mark.
                self.type(f"echo \\n{mark}\\n")
            if waited > HANG + patience:
                self.problems.append(f"'{command}' has not ended after {waited:.0f} s; moving: {self.proxy.is_moving if self.proxy else None}")
                return False
            if self.selector.select(0.05):
                data = os.read(self.child.stdout.fileno(), 1 << 16)
                if not data and OWN_BUGS.search(output) and self.interrupts:
                    self.counts["ends of gdb by Ctrl-C while nothing moved"] = 1
                    return False
                if not data:
                    self.problems.append(f"gdb is gone after '{command}': {output[:2500]}")
                    return False
                output += data.decode(errors="replace")
        shown = re.sub(r"@@\d+@@|\(gdb\) ", "", output).strip()
        if shown:
            self.trace.append("\n".join(f"    {line[:200]}" for line in shown.splitlines()[:40]))
        alarm = ALARMS.search(shown)
        if alarm and self.proxy and self.proxy.stops_nothing and alarm.group() == "while the selected thread is running":
            # Ctrl-C came between the command and its packet: gdb (13) waits for an end of what it never began.
            self.counts["Ctrl-C before the packet that it should stop"] = 1
            return False
        # What is typed is shown in no message of these.
        if alarm:
            line = next((line for line in shown.splitlines() if alarm.group() in line), alarm.group())
            self.problems.append(f"'{command}': {line[:300]}")
            return False
        return True

    def campaign(self, count):
        """Types so many commands, or fewer if something is wrong; says how many."""
        typed = 0
        try:
            self.connect()
            while typed < count and not self.problems and not (self.proxy and self.proxy.problems):
                command, moves = self.commands.draw()
                typed += 1
                if not self.run(command, moves):
                    break
                word = command.split()[0]
                self.counts[f"command {word}"] = self.counts.get(f"command {word}", 0) + 1
                if word in ("detach", "disconnect", "kill"):
                    self.disconnect(expects_end=True)
                    self.connect()
                elif self.proxy.is_left:
                    # "run" and its like may have let go of it.
                    self.trace.append("gdb has left by itself")
                    self.counts["left by itself"] = self.counts.get("left by itself", 0) + 1
                    self.disconnect()
                    self.connect()
        except (OSError, ValueError) as error:
            self.problems.append(f"the session failed: {error!r}")
        finally:
            try:
                self.child.kill()
                self.child.wait()
            except OSError:
                pass
            self.disconnect()
            self.child.stdin.close() if not self.child.stdin.closed else None
        return typed


class Debugger:
    """A gdb: a program, and the folder that it has for its root, if it is in one."""

    def __init__(self, text):
        program, _, self.root = text.partition("@")
        self.command, self.name = shlex.split(program), text

    def path(self, file):
        if not self.root:
            return str(file)
        place = Path(self.root) / "tmp/rrtool-debugger-torture"
        place.mkdir(parents=True, exist_ok=True)
        copy = place / Path(file).name
        if not copy.exists() or copy.read_bytes() != Path(file).read_bytes():
            # Others may be copying it too.
            partial = copy.with_suffix(f".{os.getpid()}")
            partial.write_bytes(Path(file).read_bytes())
            partial.rename(copy)
        return f"/tmp/rrtool-debugger-torture/{copy.name}"
