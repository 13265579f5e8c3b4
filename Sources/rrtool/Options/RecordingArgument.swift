import ArgumentParser
import RecordReplay

/// The argument that names a recording.
struct RecordingArgument: ParsableArguments {
  @Argument(help: ArgumentHelp("The recording; the latest one if none is named.", valueName: "name.rr"))
  var recording: String?

  func open() throws -> Recording { try Recording(opening: TraceFolder().locate(recording)) }
}
