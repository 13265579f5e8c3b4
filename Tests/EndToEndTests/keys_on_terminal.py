"""Drives recordings of the guest `echo` on a terminal of their own, as a user at the keyboard does.

Usage: keys_on_terminal.py RRTOOL ECHO FOLDER
Ends with status 1 and what was on the terminal when something is not as it should be.
"""

import sys

from terminal import CONTROL_C, Terminal, check

CONTROL_A = "\x01"


def record(name, *options):
    tool, guest, folder = sys.argv[1:]
    return Terminal(
        [tool, "record", "-o", f"{folder}/{name}.rr", "--memory", "16M", "--bios", guest, *options]
    )


def main():
    # Ctrl-C ends the recording, and a line says so; behind Ctrl-A it is the guest's.
    terminal = record("keeps")
    terminal.expect("rrtool: Ctrl-C ends the run, Ctrl-A h tells the other keys")
    terminal.expect("quit ends")
    terminal.type(CONTROL_A)
    # The terminal is told between two keys, which come far apart.
    terminal.read()
    terminal.type(CONTROL_C)
    terminal.read()
    terminal.type("one\r")
    terminal.expect("\x03ONE")
    terminal.type(CONTROL_C)
    seen = terminal.end()
    check("recorded" in seen and terminal.status == 130, f"{terminal.status}: {seen!r}")

    # Both keys may come in one piece, with what follows them, and from a script.
    terminal = record("pieces")
    terminal.expect("quit ends")
    terminal.type(CONTROL_A + CONTROL_C + "both\r")
    terminal.expect("\x03BOTH")
    terminal.type("x" + CONTROL_A + CONTROL_C + CONTROL_A + CONTROL_C + "y\r")
    terminal.expect("X\x03\x03Y")
    # A guest that takes nothing does not keep Ctrl-C from its user, whatever was pasted before.
    terminal.type("z" * 3000)
    terminal.read()
    terminal.type(CONTROL_C)
    seen = terminal.end()
    check("recorded" in seen and terminal.status == 130, f"{terminal.status}: {seen!r}")

    # With signal=off it is the guest's always, and Ctrl-A x ends the recording.
    terminal = record("passes", "--serial", "stdio,signal=off")
    terminal.expect("rrtool: Ctrl-A x ends the run, .* Ctrl-C is the guest's")
    terminal.expect("quit ends")
    terminal.type(CONTROL_C + "two\r")
    terminal.expect("\x03TWO")
    terminal.type(CONTROL_A + "x")
    seen = terminal.end()
    check("recorded" in seen and terminal.status == 0, f"{terminal.status}: {seen!r}")

    # What rrtool says stands on a line of its own, wherever the guest was.
    terminal = record("stops", "--stop-on", "quit e")
    seen = terminal.end()
    check("quit e\r\nrrtool: recorded" in seen.replace("\r\r", "\r"), f"{terminal.status}: {seen!r}")


main()
