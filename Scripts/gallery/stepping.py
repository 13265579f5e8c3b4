"""Steps back in a recording as a debugger does: by the remote protocol of gdb."""

import re
import socket
import subprocess
import time
from contextlib import closing


class Debugger:
    """A debugger that is told to go back, and looks at registers."""

    def __init__(self, connection):
        self.connection = connection
        self.received = b""
        self.request("QStartNoAckMode")

    def send(self, payload):
        data = payload.encode()
        self.connection.sendall(b"$" + data + b"#%02x" % (sum(data) & 0xFF))

    def packet(self):
        while True:
            found = re.search(rb"\$([^#]*)#..", self.received, re.DOTALL)
            if found:
                self.received = self.received[found.end() :]
                return found.group(1).decode(errors="replace")
            data = self.connection.recv(1 << 16)
            if not data:
                raise ConnectionError("rrtool closed the connection")
            self.received += data

    def request(self, payload):
        """The reply, and what was written on the debugger's console before it."""
        self.send(payload)
        text = ""
        while True:
            reply = self.packet()
            # 'O' and an even number of digits is text; "OK" is a reply.
            if not re.fullmatch(r"O(?:[0-9a-f]{2})+", reply):
                return reply, text
            text += bytes.fromhex(reply[1:]).decode(errors="replace")

    def monitor(self, command):
        reply, text = self.request("qRcmd," + command.encode().hex())
        if reply != "OK":
            raise ValueError(f"monitor {command}: {reply}")
        return text

    def position(self):
        found = re.search(r"[\d,]+", self.monitor("when"))
        return int(found.group().replace(",", ""))

    def registers(self):
        return self.request("g")[0]


def step_back(rrtool, recording, socket_path, steps, seconds):
    """Goes back some instructions from near the end and there again: what is wrong, if anything, and where it went."""
    child = subprocess.Popen(
        [str(rrtool), "replay", str(recording), "--gdb", f"unix:{socket_path}", "--to", "-100"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # fmt: skip
    try:
        with closing(connect(socket_path, child, seconds)) as connection:
            debugger = Debugger(connection)
            here, registers = debugger.position(), debugger.registers()
            places = [here]
            for _ in range(steps):
                reply, _ = debugger.request("bs")
                if not reply.startswith("T"):
                    return f"a step back was answered with '{reply}'", places
                places.append(debugger.position())
            if sorted(set(places), reverse=True) != places:
                return "steps back do not lead back", places
            debugger.monitor(f"seek {here}")
            if debugger.position() != here or debugger.registers() != registers:
                return "the place where the steps began is another one now", places
            debugger.request("D")
        return None, places
    except (OSError, ValueError) as error:
        return f"{error}: {child.stderr.read(2000).decode(errors='replace') if child.poll() is not None else ''}", []
    finally:
        child.kill()
        child.communicate()


def connect(path, child, seconds):
    # The recording is replayed to its end before anybody is served.
    deadline = time.monotonic() + seconds
    while child.poll() is None and time.monotonic() < deadline:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(path))
            connection.settimeout(seconds)
            return connection
        except OSError:
            connection.close()
            time.sleep(0.1)
    raise OSError("rrtool serves no debugger")
