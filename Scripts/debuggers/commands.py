"""What someone might type in gdb, by chance."""

import struct
from pathlib import Path


class Program:
    """Where a program has instructions and data: the functions and objects of an ELF file."""

    def __init__(self, path):
        data = Path(path).read_bytes()
        offset, count = struct.unpack_from("<Q", data, 40)[0], struct.unpack_from("<H", data, 60)[0]
        sections = [struct.unpack_from("<IIQQQQIIQQ", data, offset + 64 * index) for index in range(count)]
        self.functions, self.names, self.objects, self.instructions = [], [], [], []
        for section in sections:
            if section[1] != 2:  # symbols
                continue
            names = sections[section[6]][4]
            for at in range(section[4], section[4] + section[5], 24):
                name, info, _, index, value, size = struct.unpack_from("<IBBHQQ", data, at)
                text = data[names + name : data.index(b"\0", names + name)].decode(errors="replace")
                if info & 15 == 2:
                    self.functions.append(value)
                    self.names.append(text)
                    if 0 < index < count and sections[index][1] == 1 and sections[index][4] + value - sections[index][3] + size <= len(data):
                        place, end = sections[index][4] + value - sections[index][3], value + size
                        while value < end:
                            self.instructions.append(value)
                            length = 4 if data[place] & 3 == 3 else 2
                            place, value = place + length, value + length
                elif info & 15 == 1 and size:
                    self.objects.append((value, size))
        self.instructions = self.instructions or self.functions
        # Without data of its own, what any program has: its stack.
        self.objects = self.objects or [(self.functions[0], 8)]


