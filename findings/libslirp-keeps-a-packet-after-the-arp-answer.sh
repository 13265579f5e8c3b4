#!/bin/bash
# When a connection that the host opens to a guest (hostfwd) leaves libslirp, once the guest has said where it is.
#
# Guess: the opening segment waits for the answer to libslirp's ARP question, and goes out with slirp_input of that answer, as what
# libslirp answers to TCP does.
# Seen: libslirp 4.7.0 only notes the address in slirp_input. The segment leaves at the end of the next slirp_pollfds_poll, so a program
# that hands in frames and then waits in poll delays it by up to what slirp_pollfds_fill allowed (499 ms); and when the clock that the program
# gives is more than a second ahead by then (a guest's clock may run faster than the host's), it is thrown away without a word, although the
# address is known: the next one comes when TCP tries again, six seconds on that clock after the first.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
debootstrap --variant=minbase --include=python3-minimal,libpython3-stdlib,libslirp0 bookworm "$folder/root" >"$folder/log" 2>&1 ||
  { tail -n 3 "$folder/log" >&2; exit 1; }
chroot "$folder/root" dpkg-query -W -f '${Version}\n' libslirp0 | grep -q '^4\.7\.0-' || { echo "not libslirp 4.7.0" >&2; exit 1; }

cat >"$folder/root/tmp/ask.py" <<'PYTHON'
import ctypes as c, select, socket, struct, sys

lib = c.CDLL("libslirp.so.0")
Send = c.CFUNCTYPE(c.c_ssize_t, c.c_void_p, c.c_size_t, c.c_void_p)
Clock = c.CFUNCTYPE(c.c_int64, c.c_void_p)
Pointer = c.CFUNCTYPE(c.c_void_p, c.c_int, c.c_void_p, c.c_void_p)
Nothing = c.CFUNCTYPE(None, c.c_void_p, c.c_void_p, c.c_void_p)
AddPoll = c.CFUNCTYPE(c.c_int, c.c_int, c.c_int, c.c_void_p)
Events = c.CFUNCTYPE(c.c_int, c.c_int, c.c_void_p)


class Configuration(c.Structure):
    _fields_ = [("version", c.c_uint32), ("restricted", c.c_int), ("in_enabled", c.c_bool), ("network", c.c_uint32),
                ("mask", c.c_uint32), ("host", c.c_uint32), ("in6_enabled", c.c_bool), ("prefix6", c.c_uint8 * 16),
                ("prefix6_len", c.c_uint8), ("host6", c.c_uint8 * 16), ("names", c.c_void_p * 4), ("dhcp", c.c_uint32),
                ("dns", c.c_uint32), ("dns6", c.c_uint8 * 16), ("search", c.c_void_p), ("domain", c.c_void_p),
                ("mtu", c.c_size_t), ("mru", c.c_size_t), ("no_loopback", c.c_bool), ("emu", c.c_bool),
                ("out", c.c_void_p), ("out6", c.c_void_p), ("no_dns", c.c_bool), ("no_dhcp", c.c_bool)]


def address(text):
    return struct.unpack("=I", socket.inet_aton(text))[0]


def first_segment(jump):
    """Events until the opening segment is there; the clock jumps by this many seconds right after the answer."""
    now, frames, seen = [0.0], [], []
    keep = (Send(lambda data, size, _: frames.append(c.string_at(data, size)) or size), Nothing(lambda *_: None),
            Clock(lambda _: int(now[0] * 1e9)), Pointer(lambda *_: 1))
    calls = (c.c_void_p * 11)()
    for index, call in enumerate([keep[0], keep[1], keep[2], keep[3]] + [keep[1]] * 6 + [keep[3]]):
        calls[index] = c.cast(call, c.c_void_p)
    configuration = Configuration(version=4, in_enabled=True, network=address("10.0.2.0"), mask=address("255.255.255.0"),
                                  host=address("10.0.2.2"), dhcp=address("10.0.2.15"), dns=address("10.0.2.3"))
    lib.slirp_new.restype = c.c_void_p
    stack = c.c_void_p(lib.slirp_new(c.byref(configuration), calls, None))
    port = socket.socket()
    port.bind(("127.0.0.1", 0))
    number = port.getsockname()[1]
    port.close()
    assert lib.slirp_add_hostfwd(stack, 0, address("127.0.0.1"), number, 0, 22) == 0
    client = socket.create_connection(("127.0.0.1", number))

    def turn():
        polled = []
        add = AddPoll(lambda fd, events, _: polled.append(fd) or len(polled) - 1)
        wait = c.c_uint32(1000)
        lib.slirp_pollfds_fill(stack, c.byref(wait), add, None)
        ready = select.select(polled, [], [], 0.2)[0]
        lib.slirp_pollfds_poll(stack, 0, Events(lambda index, _: 1 if polled[index] in ready else 0), None)

    def segments():
        return sum(frame[12:14] == b"\x08\x00" and frame[23] == 6 for frame in frames)

    while not any(frame[12:14] == b"\x08\x06" for frame in frames):
        turn()
    question = next(frame for frame in frames if frame[12:14] == b"\x08\x06")
    guest = bytes.fromhex("525400123456")
    answer = question[22:28] + guest + question[12:20] + b"\x00\x02" + guest + question[38:42] + question[22:32]
    lib.slirp_input(stack, answer, len(answer))
    seen.append("slirp_input: %d" % segments())
    now[0] += jump
    turn()
    seen.append("next turn: %d" % segments())
    while segments() == 0 and now[0] < 60:
        now[0] += 0.5
        turn()
    client.close()
    return "; ".join(seen + ["there at %.1f s" % now[0]])


for jump in (0.0, 1.5):
    print("the clock goes on by %.1f s: %s" % (jump, first_segment(jump)))
PYTHON
chroot "$folder/root" python3 /tmp/ask.py | tee "$folder/seen"
grep -q '^the clock goes on by 0.0 s: slirp_input: 0; next turn: 1; there at 0.0 s$' "$folder/seen"
grep -qE '^the clock goes on by 1.5 s: slirp_input: 0; next turn: 0; there at [5-7]\.[05] s$' "$folder/seen"
