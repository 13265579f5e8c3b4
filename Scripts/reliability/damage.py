"""Damages what comes from a stranger, and looks whether it is refused in a line, or does no harm."""

import json
import shutil
import subprocess

from .bench import GUESTS, Tally

NUMBERS = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF,
           0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF)  # fmt: skip
# A guest that was damaged may do anything, for so long.
LIMIT = ["--max-instructions", "200000"]


def campaign(bench, count):
    tally = Tally()
    original = bench.make_recording(bench.folder / "original.rr")
    bench.must(["snapshot", "create", "middle", original, "--at", "50%"])
    inputs = collect(bench, original)
    work = bench.fresh()
    target = bench.copy(original, work / "run.rr")
    for _ in range(count):
        name = bench.random.choice(list(inputs))
        path, verbs = inputs[name](target, work)
        sound = path.read_bytes()
        damaged, what = damage(bench.random, sound, name)
        words, any_status = bench.random.choice(verbs)
        path.write_bytes(damaged)
        outcome = bench.run(words)
        # The guest of a damaged image says itself how it ends.
        problem = outcome.problem(statuses=() if any_status else (0, 1, 3, 4, 64, 124))
        if any_status and problem == "fails without a word":
            problem = None
        tally.count("damage", name, "refused" if outcome.status else "made no difference, or was not read")
        if problem:
            bench.keep(tally, f"{problem}: {outcome.errors.strip()[-300:]}", f"{name}, {what}: {' '.join(map(str, words))}", work)
        path.write_bytes(sound)
        for left in ("out", "core"):
            if (work / left).is_dir():
                shutil.rmtree(work / left)
            elif (work / left).exists():
                (work / left).unlink()
    return tally


def collect(bench, original):
    """By name: where the file to be damaged is, and what is then done with it."""

    def recording(file, verbs):
        def answer(target, work):
            words = [[str(word).replace("RUN", str(target)).replace("OUT", str(work / "out")) for word in verb] for verb in verbs]
            return target / file, [(verb, False) for verb in words]

        return answer

    def packed(target, work):
        file = work / "run.rrz"
        if not file.exists():
            bench.must(["pack", original, "-o", file])
        return file, [(["unpack", file, "-o", work / "out"], False), (["inspect", file], False), (["verify", "--quick", file], False)]

    def image(make, verbs):
        source = bench.folder / "images"
        source.mkdir(exist_ok=True)
        file = make(source)

        def answer(target, work):
            return file, [([str(word).replace("FILE", str(file)) for word in verb], True) for verb in verbs]

        return answer

    def copied(name):
        return lambda folder: shutil.copy(GUESTS / name, folder / name) and folder / name

    def tree(folder):
        bench.must(["run", "--bios", GUESTS / "hello.elf", "--dump-dtb", folder / "tree.dtb"])
        return folder / "tree.dtb"

    def disk(folder):
        subprocess.run(["qemu-img", "convert", "-q", "-O", "qcow2", "-c", bench.base, folder / "disk.qcow2"], check=True)
        return folder / "disk.qcow2"

    reading = [["inspect", "RUN"], ["inspect", "RUN", "events", "--limit", "50"], ["verify", "RUN"], ["verify", "--quick", "RUN"],
               ["replay", "RUN"], ["snapshot", "list", "RUN"], ["trim", "RUN", "--from", "20%", "--to", "80%", "-o", "OUT"],
               ["pack", "RUN", "-o", "OUT"], ["cp", "RUN", "OUT"]]  # fmt: skip
    states = [["replay", "RUN", "--from", "middle"], ["replay", "RUN", "--to", "1000"], ["verify", "--quick", "RUN"],
              ["snapshot", "list", "RUN"], ["snapshot", "export", "middle", "RUN", "-o", "OUT"],
              ["dump", "RUN", "--at", "middle", "-o", "OUT"], ["trim", "RUN", "--from", "middle", "-o", "OUT"],
              ["trim", "RUN", "--from", "10%", "--to", "90%", "-o", "OUT"]]  # fmt: skip
    started = ["run", "--memory", "16M", *LIMIT]
    found = {
        "log": recording("replay.log", reading),
        "manifest": recording("recording.json", reading + states),
        "states": recording("vmstate.qcow2", states),
        "overlay": recording("disk0.qcow2", [["replay", "RUN"], *states]),
        "digests of bases": recording("bases.digests", [["replay", "RUN"], ["verify", "--quick", "RUN"], ["pack", "RUN", "-o", "OUT"],
                                                      ["trim", "RUN", "--to", "90%", "-o", "OUT"]]),
        "packed": packed,
        "ELF": image(copied("hello.elf"), [[*started, "--bios", "FILE"], [*started, "--kernel", "FILE"]]),
        "device tree": image(tree, [[*started, "--bios", GUESTS / "hello.elf", "--dtb", "FILE"]]),
    }
    if shutil.which("qemu-img"):
        found["qcow2"] = image(
            disk, [[*started, "--bios", GUESTS / "diskcheck.elf", "--drive", "file=FILE,format=qcow2"]])  # fmt: skip
    return found


def damage(random, data, name):
    """Damaged bytes, and in words what was done."""
    if name == "manifest" and random.randrange(2):
        return damage_text(random, data)
    data = bytearray(data)
    done = []
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        # Heads are where most decisions are made.
        end = min(len(data), random.choice((64, 512, 4096, len(data), len(data))))
        place = random.randrange(end) if end else 0
        kind = random.randrange(8)
        if kind <= 1 and data:
            data[place] ^= 1 << random.randrange(8)
            done.append(f"a bit of byte {place}")
        elif kind <= 4 and data:
            size = random.choice((1, 2, 4, 8))
            place -= place % size
            number = random.choice(NUMBERS) & (1 << 8 * size) - 1
            data[place:place + size] = number.to_bytes(size, random.choice(("little", "big")))
            done.append(f"{size} bytes at {place} are {number:#x}")
        elif kind == 5:
            del data[place:]
            done.append(f"cut at {place}")
        elif kind == 6:
            length = random.choice((1, 8, 64, 4096))
            other = random.randrange(len(data)) if data else 0
            data[place:place + length] = data[other:other + length]
            done.append(f"{length} bytes at {place} from {other}")
        else:
            length = random.choice((1, 512, 65536))
            data[place:place + length] = bytes(length)
            done.append(f"{length} zeros at {place}")
    return bytes(data), ", ".join(done)


def damage_text(random, data):
    """One value of a JSON object, somewhere, becomes another, or goes."""
    object = json.loads(data)
    place, path = object, []
    while True:
        key = random.choice(list(place) if isinstance(place, dict) else list(range(len(place))))
        path.append(str(key))
        if isinstance(place[key], (dict, list)) and place[key] and random.randrange(4):
            place = place[key]
            continue
        break
    kind = random.randrange(4)
    if kind == 0:
        del place[key]
    else:
        place[key] = random.choice((
            random.choice(NUMBERS), -1, 1.5, "", "..", "/", "a/../../b", "\0", "x" * 5000, None, True, [], {}, [[]],
            ["a"] * 300, {"a": {}}))  # fmt: skip
    return json.dumps(object).encode(), ".".join(path)
