// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import Inspection
import Symbols
import TimeTravel

struct BacktraceView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backtrace", abstract: "Show the harts' stacks: which function called which.",
    discussion: """
      It replays up to --at, from the last snapshot before, and walks each hart's stack there: by the call frame information of what was
      booted, or of --symbols; where that has none by the frame pointer s0, and at the start of a function by ra. A word says how each frame
      was found, and another why the stack ends.

      SECTIONS AND FIELDS
        frames  the innermost first: hart; frame, from 0; pc, of a caller the place that the call returns to; symbol; function, as the
                sources call it; is_inlined: its body was put into that of the next frame; source: the line for people; file and line, as
                the compiler had them; sp; found_by: registers, call-frame-information, frame-pointer or return-address
        ends    hart, and end: outermost (the information says so), no-caller (it returns to 0), no-information (neither it nor a frame
                pointer leads on), trap-entry (what was interrupted is not followed), unreadable-stack, stack-does-not-rise, limit

      EXAMPLES
        rrtool inspect linux.rr backtrace --at 50% --symbols vmlinux
        rrtool inspect linux.rr backtrace --at before-bug --hart 1 --symbols vmlinux
        rrtool inspect linux.rr backtrace --at -1000 --symbols vmlinux --format json
      """)

  @OptionGroup var recording: RecordingArgument

  @Option(help: ArgumentHelp("Show this hart only.", valueName: "hart"))
  var hart: Int?

  @Option(
    help: ArgumentHelp(
      "Show at most so many frames of each hart, those of inlined bodies apart.", valueName: "n"))
  var limit = 100

  @OptionGroup var symbols: SymbolOptions

  @OptionGroup var place: PlaceOptions

  func run() throws {
    try reporting {
      guard (1...10_000).contains(limit) else {
        throw Failure(
          .usage, "--limit \(limit)", "is no number of frames", remedy: "give one from 1 to 10,000")
      }
      try place.show(
        recording, preparing: { (try HartWords.checked(hart, of: $0), try CodeNames(symbols, for: $0)) }
      ) { timeline, prepared in
        let (one, names) = prepared
        let all = 0..<timeline.recording.manifest.configuration.hartCount
        var rows: [StackRow] = []
        var ends: [(hart: Int, end: String)] = []
        for hart in one.map({ [$0] }) ?? Array(all) {
          let stack = names.stack(of: timeline.machine, hart: hart, limit: limit)
          rows += stack.frames.flatMap { self.rows(of: $0, hart, names) }.enumerated().map { index, row in
            var row = row
            row.place.frame = index
            return row
          }
          ends.append((hart, stack.end.rawValue))
        }
        return Report(stacks: rows, ends: ends)
      }
    }
  }

  /// A frame, behind those of the bodies that were put into its function.
  private func rows(of frame: StackUnwinder.Frame, _ hart: Int, _ names: CodeNames) -> [StackRow] {
    let address = frame.programCounter
    let symbol = (frame.isExact ? names.place(of: address) : names.place(ofReturnTo: address)).symbol
    let places = names.sources(of: frame.isExact ? address : address &- 1)?.places ?? []
    let unknown = SourcePlace(function: nil, file: nil, line: nil, isInlined: false)
    return (places.isEmpty ? [unknown] : places).map { place in
      StackRow(
        place: SourceRow(
          hart: hart, frame: 0, programCounter: address, symbol: symbol, function: place.function,
          file: place.file, line: place.line, isInlined: place.isInlined),
        stackPointer: frame.stackPointer, finder: frame.finder.rawValue)
    }
  }
}
