"""What the boots of Benchmarks/programs come to: figures of each program, ratios, and their geometric means."""

import statistics

from .boot import START, WHOLE
from .figures import geometric_mean, interval_of_median, render

# What a geometric mean is taken over, apart from all of them.
GROUPS = {
    "integer programs": ["gzip", "zstd", "shell", "python3", "sqlite3", "sha256sum", "cc1", "containers"],
    "other integer": ["perl", "divisions", "bignum", "lists", "recursion", "virtual", "bytecode", "codegen", "bits", "strings"],
    "floating point": ["double", "single", "maths"],
    "system": ["processes", "atomics", "signals", "pipes", "faults", "syscalls", "files"],
}
TIMES = {"cpu": "processor time", "seconds": "wall time"}


def name_of(way):
    tool, what = way
    return what if tool == "rrtool" else f"{tool} {what}".strip()


def compared(ways):
    """Which way is divided by which: each by what it is to be held against."""
    pairs = []
    for tool, what in ways:
        if tool == "rrtool" and ("other", what) in ways:
            pairs.append(((tool, what), ("other", what)))
        if tool == "rrtool" and what == "run":
            pairs += [((tool, what), other) for other in ways if other[0].startswith("QEMU")]
        # Two builds have too many ratios to look at: a replay's are told by the times.
        is_told = what == "record" or (what == "replay" and not any(other[0] == "other" for other in ways))
        if is_told and (tool, "run") in ways:
            pairs.append(((tool, what), (tool, "run")))
    return pairs


def report(rounds, programs):
    ways = list(rounds[0])
    names = [START, *programs, WHOLE]
    failures = failures_of(rounds)
    result = {
        "ways": [name_of(way) for way in ways],
        "programs": {name: {} for name in names},
        "ratios": {},
        "peak_memory_bytes": {name_of(way): [boots[way].peak_memory for boots in rounds] for way in ways},
        "failures": failures,
    }
    for way in ways:
        for name in names:
            samples = [boots[way].samples[name] for boots in rounds if name in boots[way].samples]
            if samples and name not in failures.get(name_of(way), {}):
                result["programs"][name][name_of(way)] = summary(samples)
    for way, base in compared(ways):
        found = {}
        for time in TIMES:
            by_name = {
                name: [getattr(boots[way].samples[name], time) / getattr(boots[base].samples[name], time) for boots in rounds]
                for name in names
                if all(name_of(one) in result["programs"][name] for one in (way, base))
            }
            found[time] = {
                "programs": {name: spread(ratios) for name, ratios in by_name.items()},
                "geometric_means": means(by_name, programs),
            }
        result["ratios"][f"{name_of(way)}/{name_of(base)}"] = found
    return result


def failures_of(rounds):
    """By way and program. Whoever failed once does not count at all: its other rounds would make it look good."""
    found = {}
    for boots in rounds:
        for way, boot in boots.items():
            for name, failure in boot.failures.items():
                found.setdefault(name_of(way), {}).setdefault(name, failure)
    return found


def summary(samples):
    figures = {}
    for time in TIMES:
        values = [getattr(sample, time) for sample in samples]
        figures[time] = {"median": statistics.median(values), "least": min(values), "most": max(values), "all": values}
    held = [sample.resident for sample in samples if sample.resident is not None]
    if held:
        figures["resident_bytes"] = statistics.median(held)
    return figures


def spread(ratios):
    return {"median": statistics.median(ratios), "interval": interval_of_median(ratios), "all": ratios}


def means(by_name, programs):
    """Of each round, and the median of the rounds. Which members are missing is kept: without them a mean says something else."""
    found = {}
    for group, members in {**GROUPS, "all programs": programs}.items():
        members = [name for name in members if name in programs]
        counted = [name for name in members if name in by_name]
        if not counted:
            continue
        of_rounds = [geometric_mean(ratios) for ratios in zip(*(by_name[name] for name in counted))]
        found[group] = spread(of_rounds) | {"members": counted, "left_out": [n for n in members if n not in counted]}
    return found


# --- Tables ----------------------------------------------------------------------------------------


def show(report):
    ways, programs = report["ways"], report["programs"]
    for time, title in TIMES.items():
        print(f"{title.capitalize()}, seconds: median, and how far the rounds went from it")
        render([["program", *ways]] + [
            [name, *(seconds(figures[way][time]) if way in figures else "-" for way in ways)]
            for name, figures in programs.items()
        ])  # fmt: skip
    for time, title in TIMES.items():
        ratios = {name: found[time] for name, found in report["ratios"].items()}
        if not ratios:
            continue
        print(f"Ratios of {title}: medians of the rounds'")
        render([["program", *ratios]] + [[name, *row(ratios, "programs", name, ratio)] for name in programs])
        groups = {group: None for found in ratios.values() for group in found["geometric_means"]}
        print(f"Geometric means of ratios of {title} (95 % confidence)")
        render([["group", *ratios]] + [[group, *row(ratios, "geometric_means", group, trusted)] for group in groups])
    show_left_out(report["ratios"])
    print("Peak memory, MiB: median, and the most")
    render([["", *ways], [""] + [
        f"{statistics.median(sizes) / (1 << 20):.0f}, {max(sizes) / (1 << 20):.0f}"
        for sizes in report["peak_memory_bytes"].values()]])  # fmt: skip
    for way, failures in report["failures"].items():
        for name, failure in failures.items():
            print(f"failed: {name}, {way}: {failure}")


def seconds(figures):
    median = figures["median"]
    return f"{median:.2f} {100 * (figures['least'] / median - 1):+3.0f} {100 * (figures['most'] / median - 1):+3.0f}%"


def row(ratios, kind, name, cell):
    return [cell(found[kind][name]) if name in found[kind] else "-" for found in ratios.values()]


def ratio(figures):
    return f"{figures['median']:.3f}"


def trusted(figures):
    return "{:.3f} ({:.2f} to {:.2f})".format(figures["median"], *figures["interval"])


def show_left_out(ratios):
    for name, found in ratios.items():
        for group, mean in found["cpu"]["geometric_means"].items():
            if mean["left_out"]:
                print(f"{name}: the mean of {group} leaves out {', '.join(mean['left_out'])}")
