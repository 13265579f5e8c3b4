// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteCoding
import HostSystem
import Inspection
import RecordingStore
import TimeTravel

struct SnapshotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshot", abstract: "Name states of a recorded run, to go on from them.",
    subcommands: [List.self, Create.self, Show.self, Delete.self, Export.self])
}

extension SnapshotCommand {
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the snapshots of a recording.")

    @OptionGroup var recordingArgument: RecordingArgument

    @OptionGroup var format: FormatOption

    func run() throws {
      try reporting {
        let format = try format.parsed()
        let recording = try recordingArgument.open()
        let snapshots = try recording.lookingAgain { (recording) throws(Failure) in
          try SnapshotStore(recording).list()
        }
        let section = Section(
          table: "snapshots", title: "Snapshots",
          columns: [
            Column("name", "Name"), Column("position", "Position"), Column("time_ns", "Guest time (s)"),
            Column("is_initial", nil), Column("is_complete", nil),
            Column("remark", snapshots.contains { $0.remark != nil } ? "Remark" : nil),
          ],
          rows: snapshots.map { snapshot in
            [
              .text(snapshot.name), .integer(snapshot.moment.position), .time(snapshot.moment.time),
              .flag(snapshot.isInitial), .flag(snapshot.isComplete),
              FieldValue(snapshot.remark),
            ]
          })
        try Report([section]).show(format)
      }
    }
  }

  struct Create: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Replay to a position and save the state there under a name.",
      discussion: """
        EXAMPLES
          rrtool snapshot create before-bug --at 1,234,567
          rrtool snapshot create middle linux.rr --at 50%
        """)

    @Argument(help: "The snapshot's name.")
    var name: String

    @OptionGroup var recordingArgument: RecordingArgument

    @Option(
      parsing: .unconditional, help: ArgumentHelp("Where to make it.", valueName: "position"),
      completion: Completions.position)
    var at: String

    func run() throws {
      try reporting {
        let recording = try recordingArgument.openToChange()
        try SnapshotStore(recording).checkIsNew(name)
        let timeline = try Timeline(recording, near: PositionExpression.parsed(at, option: "--at"))
        try timeline.goThere()
        try timeline.createSnapshot(name)
        show("snapshot \(name) at position \(timeline.position.grouped)")
      }
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show what is known of a snapshot.")

    @Argument(help: "The snapshot's name.", completion: Completions.snapshot)
    var name: String

    @OptionGroup var recordingArgument: RecordingArgument

    @OptionGroup var format: FormatOption

    func run() throws {
      try reporting {
        let format = try format.parsed()
        let recording = try recordingArgument.open()
        let snapshot = try SnapshotStore(recording).find(name)
        let section = Section(
          record: "snapshot", title: "Snapshot",
          [
            (Column("name", "Name"), .text(snapshot.name)),
            (Column("position", "Position"), .integer(snapshot.moment.position)),
            (Column("time_ns", "Guest time (s)"), .time(snapshot.moment.time)),
            (Column("state_bytes", "Without memory and drives"), .size(UInt64(snapshot.stateSize))),
            (Column("is_initial", "Start of the recording"), .flag(snapshot.isInitial)),
            (Column("is_complete", "Complete"), .flag(snapshot.isComplete)),
            (Column("remark", "Remark"), FieldValue(snapshot.remark)),
          ])
        try Report([section]).show(format)
      }
    }
  }

  struct Delete: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Delete a snapshot.")

    @Argument(help: "The snapshot's name.", completion: Completions.snapshot)
    var name: String

    @OptionGroup var recordingArgument: RecordingArgument

    func run() throws {
      try reporting {
        let recording = try recordingArgument.openToChange()
        try SnapshotStore(recording).delete(name)
      }
    }
  }

  struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write a snapshot's memory and drives as raw files.",
      discussion: """
        The folder gets memory.raw (guest memory from physical address 0x80000000), a diskN.raw for each drive, and
        state.bin (harts and devices). Zeros take no space in them.

        EXAMPLES
          rrtool snapshot export before-bug linux.rr -o before-bug
        """)

    @Argument(help: "The snapshot's name.", completion: Completions.snapshot)
    var name: String

    @OptionGroup var recordingArgument: RecordingArgument

    @Option(
      name: [.customShort("o"), .long], help: ArgumentHelp("The folder to make.", valueName: "folder"),
      completion: .directory)
    var output: String

    func run() throws {
      try reporting {
        let recording = try recordingArgument.open()
        var files = FilePlaces()
        files.read(recording)
        files.write(output, "-o ")
        try files.check()
        try SnapshotStore(recording).export(name, to: output)
      }
    }
  }
}

extension Snapshot {
  /// What people should know of it.
  fileprivate var remark: String? { isComplete ? nil : "a drive lacks it" }
}
