"""Kills the tool at any moment of what it writes, and looks whether anything was lost."""

import shutil

from .bench import Tally

ACTIONS = ("record", "replace", "snapshot", "delete", "dump", "remove", "pack", "unpack", "trim", "move")


def campaign(bench, count):
    tally = Tally()
    original = bench.make_recording(bench.folder / "original.rr")
    bench.must(["snapshot", "create", "middle", original, "--at", "50%"])
    bench.must(["pack", original, "-o", bench.folder / "original.rrz"])
    # How long each takes undisturbed; kills come within that, and a little behind.
    durations = {action: measure(bench, action, original) for action in ACTIONS}
    for _ in range(count):
        action = bench.random.choice(ACTIONS)
        after = bench.random.uniform(0, durations[action] * 1.1)
        work, words = prepare(bench, action, original)
        killed = bench.run(words, kill_after=after)
        problem = PROBLEMS[action](bench, work, killed)
        tally.count("kills", action, "killed" if killed.status == -9 else "had ended")
        if problem:
            bench.keep(tally, problem, f"{action}, killed after {after:.4f} s", work)
    return tally


def measure(bench, action, original):
    import time

    work, words = prepare(bench, action, original)
    start = time.monotonic()
    bench.must(words)
    return time.monotonic() - start


def prepare(bench, action, original):
    work = bench.fresh()
    target = work / "run.rr"
    if action != "record":
        bench.copy(original, target)
    if action == "unpack":
        shutil.copy(bench.folder / "original.rrz", work / "run.rrz")
    words = {
        "record": ["record", "-o", target, *bench.disk_guest(), "--snapshot-every", "1000000"],
        "replace": ["record", "--force", "-o", target, *bench.disk_guest(), "--snapshot-every", "1000000"],
        "snapshot": ["snapshot", "create", "here", target, "--at", "70%"],
        "delete": ["snapshot", "delete", "middle", target],
        "dump": ["dump", target, "--at", "middle", "-o", work / "core"],
        "remove": ["rm", target],
        "pack": ["pack", target, "-o", work / "new.rrz"],
        "unpack": ["unpack", work / "run.rrz", "-o", work / "new.rr"],
        "trim": ["trim", target, "--from", "20%", "--to", "80%", "-o", work / "new.rr"],
        "move": ["mv", target, work / "new.rr"],
    }[action]
    return work, words


def after_record(bench, work, killed):
    target = work / "run.rr"
    if target.exists():
        return bench.is_sound(target, complete=killed.status == 0)
    if killed.status == 0:
        return "it ended, and there is no recording"
    # The next recorder of that name clears away what this one left.
    bench.make_recording(target)
    left = bench.leftovers(work)
    return f"{left} are never cleared away" if left else None


def after_replacing(bench, work, killed):
    if not (work / "run.rr").exists():
        return "neither the old recording nor the new one is there"
    return bench.is_sound(work / "run.rr", complete=killed.status == 0)


def after_snapshot(bench, work, killed):
    return bench.is_sound(work / "run.rr", complete=True)


def after_dump(bench, work, killed):
    if (work / "core").exists() and killed.status != 0 and (work / "core").read_bytes()[:4] != b"\x7fELF":
        return "a core that is none"
    return bench.is_sound(work / "run.rr", complete=True)


def after_removal(bench, work, killed):
    if not (work / "run.rr").exists():
        return None
    again = bench.run(["rm", work / "run.rr"])
    if again.status or (work / "run.rr").exists():
        return f"cannot be removed any more: {again.errors.strip()}"
    return None


def after_making(bench, work, killed, words, made):
    """A new recording is whole or not there, the old one is as it was, and the next of its kind clears away what this one left."""
    before = bench.is_sound(work / "run.rr", complete=True)
    if before:
        return before
    if not made.exists():
        if killed.status == 0:
            return "it ended, and made nothing"
        again = bench.run(words)
        if again.status:
            return f"cannot be done any more: {again.errors.strip()}"
    problem = bench.is_sound(made, complete=True)
    if problem:
        return problem
    if made.suffix == ".rr":
        bench.must(["rm", made])
        bench.must(words)
    else:
        bench.must([*words, "--force"])
    left = {path.name for path in work.iterdir()} - {"run.rr", "run.rrz", made.name}
    return f"{sorted(left)} are never cleared away" if left else None


def after_pack(bench, work, killed):
    return after_making(bench, work, killed, ["pack", work / "run.rr", "-o", work / "new.rrz"], work / "new.rrz")


def after_unpack(bench, work, killed):
    return after_making(bench, work, killed, ["unpack", work / "run.rrz", "-o", work / "new.rr"], work / "new.rr")


def after_trim(bench, work, killed):
    words = ["trim", work / "run.rr", "--from", "20%", "--to", "80%", "-o", work / "new.rr"]
    return after_making(bench, work, killed, words, work / "new.rr")


def after_move(bench, work, killed):
    there = [name for name in ("run.rr", "new.rr") if (work / name).exists()]
    if len(there) != 1:
        return f"there are {there}"
    return bench.is_sound(work / there[0], complete=True)


PROBLEMS = {
    "record": after_record, "replace": after_replacing, "snapshot": after_snapshot, "delete": after_snapshot,
    "dump": after_dump, "remove": after_removal, "pack": after_pack, "unpack": after_unpack, "trim": after_trim,
    "move": after_move,
}  # fmt: skip
