"""colours_on_terminal.py TERM NO_COLOR COMMAND...: runs it on a terminal, and writes what came up there, escapes visible."""

import os
import pty
import sys

os.environ["TERM"], os.environ["NO_COLOR"] = sys.argv[1:3]
if not sys.argv[2]:
    del os.environ["NO_COLOR"]
process, descriptor = pty.fork()
if process == 0:
    os.execv(sys.argv[3], sys.argv[3:])
seen = b""
while True:
    try:
        piece = os.read(descriptor, 1 << 16)
    except OSError:
        break
    if not piece:
        break
    seen += piece
os.waitpid(process, 0)
print(seen.decode().replace("\x1b", "<ESC>"))
