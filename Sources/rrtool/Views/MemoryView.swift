// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import Inspection

struct MemoryView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "x", abstract: "Show bytes of the guest's memory at any position.",
    discussion: """
      It replays up to --at, from the last snapshot before. Addresses are virtual, for --hart as it stands there, unless --physical is given.
      Variables and their parts may be named as the sources of --symbols have them; without a LENGTH all of one is shown. Registers of devices are told as reading them would, without its effects.

      FIELDS
        address     of the first byte of a row
        bytes       16 at most, in the order of their addresses
        text        the same, where it is text
        byte_count  how many they are

      EXAMPLES
        rrtool inspect linux.rr x 0x80000000,64 --at 50%
        rrtool inspect linux.rr x 0x80002000,8 --at before-bug --physical
        rrtool inspect linux.rr x 0x80002000,0x100 --format json
        rrtool inspect linux.rr x 'branches[0].balances' --at 50% --symbols vmlinux
      """)

  @Argument(
    help: ArgumentHelp(
      "The first byte, and how many bytes if not one: 0x80201000,8; or a variable: jiffies, table[3].next, table+0x10,8.",
      valueName: "address[,length]"))
  var address: String

  @OptionGroup var recording: RecordingArgument

  @Option(help: ArgumentHelp("By the page tables of this hart (0).", valueName: "hart"))
  var hart: Int?

  @Flag(help: "The address is physical.")
  var physical = false

  @OptionGroup var symbols: SymbolOptions

  @OptionGroup var place: PlaceOptions

  /// More than anybody reads.
  private static let byteLimit: UInt64 = 16 << 20

  func run() throws {
    try reporting {
      if physical, hart != nil {
        throw Failure(.usage, "--physical", "cannot be given with --hart", remedy: "leave one of them out")
      }
      let word = try MemoryWords(range: address)
      try place.show(
        recording,
        preparing: { recording in
          let hart = try HartWords.checked(hart, of: recording) ?? 0
          let bytes = try word.bytes(CodeNames(symbols, for: recording))
          guard (1...Self.byteLimit).contains(bytes.byteCount) else {
            throw Failure(
              .usage, address.printable, "is not from 1 byte to 16 MiB",
              remedy: "'rrtool dump' writes all of memory")
          }
          return (hart, bytes.address, bytes.byteCount)
        }
      ) { timeline, prepared in
        let (hart, first, count) = prepared
        let bytes =
          physical
          ? timeline.machine.inspect(physical: first, count: Int(count))
          : timeline.machine.readMemory(virtual: first, count: Int(count), hart: hart)
        guard !bytes.isEmpty else { throw MemoryWords.nothing(at: first, timeline) }
        if bytes.count < count {
          say("\(address.printable): only \(UInt64(bytes.count).grouped) bytes are there")
        }
        return Report(memory: bytes, at: first)
      }
    }
  }
}
