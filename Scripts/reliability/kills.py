"""Kills the tool at any moment of what it writes, and looks whether anything was lost."""

from .bench import Tally

ACTIONS = ("record", "replace", "snapshot", "delete", "dump", "remove")


def campaign(bench, count):
    tally = Tally()
    original = bench.make_recording(bench.folder / "original.rr")
    bench.must(["snapshot", "create", "middle", original, "--at", "50%"])
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
    words = {
        "record": ["record", "-o", target, *bench.disk_guest(), "--snapshot-every", "1000000"],
        "replace": ["record", "--force", "-o", target, *bench.disk_guest(), "--snapshot-every", "1000000"],
        "snapshot": ["snapshot", "create", "here", target, "--at", "70%"],
        "delete": ["snapshot", "delete", "middle", target],
        "dump": ["dump", target, "--at", "middle", "-o", work / "core"],
        "remove": ["rm", target],
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


PROBLEMS = {
    "record": after_record, "replace": after_replacing, "snapshot": after_snapshot, "delete": after_snapshot,
    "dump": after_dump, "remove": after_removal,
}  # fmt: skip
