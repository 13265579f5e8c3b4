// SPDX-License-Identifier: Apache-2.0

/// What may be typed after `monitor`, in words.
enum MonitorHelp {
  private static let commands: [(usage: String, help: String)] = [
    ("when", "where we are: position, event, guest time, hart"),
    ("seek POSITION", "go to a position: N, +N, -N, N%, event:N, start, end or a snapshot's name"),
    ("back", "go to where we were before"),
    ("forward", "undo 'back'"),
    ("checkpoint", "remember this place"),
    ("info checkpoints", "list the places that are remembered"),
    ("restart N", "go to checkpoint N"),
    ("delete checkpoint N", "forget checkpoint N"),
    (
      "snapshot NAME",
      "save a snapshot of this place in the recording; while it is made: of where it has come to"
    ),
    (
      "last ADDRESS [LENGTH]",
      "who wrote these bytes last before this place, an address of the hart looked at (8)"
    ),
    ("last-bytes ADDRESS [LENGTH]", "the same for each of these bytes, of 64 at most"),
    ("last $REGISTER", "what changed this register of the hart looked at last before this place"),
    ("go", "go to where the last answer of 'last' is"),
    (
      "interrupts step over|into",
      "whether stepping by lines runs through the handlers of interrupts and traps (over)"
    ),
    ("events [N]", "the N events before and after this place (10)"),
    ("console [N]", "the last N lines that the guest wrote before this place (10)"),
    (
      "packets [N]", "the last N packets that passed through the guest's network cards before this place (10)"
    ),
    ("xp ADDRESS [COUNT]", "memory or a device's registers at a physical address, in bytes"),
    ("phys ADDRESS", "the physical address of a virtual one, for the hart looked at"),
    ("help", "this list"),
  ]

  static let text =
    commands.map { $0.usage + String(repeating: " ", count: 30 - $0.usage.count) + $0.help + "\n" }.joined()
      + """

      After a command that moves, type 'maintenance flush register-cache', or gdb shows what it remembers. 'seek',
      'restart', 'go', 'back' and 'forward' without monitor do both; rrtool replay --debug defines them.

      """

  /// How the commands go that begin with a word; nil when none does.
  static func usage(of word: String) -> String? {
    let usages = commands.map(\.usage).filter { $0.split(separator: " ").first == word[...] }
    return usages.isEmpty ? nil : usages.map { "'\($0)'" }.joined(separator: " or ")
  }
}
