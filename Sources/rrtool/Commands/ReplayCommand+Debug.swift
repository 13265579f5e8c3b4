// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Debugging
import GDBRemote
import Glibc
import HostSystem
import RecordingStore

/// The options of a replay under a debugger.
struct DebugOptions: ParsableArguments {
  @Flag(help: "Start a debugger on the recording: at --to, else at the start.")
  var debug = false

  @Option(
    help: ArgumentHelp(
      "Serve any debugger that speaks gdb's remote protocol, at tcp:PORT (of this machine alone), unix:SOCKET or stdio.",
      valueName: "where"), completion: Completions.debuggerPlace)
  var gdb: String?

  @Option(
    help: ArgumentHelp(
      "The debugger that --debug starts: a gdb, or an lldb by its name (lldb-19).", valueName: "program"),
    completion: Completions.debugger)
  var debugger = "gdb-multiarch"

  @OptionGroup var symbols: SymbolOptions

  @OptionGroup var sources: SourceOptions

  var isWanted: Bool { debug || gdb != nil }

  func check() throws(Failure) {
    if debug, gdb != nil {
      throw Failure(.usage, "--gdb", "does not go with --debug", remedy: "give one of the two")
    }
    if !debug, !symbols.symbols.isEmpty || symbols.forceSymbols || sources.areGiven {
      throw Failure(
        .usage, sources.areGiven ? "--source-map and --directory" : "--symbols",
        "are for the debugger that --debug starts",
        remedy: "give --debug, or tell your debugger itself")
    }
  }
}

extension ReplayCommand {
  /// Replays under a debugger, from `--to` or the start.
  func debug(_ recording: Recording, _ outcome: Outcome) throws {
    // What it lacks is told before the way to the place.
    let start = options.debug ? try debuggerStart(recording) : nil
    let progress = DebugProgress()
    let target = try TimelineTarget(
      recording, from: from, to: try destination(), engine: engine.parsed(),
      checkpoints: checkpoints.policy()
    ) { progress.show($0) }
    defer { outcome.note(debuggerLeft: target) }
    if let start {
      _ = try target.goThere()
      Interruption.listen()
      return try startDebugger(target, start)
    }
    Interruption.listen()
    try serve(target, at: options.gdb ?? "")
  }

  // MARK: A debugger of our own

  private func debuggerStart(_ recording: Recording) throws(Failure) -> DebuggerStart {
    DebuggerStart(
      symbols: try options.symbols.found(for: recording, tell: true),
      areSymbolsNamed: !options.symbols.symbols.isEmpty, sourceMaps: try options.sources.maps(),
      folders: try options.sources.folders())
  }

  private func startDebugger(_ target: TimelineTarget, _ start: DebuggerStart) throws {
    let folder = try PrivateFolder()
    defer { folder.remove() }
    let listener = try ListeningSocket(path: "\(folder.path)/\(PrivateFolder.socketName)")
    let debugger = try DebuggerProcess(
      options.debugger, arguments: try debuggerArguments(start, folder, connectingTo: listener.place))
    // A user may detach and connect again.
    while let client = listener.accept(while: { debugger.isRunning && !Interruption.mustEnd }) {
      defer { close(client) }
      // Ctrl-C is for the debugger as well, which goes on.
      serve(target, DescriptorConnection(input: client, output: client, isOver: { Interruption.mustEnd }))
    }
    if Interruption.mustEnd { debugger.end() }
    let status = debugger.wait()
    if status != 0 { throw ExitCode(status) }
  }

  private func debuggerArguments(
    _ start: DebuggerStart, _ folder: PrivateFolder, connectingTo socket: String
  ) throws -> [String] {
    if LLDBCommands.isMeant(by: options.debugger) {
      say(LLDBCommands.summary)
      return LLDBCommands.arguments(
        start, commands: try LLDBCommands.write(to: folder, connectingTo: socket))
    }
    let commands = try folder.write(
      GDBCommands.text(start, connectingTo: socket), to: PrivateFolder.commandsName)
    let script = try folder.write(GDBPython.text, to: PrivateFolder.scriptName)
    return ["-q"] + GDBCommands.arguments(start) + ["-x", commands, "-x", script]
  }

  // MARK: Any client

  private func serve(_ target: TimelineTarget, at place: String) throws {
    let place = try DebuggerPlace(parsing: place)
    if place == .stdio { return try prepareAndServe(target, input: 0, output: 1) }
    let listener = try place.listen()
    say("waiting for a debugger: target remote \(listener.place)")
    // Who comes before the place is reached waits for the rest of the way, and gets answers meanwhile.
    var early: Int32?
    var isLeft = false
    _ = try target.goThere {
      early = listener.acceptNow()
      isLeft = Interruption.take()
      return early != nil || isLeft
    }
    if isLeft { return }
    guard let client = early ?? listener.accept(while: { !Interruption.take() }) else { return }
    defer { close(client) }
    try prepareAndServe(target, input: client, output: client)
  }

  private func prepareAndServe(_ target: TimelineTarget, input: Int32, output: Int32) throws {
    let connection = DescriptorConnection(input: input, output: output, isOver: Interruption.take)
    let session = RemoteSession(target: target, connection: connection, isInterrupted: Interruption.take)
    var failure: Failure?
    _ = session.serve(after: { control in
      do throws(Failure) {
        _ = try target.goThere(isInterrupted: control.isInterrupted)
        return true
      } catch {
        failure = error
        return false
      }
    })
    if let failure { throw failure }
  }

  private func serve(_ target: TimelineTarget, _ connection: DescriptorConnection) {
    _ = RemoteSession(
      target: target, connection: connection, isInterrupted: Interruption.take, sharesTerminal: true
    ).serve()
  }
}

/// Shows long ways, on the terminal that gdb has as well: the line is taken away before gdb writes again.
private final class DebugProgress {
  private var progress: Progress?
  private var target: UInt64?

  func show(_ way: TimelineTarget.Way?) {
    guard let way else {
      progress?.finish()
      progress = nil
      return
    }
    if progress == nil || target != way.to {
      progress?.finish()
      progress = Progress("replaying", from: way.from, to: way.to, consoleIsTerminal: false)
      target = way.to
    }
    progress?.show(way.position)
  }
}
