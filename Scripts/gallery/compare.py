"""Compares what two machines wrote on the guest's console, less what the guest's description leaves out."""

import difflib
import re
from collections import Counter

# Cursor keys and colours, titles of windows, and two-character sequences.
ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]")
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]")
# Linux's and OpenSBI's clocks tell other times on every machine, QEMU's own runs among them.
KERNEL_TIME = re.compile(r"^(?:<\d+>)?\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?")


def lines(console, comparison):
    """The lines that count, as they are compared: without escapes, time stamps and blanks at the end."""
    text = console.decode(errors="replace").replace("\r", "")
    found = [CONTROLS.sub("", ESCAPES.sub("", line)).rstrip() for line in text.split("\n")]
    found = between([KERNEL_TIME.sub("", line) for line in found], comparison)
    kept = []
    for line in found:
        if any(rule["pattern"].search(line) for rule in comparison.drop):
            continue
        for rule in comparison.replace:
            line = rule["pattern"].sub(rule["with"], line)
        if line.strip():
            kept.append(line.rstrip())
    return kept


def between(found, comparison):
    """From the first line that the description names to the last one; all of them where it names none."""
    if comparison.start:
        found = found[next((i for i, line in enumerate(found) if comparison.start.search(line)), len(found)) :]
    if comparison.stop:
        found = found[: next((i + 1 for i, line in enumerate(found) if comparison.stop.search(line)), len(found))]
    return found


def differences(here, there, order):
    """Lines that only one of the two has: `-` the second one's, `+` the first one's."""
    if order == "talk":
        return []
    if order == "any":
        mine, other = Counter(here), Counter(there)
        return [f"-{line}" for line in (other - mine).elements()] + [
            f"+{line}" for line in (mine - other).elements()
        ]
    return [
        line
        for line in difflib.unified_diff(there, here, n=0, lineterm="")
        if not line.startswith(("---", "+++", "@@"))
    ]
