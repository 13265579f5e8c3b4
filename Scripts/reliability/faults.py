"""Fails the system calls of every verb, one after the other, and looks whether it says so and leaves all as it was."""

import errno
import mmap
import shutil
import struct
import subprocess
from pathlib import Path

from .bench import Tally

# In the order of faults.c.
CALLS = ("open", "read", "write", "sync", "truncate", "rename", "unlink", "mkdir", "lock", "thread")
ERRORS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "EINTR": errno.EINTR, "short": 0}
# Short transfers are of these, and no call on a folder is interrupted.
SHORT = ("read", "write")
INTERRUPTED = ("open", "read", "write", "sync", "truncate", "lock")


def build(folder):
    """The library that fails calls."""
    library = Path(folder) / "faults.so"
    compiler = next(name for name in ("clang", "cc", "gcc") if shutil.which(name))
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O2", "-o", library, Path(__file__).with_name("faults.c"), "-ldl"], check=True)  # fmt: skip
    return library


class Verb:
    """One thing to do with the tool: what it needs, and what must hold afterwards."""

    def __init__(self, name, words, changes=False, makes=None):
        self.name = name
        self.words = words
        # Whether it changes the recording that it is given.
        self.changes = changes
        # What it makes, if anything.
        self.makes = makes


def verbs(bench):
    run, new, core, out = "run.rr", "new.rr", "core", "out"
    guest = bench.disk_guest()
    return [
        Verb("record", ["record", "-o", new, *guest, "--snapshot-every", "1000000"], makes=new),
        Verb("record --force", ["record", "--force", "-o", run, *guest], changes=True),
        Verb("run", ["run", *guest]),
        Verb("replay", ["replay", run]),
        Verb("replay --from", ["replay", run, "--from", "middle"]),
        Verb("verify", ["verify", run]),
        Verb("inspect", ["inspect", run]),
        Verb("inspect events", ["inspect", run, "events", "--format", "ndjson"]),
        Verb("snapshot list", ["snapshot", "list", run]),
        Verb("snapshot create", ["snapshot", "create", "here", run, "--at", "70%"], changes=True),
        Verb("snapshot delete", ["snapshot", "delete", "middle", run], changes=True),
        Verb("snapshot export", ["snapshot", "export", "middle", run, "-o", out], makes=out),
        Verb("dump", ["dump", run, "--at", "middle", "-o", core], makes=core),
        Verb("rm", ["rm", run], changes=True),
        Verb("mv", ["mv", run, new], changes=True),
        Verb("cp", ["cp", run, new], makes=new),
        Verb("pack", ["pack", run, "-o", "new.rrz"], makes="new.rrz"),
        Verb("unpack", ["unpack", "run.rrz", "-o", new], makes=new),
        Verb("trim", ["trim", run, "--from", "20%", "--to", "80%", "-o", new], makes=new),
        Verb("replay packed", ["replay", "run.rrz"]),
        Verb("ls", ["ls"]),
    ]


def campaign(bench, count):
    tally = Tally()
    library = build(bench.folder)
    original = bench.make_recording(bench.folder / "original.rr")
    bench.must(["snapshot", "create", "middle", original, "--at", "50%"])
    bench.must(["pack", original, "-o", bench.folder / "original.rrz"])
    known = {}
    cases = []
    for verb in verbs(bench):
        work = prepare(bench, verb, original)
        outcome, counts = tried(bench, verb, work, library)
        if outcome.status:
            raise SystemExit(f"torture: {verb.name} does not work undisturbed: {outcome.errors}")
        known[verb.name] = outcome
        for call, number in zip(CALLS, counts):
            for name in ERRORS:
                if name == "short" and call not in SHORT or name == "EINTR" and call not in INTERRUPTED:
                    continue
                if number and (call != "thread" or name == "EIO"):
                    cases.append((verb, call, name, number))
    bench.random.shuffle(cases)
    for index in range(count):
        # Each combination in turn, in an order of chance, as is which of its calls it is.
        verb, call, name, number = cases[index % len(cases)]
        place = bench.random.randint(1, number)
        work = prepare(bench, verb, original)
        before = bench.digest(work)
        outcome, _ = tried(bench, verb, work, library, (CALLS.index(call), place, ERRORS[name]))
        left = leftovers(work)
        for path in (work / "temporary").glob("*"):
            shutil.rmtree(path, ignore_errors=True)
        problem = look(bench, verb, work, outcome, before, known[verb.name], name)
        # Who cannot remove files leaves some, and who gets no thread ends at once, as if it were killed.
        if not problem and left and verb.name in CLEAN and call not in ("unlink", "thread"):
            problem = f"left {left}"
        tally.count("faults", f"{call} {name}", "went on" if outcome.status == 0 else "refused")
        if problem:
            bench.keep(tally, problem, f"{verb.name}: {call} {place} of {number} gives {name}", work)
    return tally


