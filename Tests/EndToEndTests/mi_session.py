"""Drives gdb/MI as editors do, through the package pygdbmi, and prints what it saw as JSON, an object a line.

    mi_session.py TOOL RECORDING SYMBOLS    a recording of the bank whose books do not balance
"""

import json
import re
import select
import sys
import time

from pygdbmi.gdbcontroller import GdbController

# Between the reads of two balances and the last write to them.
FIRST, LAST = 0x80000882, 0x800008E0


def tell(**what):
    print(json.dumps(what), flush=True)


class Editor:
    def __init__(self):
        self.controller = GdbController(["gdb-multiarch", "-nx", "--quiet", "--interpreter=mi3"])

    def request(self, command, stops=False, timeout=100):
        """The command's result, or the stop that follows it."""
        self.controller.write(command, read_response=False)
        result, stop, self.text = None, None, ""
        end = time.monotonic() + timeout
        while result is None or (stops and stop is None):
            if time.monotonic() > end:
                raise SystemExit(f"no answer to {command}")
            select.select([self.controller.gdb_process.stdout], [], [], 1)
            for record in self.controller.get_gdb_response(timeout_sec=0, raise_error_on_timeout=False):
                if record["type"] == "result":
                    if record["message"] == "error":
                        raise SystemExit(f"{command}: {record['payload']['msg']}")
                    result = record["payload"] or {}
                elif record["type"] == "notify" and record["message"] == "stopped":
                    stop = record["payload"]
                elif record["type"] == "target" and record["payload"]:
                    self.text += record["payload"]
        return stop if stops else result

    def go(self, command):
        return self.request(command, stops=True)

    def position(self):
        self.request('-interpreter-exec console "monitor when"')
        return int(re.search(r"Position ([\d,]+)", self.text)[1].replace(",", ""))

    def seek(self, place):
        """As docs/editors.md says it: gdb is told to forget what it has read."""
        for command in (f"monitor seek {place}", "maintenance flush register-cache", "maintenance flush dcache"):
            self.request(f'-interpreter-exec console "{command}"')

    def number(self, expression):
        return int(self.request(f'-data-evaluate-expression "{expression}"')["value"].split()[0], 0)


def step_both_ways(editor):
    stop = editor.go("-exec-continue")
    at = editor.position()
    tell(reason=stop["reason"], function=stop["frame"]["func"])
    stop = editor.go("-exec-next")
    beyond = editor.position()
    tell(next=stop["reason"], next_moved=beyond > at)
    stop = editor.go("-exec-next --reverse")
    tell(back=stop["reason"], same=editor.position() == at)
    editor.request("-break-delete 1")
    editor.go("-exec-next")
    stop = editor.go("-exec-step --reverse")
    tell(step_back=stop["reason"], step_back_same=editor.position() == at)

    def place():
        return [editor.position(), editor.number("(unsigned long)$pc")]

    forward = [place()]
    for _ in range(5):
        editor.go("-exec-step-instruction")
        forward.append(place())
    back = [place()]
    for _ in range(5):
        editor.go("-exec-step-instruction --reverse")
        back.append(place())
    tell(instructions_same=forward == back[::-1])


def find_the_store(editor):
    editor.seek("end")
    editor.request(f'-break-insert -c "$mepc >= {FIRST} && $mepc <= {LAST}" timer_interrupt')
    while True:
        stop = editor.go("-exec-continue --reverse")
        if stop.get("reason") == "no-history":
            raise SystemExit("no interrupt came between the reads and the writes")
        interrupt = editor.position()
        hart = editor.number("$mhartid")
        word = f"branches[{hart}].balances[{editor.number(f'branches[{hart}].payments % 8')}]"
        editor.request("-break-disable")
        watch = editor.request(f"-break-watch {word}")["wpt"]["number"]
        paid = editor.go("-exec-continue")["value"]
        stop = editor.go("-exec-continue")
        found = int(stop["frame"]["addr"], 0) in (LAST, LAST + 4)
        editor.request(f"-break-delete {watch}")
        if found:
            # Before the store, where a watchpoint on the way back shows it.
            editor.go("-exec-step-instruction --reverse")
            break
        editor.seek(interrupt)
        editor.request("-break-enable")
    culprit = editor.position()
    tell(paid=int(paid["new"]) > int(paid["old"]), line=stop["frame"]["line"])

    editor.seek("end")
    editor.request(f"-break-watch {word}")
    stops = 0
    while True:
        stop = editor.go("-exec-continue --reverse")
        stops += 1
        if stop["reason"] != "watchpoint-trigger" or editor.position() <= culprit:
            break
    tell(trigger=stop["reason"], expression=stop["wpt"]["exp"] == word, store=editor.position() == culprit,
         address=stop["frame"]["addr"], shown=editor.number(word) == int(stop["value"]["new"]), stops=stops)


def main(tool, recording, symbols):
    editor = Editor()
    editor.request(f"-file-exec-and-symbols {symbols}")
    editor.request(f"-target-select remote | {tool} replay {recording} --gdb stdio")
    tell(features=editor.request("-list-target-features")["features"])
    editor.request("-break-insert audit")
    step_both_ways(editor)
    find_the_store(editor)
    editor.controller.exit()


main(*sys.argv[1:])
