// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import Inspection

struct DisassemblyView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "disassembly",
    abstract: "Show the instructions that a hart is about to execute, or any others.",
    discussion: """
      It replays up to --at, from the last snapshot before, and shows memory as it is there: code that a guest loaded, wrote or patched too.
      Addresses are virtual, for the hart as it stands there.

      FIELDS
        address  of the instruction
        symbol   what --symbols calls it; in a table with the source line
        bytes    the instruction as a number: of 16 or 32 bits
        text     in the words of GNU's tools; .2byte or .4byte for what the machine does not know
        file, line, inlined
                 the source line it was made of, and functions whose bodies were put in there, the innermost first

      EXAMPLES
        rrtool inspect linux.rr disassembly --at 50%
        rrtool inspect linux.rr disassembly --at before-bug --hart 1 --count 40 --symbols vmlinux
        rrtool inspect linux.rr disassembly --address 0x80000124 --count 4
        rrtool inspect linux.rr disassembly --address sleep_until --symbols vmlinux
      """)

  @OptionGroup var recording: RecordingArgument

  @Option(
    help: ArgumentHelp(
      "The first instruction, by address or name; without it the hart's pc.", valueName: "address"))
  var address: String?

  @Option(help: ArgumentHelp("How many instructions.", valueName: "n"))
  var count = 16

  @Option(help: ArgumentHelp("Whose code (0).", valueName: "hart"))
  var hart: Int?

  @OptionGroup var symbols: SymbolOptions

  @OptionGroup var place: PlaceOptions

  func run() throws {
    try reporting {
      guard (1...100_000).contains(count) else {
        throw Failure(
          .usage, "--count \(count)", "is no number of instructions", remedy: "give one from 1 to 100,000")
      }
      let word = try address.map { (text) throws(Failure) in try MemoryWords(address: text) }
      try place.show(
        recording,
        preparing: { recording in
          let hart = try HartWords.checked(hart, of: recording) ?? 0
          let names = try CodeNames(symbols, for: recording)
          return (hart, names, try word?.bytes(names).address)
        }
      ) { timeline, prepared in
        let (hart, names, first) = prepared
        let address = first ?? timeline.machine.programCounter(hart: hart)
        guard !timeline.machine.readMemory(virtual: address, count: 2, hart: hart).isEmpty else {
          throw MemoryWords.nothing(at: address, timeline)
        }
        return Report(
          codeOf: timeline.machine, hart: hart, at: address, count: count, placing: names.place(of:))
      }
    }
  }
}