# What these leave is a recording or nothing.
CLEAN = ("mv", "cp", "pack", "unpack", "trim", "replay packed")


def leftovers(work):
    """What is there that no verb is to leave."""
    names = {path.name for path in work.iterdir()} - {"run.rr", "new.rr", "run.rrz", "new.rrz", "temporary"}
    if (work / "temporary").exists():
        names |= {path.name for path in (work / "temporary").iterdir()}
    return sorted(names)


def prepare(bench, verb, original):
    work = bench.fresh()
    bench.copy(original, work / "run.rr")
    if "run.rrz" in verb.words:
        shutil.copy(bench.folder / "original.rrz", work / "run.rrz")
        (work / "temporary").mkdir()
    return work


def tried(bench, verb, work, library, fault=None):
    """What comes of it, and how many calls of each kind there were."""
    counts = bench.folder / "counts"
    counts.write_bytes(bytes(4096))
    environment = {"LD_PRELOAD": str(library), "FAULT_UNDER": str(work), "FAULT_COUNTS": str(counts)}
    if fault:
        environment.update(zip(("FAULT_CALL", "FAULT_NUMBER", "FAULT_ERROR"), map(str, fault)))
    environment["HOME"] = str(work)
    if (work / "temporary").exists():
        environment["TMPDIR"] = str(work / "temporary")
    files = ("run.rr", "new.rr", "core", "out", "run.rrz", "new.rrz")
    words = [work / word if word in files else word for word in verb.words]
    outcome = bench.run(words, faults=environment)
    with open(counts, "rb") as file, mmap.mmap(file.fileno(), 4096, access=mmap.ACCESS_READ) as memory:
        return outcome, struct.unpack_from(f"<{len(CALLS)}Q", memory)


def look(bench, verb, work, outcome, before, undisturbed, error):
    problem = outcome.problem()
    if problem:
        return f"{problem}: {outcome.errors.strip()[-200:]}"
    if error in ("EINTR", "short") and outcome.status:
        return f"is not tried again: {outcome.errors.strip()}"
    if outcome.status == 0 and verb.name not in ("record", "record --force", "run", "ls"):
        if outcome.output != undisturbed.output and verb.name != "snapshot create":
            return "says that all went well, and told something else"
    if outcome.status:
        broken = ("core", "out") if verb.makes in ("core", "out") else ()
        for name in broken:
            if (work / name).exists():
                return f"failed, and left a part of {name}"
    if not verb.changes:
        made = work / verb.makes if verb.makes else None
        if made and made.suffix in (".rr", ".rrz") and made.exists():
            problem = bench.is_sound(made, complete=outcome.status == 0)
            if problem:
                return f"made a recording that is none: {problem}"
        if outcome.status == 0 and made and not made.exists():
            return "made nothing"
        if not made and bench.digest(work) != before:
            return "changed what it only reads"
    if verb.name == "rm":
        if outcome.status == 0:
            return "is still there" if (work / "run.rr").exists() else None
        if (work / "run.rr").exists() and bench.run(["rm", work / "run.rr"]).status:
            return "cannot be removed any more"
        return None
    if verb.name == "mv":
        there = [name for name in ("run.rr", "new.rr") if (work / name).exists()]
        if len(there) != 1 or outcome.status == 0 and there != ["new.rr"]:
            return f"there are {there}"
        return bench.is_sound(work / there[0], complete=True)
    if not (work / "run.rr").exists():
        return "the recording is gone"
    return bench.is_sound(work / "run.rr")
