// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem
import RecordingStore
import Synchronization

/// Opens recordings by their names. A packed one is unpacked for as long as the command runs, however that ends.
enum Recordings {
  /// That nobody prunes what is looked into.
  private static let uses = Mutex<[RecordingUse]>([])
  private static let temporary = Mutex<TemporaryRecording?>(nil)

  /// - Parameter onlyLog: nothing but the manifest and the log are looked at, and of a packed one no more is unpacked.
  static func open(_ name: String?, _ bases: BaseOption, onlyLog: Bool = false) throws -> Recording {
    try open(at: find(name), bases, onlyLog: onlyLog)
  }

  /// Where a recording stands, packed or not.
  static func find(_ name: String?) throws(Failure) -> String {
    let path = try locate(name)
    if !Recording.isPacked(at: path) { _ = try Recording(opening: path) }
    return path
  }

  static func open(at path: String, _ bases: BaseOption, onlyLog: Bool = false) throws -> Recording {
    let isPacked = Recording.isPacked(at: path)
    // Where a part of a recording starts, its snapshots say.
    let onlyLog = try onlyLog && isPacked && Recording.manifest(ofPacked: path).boot.snapshot == nil
    let recording = try isPacked ? unpack(path, onlyLog: onlyLog) : Recording(opening: path)
    if let use = RecordingUse(path) {
      use.begin()
      uses.withLock { $0.append(use) }
    }
    return try bases.apply(to: recording)
  }

  /// For verbs that change it: that is no packed one.
  static func openToChange(_ name: String?) throws(Failure) -> Recording {
    let path = try locate(name)
    if Recording.isPacked(at: path) { throw Recording.packedFailure(path) }
    return try Recording(opening: path)
  }

  /// Who names none is told which one is meant; a script knows.
  private static func locate(_ name: String?) throws(Failure) -> String {
    let path = try TraceFolder().locate(name)
    if name == nil, Terminal.isTerminal(2) { say("the latest recording: \(path)") }
    return path
  }

  private static func unpack(_ path: String, onlyLog: Bool) throws(Failure) -> Recording {
    // While the folder is filled, who fills it stops at a signal; afterwards nobody writes there.
    let watch = PackWatch("unpacking")
    StopSignals.beforeEnd { _ in removeTemporary() }
    atexit { Recordings.removeTemporary() }
    let copy = try TemporaryRecording(of: path)
    temporary.withLock { $0 = copy }
    say("unpacking \(path) into \(HostFiles.parentFolder(of: copy.path)) for as long as this command runs")
    let recording = try copy.unpack(onlyLog: onlyLog, progress: watch.note)
    watch.finish()
    // One may have come when nobody looked any more.
    guard StopSignals.forget() else { throw watch.cancellation }
    return recording
  }

  private static func removeTemporary() { temporary.withLock { $0 }?.remove() }

  /// A line of text with the packed recording's name in place of where it was unpacked.
  static func naming(_ line: String) -> String {
    guard let copy = temporary.withLock({ $0 }) else { return line }
    return line.split(separator: copy.path, omittingEmptySubsequences: false).joined(separator: copy.packed)
  }
}
