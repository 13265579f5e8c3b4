"""Stands between gdb and rrtool, and checks every packet that passes."""

import collections
import re
import socket
import threading

MOTIONS = re.compile(rb"vCont;|[csCS]|b[sc]$")
TEXT = re.compile(rb"O(?:[0-9a-f]{2})*$")
# The last of a command's text may be its reply.
LAST_TEXT = re.compile(rb"(?:[0-9a-f]{2})+$")
# gdb does not wait for an answer.
SILENT = (b"k",)


class Framing:
    """Takes a stream apart: packets' payloads, and single bytes that are none."""

    def __init__(self):
        self.bytes = b""

    def take(self, data):
        self.bytes += data
        while self.bytes:
            if self.bytes[:1] != b"$":
                one, self.bytes = self.bytes[:1], self.bytes[1:]
                yield one, None
                continue
            end = self.bytes.find(b"#")
            if end < 0 or len(self.bytes) < end + 3:
                return
            frame, self.bytes = self.bytes[: end + 3], self.bytes[end + 3 :]
            yield frame, frame[1:end]


class Proxy:
    """One session. `states` is shared by all sessions on one recording: what was seen at each position."""

    def __init__(self, tool, states, harts, trace):
        self.tool, self.states, self.harts = tool, states, harts
        self.problems = []
        self.trace = collections.deque(maxlen=4000) if trace is None else trace
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.client = None
        self.lock = threading.Lock()
        self.asked = collections.deque()
        self.injected = False
        self.answers = collections.deque()
        self.came = threading.Condition()
        self.continued = None  # what Hc named; None: all
        self.released, self.backward = None, False
        # Where the way back began on which only some harts were let go: what the others met on it is told later.
        self.back_from = 0
        self.position, self.is_branch = None, False
        self.packet_size = 1 << 16
        self.is_left = False
        self.since_command = 0
        self.stops_nothing = False  # the last Ctrl-C came with nothing let go before it or since
        self.counts = collections.Counter()
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        for one in (self.listener, self.client, self.tool):
            if one is not None:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                one.close()

    def problem(self, text):
        self.trace.append(f"PROBLEM {text}")
        self.problems.append(text)

    @property
    def is_moving(self):
        return any(MOTIONS.match(one) for one in list(self.asked))

    # Both ways

    def serve(self):
        try:
            self.client, _ = self.listener.accept()
            self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            return
        threading.Thread(target=self.guarded, args=(self.from_tool,), daemon=True).start()
        self.guarded(self.from_client)

    def guarded(self, body):
        try:
            body()
        except OSError:
            pass
        except Exception as error:  # noqa: BLE001
            self.problem(f"the proxy failed: {error!r}")
        for one in (self.client, self.tool):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        with self.came:
            self.is_left = True
            self.came.notify_all()

    def from_client(self):
        framing = Framing()
        while data := self.client.recv(1 << 16):
            for frame, payload in framing.take(data):
                # A look of our own is not to be mixed with gdb's questions; Ctrl-C passes at once.
                if payload is None:
                    if frame == b"\x03":
                        self.trace.append("> Ctrl-C")
                        self.counts["Ctrl-C"] += 1
                        self.stops_nothing = not self.is_moving
                    self.tool.sendall(frame)
                    continue
                with self.lock:
                    self.note_request(payload)
                    self.tool.sendall(frame)

    def from_tool(self):
        framing = Framing()
        while data := self.tool.recv(1 << 16):
            for frame, payload in framing.take(data):
                if payload is None:
                    self.client.sendall(frame)
                    continue
                if (sum(payload) & 0xFF) != int(frame[-2:], 16):
                    self.problem(f"checksum of {payload[:80]!r}")
                if len(payload) > self.packet_size:
                    self.problem(f"a packet of {len(payload)} bytes")
                if self.injected:
                    with self.came:
                        self.answers.append(payload)
                        self.came.notify_all()
                    continue
                self.trace.append(f"< {payload[:300].decode('latin1')}")
                stop = self.note_reply(payload)
                if stop is None:
                    self.client.sendall(frame)
                else:
                    # On a thread of its own, since this one hears the answers.
                    threading.Thread(target=self.guarded_look, args=(frame, *stop), daemon=True).start()

    # What gdb asks

    def note_request(self, payload):
        self.trace.append(f"> {payload[:300].decode('latin1')}")
        self.counts["packets"] += 1
        if payload in SILENT:
            return
        self.asked.append(payload)
        if payload.startswith(b"qRcmd"):
            self.position = None  # it may lead anywhere
        if payload.startswith(b"Hc"):
            self.continued = None if payload[2:] in (b"0", b"-1") else {int(payload[2:], 16)}
        if MOTIONS.match(payload):
            self.stops_nothing = False
            self.counts["motions"] += 1
            self.backward = payload.startswith(b"b")
            self.released = self.let_go(payload)
            self.note_way_back()
            if self.released is not None:
                self.counts["motions of one thread"] += 1

    def let_go(self, payload):
        """The threads that a motion is for; None: all."""
        if not payload.startswith(b"vCont"):
            return self.continued
        named = set()
        for action in payload.split(b";")[1:]:
            kind, _, thread = action.partition(b":")
            if kind[:1] == b"t":
                continue
            if thread in (b"", b"-1", b"0"):
                return None
            named.add(int(thread, 16))
        return named

    # What it is told

    def note_reply(self, payload):
        if not self.asked:
            self.problem(f"an answer to nothing: {payload[:80]!r}")
            return None
        request = self.asked[0]
        is_motion = bool(MOTIONS.match(request))
        if TEXT.match(payload):
            if not is_motion and not request.startswith(b"qRcmd"):
                self.problem(f"text while {request[:40]!r} is asked")
            self.note_text(payload[1:])
            return None
        self.asked.popleft()
        if request.startswith(b"qRcmd") and LAST_TEXT.match(payload):
            self.note_text(payload)
        if request.startswith(b"qSupported"):
            self.packet_size = int(re.search(rb"PacketSize=([0-9a-f]+)", payload).group(1), 16)
        if request[:1] in b"PGMX" and payload == b"OK" and not request.startswith((b"X0", b"M0")):
            self.counts["writes"] += 1
        if request == b"?" or is_motion:
            return self.check_stop(request, payload, is_motion)
        return None

    def note_text(self, digits):
        text = bytes.fromhex(digits.decode()).decode(errors="replace")
        if "The machine was changed" in text:
            self.is_branch = True
        if "The branch is discarded" in text or "The branch ends" in text:
            self.is_branch = "ends" in text

    def check_stop(self, request, payload, is_motion):
        found = re.match(rb"T([0-9a-f]{2})(.*)$", payload, re.DOTALL)
        if not found:
            self.problem(f"{request[:80]!r} is answered with {payload[:80]!r}")
            return None
        fields = dict(part.partition(b":")[::2] for part in found.group(2).split(b";") if part)
        thread = int(fields.get(b"thread", b"0"), 16)
        if not 1 <= thread <= self.harts:
            self.problem(f"{payload[:80]!r} names no thread that there is")
            return None
        if is_motion and self.released is not None and thread not in self.released:
            self.problem(f"{request[:80]!r} lets {sorted(self.released)} go, and thread {thread} answers: {payload[:60]!r}")
        for name in ("swbreak", "hwbreak", "watch", "rwatch", "awatch", "replaylog"):
            if name.encode() in fields:
                self.counts[f"stops by {name}"] += 1
        return thread, fields, is_motion

    # A second look

    def ask(self, payload):
        self.tool.sendall(b"$" + payload + b"#%02x" % (sum(payload) & 0xFF))
        text = b""
        while True:
            with self.came:
                if not self.came.wait_for(lambda: self.answers or self.is_left, timeout=60):
                    self.problem(f"no answer to our {payload!r} in 60 s")
                    return b"", text
                if not self.answers:
                    return b"", text
                reply = self.answers.popleft()
            if TEXT.match(reply):
                text += bytes.fromhex(reply[1:].decode())
            elif payload.startswith(b"qRcmd") and LAST_TEXT.match(reply):
                return b"OK", text + bytes.fromhex(reply.decode())
            else:
                return reply, text

    def guarded_look(self, frame, thread, fields, is_motion):
        try:
            # With acknowledgements on, at the very start, a packet of ours would be one too many.
            if is_motion and self.is_looked_at():
                with self.lock:
                    self.injected = True
                    self.look(thread, fields)
                    self.injected = False
            self.client.sendall(frame)
        except OSError:
            pass
        except Exception as error:  # noqa: BLE001
            self.injected = False
            self.problem(f"the look at a stop failed: {error!r}")

    def is_looked_at(self):
        # A command of thousands of motions is to come to its end as well.
        self.since_command += 1
        if self.since_command > 100 and self.since_command % 25:
            self.position = None
            return False
        return True

    def note_way_back(self):
        """Before a motion."""
        if not self.backward:
            self.back_from = 0
        elif self.released is not None:
            self.back_from = max(self.back_from, float("inf") if self.position is None else self.position)

    def look(self, thread, fields):
        _, text = self.ask(b"qRcmd," + b"when".hex().encode())
        found = re.search(rb"Position ([\d,]+)", text)
        if not found:
            if not self.is_left:
                self.problem(f"'when' says {text[:200]!r}")
            return
        before, self.position = self.position, int(found.group(1).replace(b",", b""))
        self.trace.append(f"= {text[:120].decode(errors='replace').strip()}")
        state = []
        for hart in [*range(1, self.harts + 1), thread]:
            if self.ask(b"Hg%x" % hart)[0] != b"OK":
                self.problem(f"thread {hart} cannot be looked at")
            state.append(self.ask(b"g")[0])
        own = state.pop()
        if own != state[thread - 1]:
            self.problem("registers are others at the second look")
        for name, value in fields.items():
            if re.fullmatch(rb"[0-9a-f]+", name) and int(name, 16) <= 32:
                number = int(name, 16)
                if own[number * 16 : number * 16 + 16] != value:
                    self.problem(f"register {number} is {value} in the stop's packet and {own[number * 16:number * 16 + 16]} at a look")
        if self.is_branch:
            self.counts["places in branches"] += 1
            return
        if self.backward and before is not None and self.position > max(before, self.back_from):
            self.problem(f"back led from {before} to {self.position}")
        if self.released is None:
            self.back_from = 0
        # The last position is stood at before and after what arrives there.
        if b"replaylog" in fields and not self.backward:
            return
        known = self.states.setdefault(self.position, state)
        if known is not state:
            self.counts["places seen again"] += 1
            if known != state:
                self.problem(f"position {self.position} has another state than when it was seen before")
        self.counts["places"] += 1
