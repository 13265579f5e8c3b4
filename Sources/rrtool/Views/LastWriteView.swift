// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Emulator
import HostSystem
import Inspection
import RecordingStore
import TimeTravel

struct LastWriteView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "last-write",
    abstract: "Say who wrote these bytes of memory last, and what they were before.",
    discussion: """
      It replays, backwards from --before, and passes over the stretches in which the pages did not change. Writes count whether they
      change the bytes or not. One question is about 1 MiB at most. Variables and their parts may be named as the sources of --symbols have
      them: their addresses are virtual for hart 0, unless --virtual or --physical says otherwise, and all of one is meant without a LENGTH.

      FIELDS
        writer                instruction, page-table-walk (an A or D bit), sbi, drive (a request's data or status),
                              device (DMA of another one), host-interface (tohost, fromhost), guest-reset, host-reset,
                              loader, nobody
        position, time_ns     the instruction that did it, or the next one; the start for loader and nobody
        hart, pc, symbol      the instruction: on which hart, where, and what --symbols calls it; in a table with the source line
        file, line, inlined   that line, and functions whose bodies were put in there, the innermost first
        device                which device
        drive, request        the request that was answered
        request_sector        the first of all its sectors
        request_sector_count  how many
        sector                the one that the first byte came from
        address, byte_count   physical: the first byte asked for that was written, and how many
        old, new              these bytes, 64 at most: a number of 1, 2, 4 or 8, else in the order of their addresses

      EXAMPLES
        rrtool inspect linux.rr last-write 0x80201000,8
        rrtool inspect linux.rr last-write 0x80201000,8 --before 50% --symbols vmlinux
        rrtool inspect linux.rr last-write 0xffffffff81000000,4 --virtual 0
        rrtool inspect linux.rr last-write 'branches[0].balances[4]' --symbols vmlinux
      """)

  @Argument(
    help: ArgumentHelp(
      "The first byte, and how many bytes if not one: 0x80201000,8; or a variable: jiffies, table[3].next, table+0x10,8.",
      valueName: "address[,length]"))
  var address: String

  @OptionGroup var recording: RecordingArgument

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Look before this position (end).", valueName: "position"),
    completion: Completions.position)
  var before: String?

  @Option(
    help: ArgumentHelp("The address is virtual, for this hart where --before stands.", valueName: "hart"))
  var virtual: Int?

  @Flag(help: "The address is physical, as it is without --virtual.")
  var physical = false

  @OptionGroup var symbols: SymbolOptions

  @OptionGroup var format: FormatOption

  func run() throws {
    try reporting {
      if physical, virtual != nil {
        throw Failure(
          .usage, "--physical", "cannot be given with --virtual", remedy: "leave one of them out")
      }
      let (format, word) = (try format.parsed(), try MemoryWords(range: address))
      let viewed = try ViewedRecording(recording)
      let position = try viewed.position(before, option: "--before", otherwise: viewed.log.last.position)
      try viewed.show(report(of: viewed.recording, word, before: position), format)
    }
  }

  private func report(of recording: Recording, _ word: MemoryWords, before position: UInt64) throws -> Report
  {
    let names = try CodeNames(symbols, for: recording)
    let range = range(of: try word.bytes(names))
    let timeline = try Timeline(recording, near: .absolute(position))
    let progress = Progress("looking back", from: 0, to: position, consoleIsTerminal: false)
    let control = SearchControl(progress: { done, _ in progress.show(done) })
    let outcome = try timeline.lastWrite(to: range, before: position, control: control)
    progress.finish()
    return Report(of: outcome, placing: names.place(of:))
  }

  private func range(of bytes: MemoryWords.Bytes) -> MemoryRange {
    // A name is of a virtual address.
    let hart = virtual ?? (bytes.isNamed && !physical ? 0 : nil)
    return MemoryRange(
      address: bytes.address, byteCount: bytes.byteCount, space: hart.map { .virtual(hart: $0) } ?? .physical)
  }
}
