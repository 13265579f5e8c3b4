"""The table and the JSON of what became of the guests."""

import hashlib
import json
import subprocess
import time
from pathlib import Path

COLUMNS = ["run", "record", "replay", "verify", "back", "qemu"]


def version(command):
    try:
        done = subprocess.run([*command, "--version"], capture_output=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return (done.stdout.decode(errors="replace").splitlines() or ["unknown"])[0]


def outcome(result, guest):
    if not result.failures:
        return "fine" if not guest.known else "fine, against its description"
    return "known: " + guest.known if guest.known else "FAILED"


def is_failure(result, guest):
    return bool(result.failures) and not guest.known


def show(results):
    rows = [["guest", "harts", *COLUMNS, "M instr.", "log KiB", "lines as QEMU", "result"]]
    for guest, result in results:
        cells = [
            "!" if way in result.failures else f"{result.seconds[way]:.1f}" if way in result.seconds else "-"
            for way in COLUMNS
        ]
        count = f"{result.instructions / 1e6:,.0f}" if result.instructions is not None else "-"
        log = f"{result.log_bytes / 1024:,.0f}" if result.log_bytes is not None else "-"
        rows.append([guest.name, str(result.harts), *cells, count, log, lines(result, guest), outcome(result, guest)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        left = {0, len(row) - 1}
        cells = [
            text.ljust(width) if i in left else text.rjust(width) for i, (text, width) in enumerate(zip(row, widths))
        ]
        print("  ".join(cells).rstrip())
    for guest, result in results:
        for way, failure in result.failures.items():
            print(f"{guest.name}, {result.harts} harts: {way}: {failure}")


def lines(result, guest):
    if result.lines is None:
        return "-"
    if guest.compare.order == "talk":
        return "talk only"
    lost = sum(line.startswith("-") for line in result.differences)
    return f"{result.lines - lost} of {result.lines}"


def write(path, results, rrtool, qemu):
    document = {
        "rrtool": version([rrtool]),
        "qemu": version(qemu) if qemu else None,
        "date": time.strftime("%Y-%m-%d"),
        "guests": [entry(guest, result) for guest, result in results],
    }
    Path(path).write_text(json.dumps(document, indent=2) + "\n")


def entry(guest, result):
    rules = [*guest.compare.drop, *guest.compare.replace]
    return {
        "guest": guest.name,
        "about": guest.about,
        "version": guest.version,
        "files": {file.name: digest(file) for file in map(Path, guest.files)},
        "harts": result.harts,
        "commands": result.commands,
        "seconds": result.seconds,
        "instructions": result.instructions,
        "log_bytes": result.log_bytes,
        "compared": {
            "order": guest.compare.order,
            "lines": result.lines,
            "left_out": [rule["why"] for rule in rules],
            "differences": result.differences,
        },
        "positions_back": result.places,
        "failures": result.failures,
        "result": outcome(result, guest),
    }


def digest(path):
    hasher = hashlib.sha256()
    with open(path, "rb") as file:
        while data := file.read(1 << 20):
            hasher.update(data)
    return hasher.hexdigest()