class Commands:
    """Draws commands. Weights say how often."""

    def __init__(self, random, program, harts):
        self.random, self.program, self.harts = random, program, harts
        self.choices, self.weights = [], []
        for weight, names in (
            (9, "stepping reverse_stepping running reverse_running"),
            (6, "break_at thread look memory_words"),
            (4, "break_thread break_if scheduler registers delete threads"),
            (3, "watch condition leaving monitor"),
            (2, "tbreak hbreak disable frames setting"),
            (1, "write unsupported leave call jump direction"),
        ):
            for name in names.split():
                self.choices.append(getattr(self, name))
                self.weights.append(weight)

    def draw(self):
        """A command, and whether it may move the machine."""
        choice = self.random.choices(self.choices, self.weights)[0]
        moves = choice in (self.stepping, self.reverse_stepping, self.running, self.reverse_running, self.leaving, self.call, self.jump)
        return choice(), moves

    def one(self, *of):
        return self.random.choice(of)

    # Places

    def place(self):
        if self.random.random() < 0.2:
            return self.one(*self.program.names)
        if self.random.random() < 0.03:
            return self.one("*0", "*0x10000000", "*0xffffffffffffffff", "nowhere")
        return f"*{self.one(*self.program.instructions):#x}"

    def datum(self):
        if self.random.random() < 0.05:
            return f"*(char*){self.one(0, 0x10000000, 0x200bff8, 0xffffffffffffffff):#x}"
        address, size = self.one(*self.program.objects)
        kind, bytes_ = self.one(("char", 1), ("short", 2), ("int", 4), ("long", 8))
        return f"*({kind}*){address + self.random.randrange(max(1, size // bytes_)) * bytes_:#x}"

    def hart(self):
        return self.random.randrange(1, self.harts + 1)

    def truth(self):
        return self.one(
            "$a0 > 0", "$a0 == 1", "$sp & 16", "1", "0", f"{self.datum()} & 1", "$mhartid == 1", "$_thread == 1", f"$a5 < {self.random.randrange(1000)}", "nothing == 1",
        )  # fmt: skip

    # Motion

    def count(self):
        return self.one("", "", "", "", f" {self.random.randrange(1, 20)}")

    def stepping(self):
        return self.one("stepi", "stepi", "nexti", "next", "step") + self.count()

    def reverse_stepping(self):
        return self.one("reverse-stepi", "reverse-stepi", "reverse-nexti", "reverse-next", "reverse-step") + self.count()

    def running(self):
        return self.one("continue", "continue", "continue", f"continue {self.random.randrange(1, 5)}")

    def reverse_running(self):
        return self.one("reverse-continue", "reverse-continue", f"reverse-continue {self.random.randrange(1, 5)}")

    def leaving(self):
        return self.one("finish", "reverse-finish", "until", f"until {self.place()}", f"advance {self.place()}", "signal 0", "stepi 1000")

    def call(self):
        return f"print ((long(*)(long)){self.one(*self.program.functions):#x})({self.random.randrange(9)})"

    def jump(self):
        return f"jump {self.place()}"

    def direction(self):
        return self.one("set exec-direction reverse", "set exec-direction forward", "set exec-direction forward")

    # Stop points

    def break_at(self):
        return f"break {self.place()}"

    def break_thread(self):
        return f"break {self.place()} thread {self.hart()}" + self.one("", f" if {self.truth()}")

    def break_if(self):
        return f"break {self.place()} if {self.truth()}"

    def tbreak(self):
        return f"tbreak {self.place()}" + self.one("", f" thread {self.hart()}")

    def hbreak(self):
        return self.one("hbreak ", "thbreak ") + self.place()

    def watch(self):
        if self.random.random() < 0.05:
            return self.one("watch $a0", "watch $sp", "watch 1 + 1")
        command = f"{self.one('watch', 'watch', 'rwatch', 'awatch')} {self.one('-l ', '')}{self.datum()}"
        return command + self.one("", "", f" thread {self.hart()}", f" if {self.truth()}")

    def number(self):
        return self.random.randrange(1, 30)

    def condition(self):
        return self.one(f"condition {self.number()} {self.truth()}", f"condition {self.number()}", f"ignore {self.number()} {self.random.randrange(5)}")

    def disable(self):
        return f"{self.one('disable', 'enable', 'enable once', 'enable delete')} {self.number()}"

    def delete(self):
        return self.one("delete", "delete", f"delete {self.number()}", f"delete {self.number()}", f"clear {self.place()}")

    # Looking

    def thread(self):
        return self.one(f"thread {self.hart()}", f"thread {self.hart()}", f"thread {self.hart()}", "thread", "thread 99")

    def threads(self):
        return self.one("info threads", "thread apply all print $pc", "thread apply all backtrace 2", "thread find hart")

    def scheduler(self):
        return "set scheduler-locking " + self.one("off", "step", "on", "replay")

    def registers(self):
        return self.one("info registers", "info registers pc", "info all-registers", "info registers csr", "print/x $mcause", "print $fa0", "print $nothing")

    def look(self):
        return self.one("info breakpoints", "info watchpoints", "info program", "info display", "display/i $pc", "undisplay", "print $_exitcode", "info line", "info source", "info inferiors")

    def frames(self):
        return self.one("backtrace 3", "frame", "up", "down", "info frame", "info locals")

    def memory_words(self):
        return self.one(
            "x/4i $pc", "x/8xg $sp", f"print {self.datum()}", "x/2xw 0x200bff8", "x/4xb 0", f"x/16xb {self.one(*self.program.functions):#x}",
            f"find {self.one(*self.program.functions):#x}, +64, (char)0x13",
        )  # fmt: skip

    def monitor(self):
        return "monitor " + self.one(
            "when", "help", "back", "forward", "checkpoint", "info checkpoints", f"restart {self.random.randrange(5)}",
            f"seek {self.random.randrange(100)}%", f"seek +{self.random.randrange(5000)}", f"seek -{self.random.randrange(5000)}", "seek start", "seek end",
            f"seek event:{self.random.randrange(20)}", "seek nowhere", f"last {self.one(*self.program.objects)[0]:#x}", "last $sp", "last $a0", "last", "go",
            "interrupts step into", "interrupts step over", "events", "console 5", "xp 0x80000000 8", "xp 0x10000000 1", "phys 0x80000000", "nonsense", "x" * 300,
        )  # fmt: skip

    # Settings, and what is not there

    def setting(self):
        return self.one(
            "set breakpoint always-inserted on", "set breakpoint always-inserted off", "set breakpoint condition-evaluation host",
            "set breakpoint condition-evaluation target", "set breakpoint condition-evaluation auto", "set remote verbose-resume-packet off",
            "set remote verbose-resume-packet auto", "set step-mode on", "set step-mode off", "set can-use-hw-watchpoints 0", "set can-use-hw-watchpoints 1",
            "set can-use-hw-watchpoints 1", "set remote binary-upload-packet off", "maintenance flush register-cache", "set schedule-multiple on",
            "set schedule-multiple off", "set range-stepping off", "set range-stepping on", "set debug remote 0", "set remote X-packet off",
        )  # fmt: skip

    def write(self):
        return self.one(f"set var {self.datum()} = {self.random.randrange(256)}", f"set $a{self.random.randrange(8)} = 5", "set $pc = $pc", "set $mscratch = 1", "set $zero = 1")

    def unsupported(self):
        return self.one(
            "tstart", "tstop", "tstatus", f"trace {self.place()}", "info auxv", "info proc", "info os", "info mem", "run", "start", "starti", "attach 1", "record btrace",
            "info tvariables", "catch syscall", "info sharedlibrary", "monitor", "compare-sections", "call nothing()",
            "maintenance packet qNothing", "maintenance packet vNothing", "maintenance packet qXfer:auxv:read::0,100", "info static-tracepoint-markers",
        )  # fmt: skip

    def leave(self):
        return self.one("detach", "disconnect", "kill", "connect")
