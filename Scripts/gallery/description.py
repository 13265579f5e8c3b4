"""Descriptions of guests: one TOML file each, beside the files of the guest or naming where they lie."""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path


class BadDescription(Exception):
    """A description that says nothing sensible; the text names the file, the key and what to do."""


@dataclass
class Step:
    """One turn of a conversation on the console: wait for a text, then type one."""

    expect: re.Pattern | None
    type: bytes


@dataclass
class Comparison:
    """What of the two consoles must be equal. Whatever is left out of it has a reason, which the report repeats."""

    order: str = "same"
    start: re.Pattern | None = None
    stop: re.Pattern | None = None
    drop: list = field(default_factory=list)
    replace: list = field(default_factory=list)


@dataclass
class Guest:
    name: str
    path: Path
    about: str
    version: str
    harts: list
    memory: str
    cpu: str | None
    virtio: str
    bios: str
    kernel: Path | None
    initrd: Path | None
    dtb: Path | None
    append: str | None
    drives: list
    flash: list
    rrtool: list
    qemu: list
    without_qemu: str | None
    seconds: float
    talk: list
    refuse: list
    end: str
    status: int
    back: int
    known: str | None
    compare: Comparison

    @property
    def files(self):
        bios = [] if self.bios in ("default", "none") else [Path(self.bios)]
        return bios + [file for file in (self.kernel, self.initrd, self.dtb, *self.drives, *self.flash) if file]


KEYS = {
    "like": str, "about": str, "version": str, "harts": list, "memory": str, "cpu": str, "virtio": str, "bios": str,
    "kernel": str, "initrd": str, "dtb": str, "append": str, "drives": list, "flash": list, "rrtool": list, "qemu": list,
    "without-qemu": str, "seconds": (int, float), "talk": list, "refuse": list, "end": str, "status": int,
    "back": int, "known": str, "compare": dict,
}  # fmt: skip
COMPARE_KEYS = {"order": str, "from": str, "to": str, "drop": list, "replace": list}
CHOICES = {
    "virtio": ("modern", "legacy"),
    "end": ("power-off", "stop"),
    "order": ("same", "any", "talk"),
}


def read_folder(folder, names=None, others=()):
    """The guests that a folder describes, in the order of their names; `{NAME}` in its paths is a folder of `others`."""
    folder = Path(folder).resolve()
    found = [read(path, dict(others)) for path in sorted(folder.glob("*.toml"))]
    return [guest for guest in found if not names or guest.name in names]


def load(path):
    try:
        return tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BadDescription(f"{path}: {error}") from None


def inherited(path):
    text = load(path)
    if "like" in text:
        raise BadDescription(f"{path}: a guest that others are like cannot be like another one")
    return text


def read(path, others):
    text = load(path)

    def check(table, known, where=""):
        for key, value in table.items():
            if key not in known:
                raise BadDescription(f"{path}: there is no '{where}{key}': choose from {', '.join(known)}")
            if not isinstance(value, known[key]) or isinstance(value, bool):
                raise BadDescription(f"{path}: '{where}{key}' is of the wrong kind")
            if key in CHOICES and value not in CHOICES[key]:
                raise BadDescription(f"{path}: '{where}{key}' is one of {', '.join(CHOICES[key])}, not {value}")

    check(text, KEYS)
    if "like" in text:
        text = {**inherited(path.parent / f"{text['like']}.toml"), **text}
        check(text, KEYS)
    compare = text.get("compare", {})
    check(compare, COMPARE_KEYS, "compare.")

    def file(name):
        for other, folder in others.items():
            name = name.replace("{" + other + "}", str(folder))
        return path.parent / name

    def pattern(source):
        try:
            return re.compile(source.encode() if isinstance(source, str) else source, re.MULTILINE)
        except re.error as error:
            raise BadDescription(f"{path}: '{source}' is no pattern: {error}") from None

    def line_pattern(source):
        pattern(source)
        return re.compile(source)

    def exception(entry, keys):
        if not isinstance(entry, dict) or set(entry) != set(keys):
            raise BadDescription(f"{path}: each entry of compare.drop and compare.replace has {', '.join(keys)}")
        return {**entry, "pattern": line_pattern(entry["line" if "line" in entry else "what"])}

    def step(entry):
        if not isinstance(entry, dict) or not entry or set(entry) - {"expect", "type"}:
            raise BadDescription(f"{path}: each step of 'talk' has 'expect', 'type' or both")
        expect = pattern(entry["expect"]) if "expect" in entry else None
        return Step(expect, entry.get("type", "").encode())

    def optional(key):
        return file(text[key]) if text.get(key) else None

    bios = text.get("bios", "default")
    return Guest(
        name=path.stem,
        path=path,
        about=text.get("about", path.stem),
        version=text.get("version", "unknown"),
        harts=text.get("harts", [1]),
        memory=text.get("memory", "128M"),
        cpu=text.get("cpu"),
        virtio=text.get("virtio", "modern"),
        bios=bios if bios in ("default", "none") else str(file(bios)),
        kernel=optional("kernel"),
        initrd=optional("initrd"),
        dtb=optional("dtb"),
        append=text.get("append") or None,
        drives=[file(name) for name in text.get("drives", [])],
        flash=[file(name) for name in text.get("flash", [])],
        rrtool=text.get("rrtool", []),
        qemu=text.get("qemu", []),
        without_qemu=text.get("without-qemu"),
        seconds=text.get("seconds", 120),
        talk=[step(entry) for entry in text.get("talk", [])],
        refuse=[pattern(source) for source in text.get("refuse", [])],
        end=text.get("end", "power-off"),
        status=text.get("status", 0),
        back=text.get("back", 3),
        known=text.get("known"),
        compare=Comparison(
            order=compare.get("order", "same"),
            start=line_pattern(compare["from"]) if "from" in compare else None,
            stop=line_pattern(compare["to"]) if "to" in compare else None,
            drop=[exception(entry, ("line", "why")) for entry in compare.get("drop", [])],
            replace=[exception(entry, ("what", "with", "why")) for entry in compare.get("replace", [])],
        ),
    )
