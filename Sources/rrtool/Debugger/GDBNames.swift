// SPDX-License-Identifier: Apache-2.0

/// A script in Python for the gdb that rrtool starts. A gdb without Python says so, and goes on without.
enum GDBNames {
  /// Has `last` tell what lies at a place of code: gdb has the symbols, and lets no other script read what a target says.
  static let text = """
    import gdb
    class RRToolLast(gdb.Command):
      def __init__(self, name, command):
        super(RRToolLast, self).__init__(name, gdb.COMMAND_OBSCURE)
        self.command = command
      def invoke(self, text, from_tty):
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

    """
}
