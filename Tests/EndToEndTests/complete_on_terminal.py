"""Types lines into a shell on a terminal, a Tab after each, and prints what each has become.

complete_on_terminal.py SHELL TOOL LINE...
"""

import os
import sys
import time

from terminal import Terminal

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile"], "source <(rrtool --generate-completion-script bash)"),
    "zsh": (["zsh", "-f"], "autoload -Uz compinit; compinit -D -u; source <(rrtool --generate-completion-script zsh)"),
    "fish": (["fish", "--no-config"], "rrtool --generate-completion-script fish | source"),
}
LINE_START, LINE_END = "\x01", "\x05"

shell, tool, *lines = sys.argv[1:]
command, setup = SHELLS[shell]
path = os.path.dirname(tool) + ":" + os.environ["PATH"]
# Emacs' keys, whatever the user's editor is.
terminal = Terminal(
    ["/usr/bin/env", "-u", "EDITOR", "-u", "VISUAL", "TERM=xterm", "PS1=", f"HOME={os.getcwd()}", f"PATH={path}", *command]
)


def settle(seconds):
    """Waits until nothing has come for so long."""
    quiet = time.monotonic()
    while time.monotonic() < quiet + seconds:
        seen = len(terminal.seen)
        terminal.read()
        if len(terminal.seen) > seen:
            quiet = time.monotonic()


def complete(line, patience):
    terminal.type(line + "\t")
    settle(patience)
    terminal.seen = ""
    # What is typed shows the mark in two parts.
    terminal.type(f"{LINE_START}printf '%s%s%s' '<' '<' \"{LINE_END}\"'>''>'\r")
    result = terminal.expect("<<.*>>").rpartition("<<")[2].removesuffix(">>").strip()
    settle(0.3)
    return result


settle(1)
terminal.type(f"{setup}; echo rea''dy\r")
terminal.expect("ready")
settle(0.5)
for line in lines:
    # A machine with other things to do needs longer.
    for patience in (0.5, 2, 8):
        result = complete(line, patience)
        if result != line:
            break
    print(result, flush=True)
