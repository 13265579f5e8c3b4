// SPDX-License-Identifier: Apache-2.0

/// A script in Python for the gdb that rrtool starts: what gdb's own commands cannot do. A gdb without Python says so, and goes on with less.
enum GDBPython {
  static let text = #"""
    import gdb
    import re

    # What gdb says of a wrong word is told as any other command does.
    class RRToolCommand(gdb.Command):
      def invoke(self, text, from_tty):
        try: self.run(text.strip())
        except gdb.error as error: raise gdb.GdbError(str(error))

    # What lies at a place of code: gdb has the symbols, and lets no other script read what a target says.
    class RRToolLast(RRToolCommand):
      def __init__(self, name, command):
        super(RRToolLast, self).__init__(name, gdb.COMMAND_OBSCURE)
        self.command = command
      def run(self, text):
        for line in gdb.execute("monitor " + self.command + " " + text, to_string=True).splitlines():
          print(line)
          words = line.split()
          if words[:2] == ["Program", "counter"] and len(words) == 3:
            self.name(int(words[2], 16), line.rindex(words[2]))
      def name(self, address, column):
        symbol = gdb.execute("info symbol %d" % address, to_string=True).split(" in section")[0].strip()
        if not symbol.startswith("No symbol"): print("Symbol".ljust(column) + symbol)
        line = gdb.find_pc_line(address)
        if line.symtab: print("Line".ljust(column) + "%s:%d" % (line.symtab.filename, line.line))
    RRToolLast("rrtool-last", "last")
    RRToolLast("rrtool-last-bytes", "last-bytes")

    class RRToolGo(RRToolCommand):
      """Go to where the last answer of 'last' is, and look at the hart that did it."""
      def __init__(self):
        super(RRToolGo, self).__init__("go", gdb.COMMAND_USER)
      def run(self, text):
        gdb.execute("rrtool-forget")
        told = gdb.execute("monitor go", to_string=True)
        gdb.write(told)
        hart = re.search(r", hart (\d+) at 0x", told)
        for thread in gdb.selected_inferior().threads():
          if hart and thread.ptid[1] == int(hart.group(1)) + 1: thread.switch()
        gdb.execute("rrtool-look")
    RRToolGo()

    class RRToolMain(RRToolCommand):
      def __init__(self):
        super(RRToolMain, self).__init__("rrtool-main", gdb.COMMAND_OBSCURE)
      def run(self, text):
        try: gdb.parse_and_eval("&main")
        except gdb.error:
          raise gdb.GdbError("There is no function 'main' to stop at; type 'starti', or 'tbreak FUNCTION' and 'run'.")
    RRToolMain()

    class RRToolBreakHere(RRToolCommand):
      """Set a breakpoint for the address space of the hart that is looked at alone: break-here LOCATION [if CONDITION]."""
      def __init__(self):
        super(RRToolBreakHere, self).__init__("break-here", gdb.COMMAND_USER, gdb.COMPLETE_LOCATION)
      def run(self, text):
        if not text: raise gdb.GdbError("Usage: break-here LOCATION [if CONDITION]")
        location, condition = re.match(r"(.*?)(?:\sif(?=[\s(]|$)(.*))?$", " " + text, re.DOTALL).groups()
        space = int(gdb.parse_and_eval("(unsigned long)$satp & 0xfffffffffff"))
        rest = " && (" + condition.strip() + ")" if condition and condition.strip() else ""
        gdb.execute("break%s if ($satp & 0xfffffffffff) == 0x%x%s" % (location.rstrip(), space, rest))
    RRToolBreakHere()

    """#
}
