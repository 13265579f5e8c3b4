import ArgumentParser
import RecordReplay

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Check a recording: its files, and a whole replay against every digest.",
    discussion: """
      EXAMPLES
        rrtool verify linux.rr
      """)

  @OptionGroup var recordingArgument: RecordingArgument

  func run() throws {
    try reporting {
      let recording = try recordingArgument.open()
      let store = SnapshotStore(recording)
      for orphan in try store.orphans() {
        say("snapshot '\(orphan)' was left over in a drive when something broke off; it does no harm")
      }
      for snapshot in try store.list() where !snapshot.isComplete {
        throw Failure(
          .damaged, recording.path, "a drive lacks snapshot '\(snapshot.name)'",
          remedy: "delete it with 'rrtool snapshot delete \(snapshot.name)', or put the drive's overlay back")
      }
      let timeline = try Timeline(recording)
      let progress = Progress(
        "verifying", from: 0, to: timeline.end.position, consoleIsTerminal: false)
      let stop = try timeline.run { progress.show($0) }
      progress.finish()
      let note = stop == .incomplete ? " (incomplete: its recorder was killed)" : ""
      print("\(recording.path): good, \(timeline.position.grouped) instructions replayed\(note)")
    }
  }
}
