// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Execution
import GuestJobs
import HostSystem
import RecordingStore
import TimeTravel

struct DumpCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dump",
    abstract: "Write a core file of the guest, at a position of a recording or as it runs.",
    discussion: """
      The core has the registers of every hart and all of the guest's memory. gdb-multiarch opens an ELF core with the
      guest's ELF file; crash opens a kdump one with the kernel's. Pages of zeros take no space.

      With --monitor it is of the guest that another rrtool runs, records or replays with --qmp unix:SOCKET. That rrtool
      writes the file while the guest runs on. Ctrl-C cancels it.

      EXAMPLES
        rrtool dump --at end -o core
        rrtool dump linux.rr --at before-bug --paging -o vmcore
        rrtool dump linux.rr --at 50% --format kdump-zlib -o vmcore.kdump
        rrtool dump linux.rr --at event:1234 --begin 0x80200000 --length 0x100000 -o part
        rrtool dump --monitor linux.sock --bandwidth 50M -o core
      """)

  @OptionGroup var recordingArgument: RecordingArgument

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Where in the run of a recording to take it.", valueName: "position"),
    completion: Completions.position)
  var at: String?

  @Option(
    help: ArgumentHelp("The monitor of a run that goes on, instead of a recording.", valueName: "socket"),
    completion: .file())
  var monitor: String?

  @Option(
    name: [.customShort("o"), .long], help: ArgumentHelp("The file to make.", valueName: "file"),
    completion: .file())
  var output: String

  @Option(
    help: ArgumentHelp(
      DumpRequest.Format.list + ".", valueName: "format"),
    completion: .list(DumpRequest.Format.allCases.map(\.rawValue)))
  var format = DumpRequest.Format.elf.rawValue

  @Flag(help: "Describe the guest's virtual addresses too, from its page tables.")
  var paging = false

  @Option(
    help: ArgumentHelp("With --length: the first physical address to dump.", valueName: "address"))
  var begin: String?

  @Option(help: ArgumentHelp("With --begin: how many bytes; K, M and G may follow.", valueName: "bytes"))
  var length: String?

  @Option(
    help: ArgumentHelp("Write at most so many bytes a second; K, M and G may follow.", valueName: "bytes"))
  var bandwidth: String?

  @Flag(help: "With --monitor: come back when the dump has begun.")
  var detach = false

  @Flag(help: "Replace the file that stands there.")
  var force = false

  @OptionGroup var engine: EngineOption

  func run() throws {
    try reporting {
      let request = try request()
      let limit = try bandwidth.map { (text) throws(Failure) in try Size.parse(text, option: "--bandwidth") }
      if limit == 0 {
        throw Failure(.usage, "--bandwidth", "nothing would ever be written", remedy: "give 1 or more")
      }
      guard let monitor else { return try dumpRecording(request, limit: limit) }
      guard at == nil, recordingArgument.recording == nil, !force else {
        throw Failure(
          .usage, "--monitor", "is of a guest as it is now, and replaces no file",
          remedy: "leave out the recording, --at and --force")
      }
      try LiveDump(through: monitor).run(request, limit: limit, detach: detach)
    }
  }

  private func dumpRecording(_ request: DumpRequest, limit: UInt64?) throws {
    guard let at, !detach else {
      throw Failure(
        .usage, "dump", "of a recording is taken at a position, and waited for",
        remedy: "give --at, and leave out --detach; or give --monitor")
    }
    var files = FilePlaces()
    files.read(recordingArgument)
    files.write(output, "-o ")
    try files.check()
    let recording = try recordingArgument.open()
    guard force || HostFiles.kind(of: output) != .regular else {
      throw Failure(
        .exists, output, "there is a file already",
        remedy: "choose another name, or give --force to replace it")
    }
    let place = try PositionExpression.parsed(at, option: "--at")
    let timeline = try Timeline(recording, near: place, engine: engine.parsed())
    try timeline.goThere()

    let state = MigrationState()
    state.bandwidthLimit = limit
    StopSignals.call { _ in state.cancel() }
    let dumping = Progress("dumping", unit: .bytes, from: 0, to: recording.manifest.machine.memorySize)
    try timeline.dump(request, state: state) { done, _ in dumping.show(done) }
    dumping.finish()
    if state.status.figures.lacksMappings { say("note: \(DumpRequest.lackOfMappings)") }
    say("dumped \(output): the guest at position \(timeline.position.grouped)")
  }

  private func request() throws(Failure) -> DumpRequest {
    guard let known = DumpRequest.Format(rawValue: format) else {
      throw Failure(
        .usage, "--format \(format)",
        DumpRequest.Format.others.contains(format) ? "is not written by rrtool" : "there is no such format",
        remedy: "give one of \(DumpRequest.Format.list)")
    }
    return DumpRequest(
      path: output, replaces: force, format: known, hasVirtualAddresses: paging,
      begin: try begin.map { (text) throws(Failure) in try Self.address(text) },
      length: try length.map { (text) throws(Failure) in
        text.hasPrefix("0x") ? try Self.address(text) : try Size.parse(text, option: "--length")
      })
  }

  private static func address(_ text: String) throws(Failure) -> UInt64 {
    let digits = text.hasPrefix("0x") ? text.dropFirst(2) : text[...]
    guard let value = UInt64(digits, radix: text.hasPrefix("0x") ? 16 : 10), !digits.hasPrefix("+") else {
      throw Failure(.usage, text, "is not an address", remedy: "give one such as 0x80200000")
    }
    return value
  }
}
