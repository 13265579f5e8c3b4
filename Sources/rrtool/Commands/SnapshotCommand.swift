// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteCoding
import HostSystem
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

    func run() throws {
      try reporting {
        let recording = try recordingArgument.open()
        let snapshots = try recording.lookingAgain { (recording) throws(Failure) in
          try SnapshotStore(recording).list()
        }
        let width = max(4, snapshots.map(\.name.count).max() ?? 0)
        func row(_ name: String, _ position: String, _ time: String) {
          func pad(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.count))
          }
          show("\(pad(name, width))  \(pad(position, 20))  \(time)")
        }
        row("NAME", "POSITION", "GUEST TIME")
        for snapshot in snapshots {
          let moment = snapshot.moment
          row(
            snapshot.name.printable, moment.position.grouped,
            "\(moment.time.seconds(digits: 6)) s\(snapshot.isComplete ? "" : "  (a drive lacks it)")")
        }
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

    @Option(parsing: .unconditional, help: ArgumentHelp("Where to make it.", valueName: "position"))
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

    @Argument(help: "The snapshot's name.")
    var name: String

    @OptionGroup var recordingArgument: RecordingArgument

    func run() throws {
      try reporting {
        let recording = try recordingArgument.open()
        let snapshot = try SnapshotStore(recording).find(name)
        show(
          """
          name:        \(snapshot.name.printable)\(snapshot.isInitial ? " (the start of the recording)" : "")
          position:    \(snapshot.moment.position.grouped)
          guest time:  \(snapshot.moment.time.seconds(digits: 6)) s
          state:       \(Size.describe(UInt64(snapshot.stateSize))) besides memory and drives
          complete:    \(snapshot.isComplete ? "yes" : "no, a drive lacks it")
          """)
      }
    }
  }

  struct Delete: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Delete a snapshot.")

    @Argument(help: "The snapshot's name.")
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

    @Argument(help: "The snapshot's name.")
    var name: String

    @OptionGroup var recordingArgument: RecordingArgument

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("The folder to make.", valueName: "folder"))
    var output: String

    func run() throws {
      try reporting {
        let recording = try recordingArgument.open()
        try SnapshotStore(recording).export(name, to: output)
      }
    }
  }
}
