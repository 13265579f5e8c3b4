// SPDX-License-Identifier: Apache-2.0

import Emulator
import Execution
import Glibc
import GuestJobs
import HostSystem
import RecordingStore
import Synchronization
import TestSupport

/// A guest that runs on a thread of its own, with the controls that a monitor has. It writes all its memory without end.
final class LiveGuest {
  let folder = TestFolder()
  let control: RunControl
  let jobs: GuestJobs
  private let thread: HostThread
  private let result: Box<Result<RunResult, Failure>>

  /// What the guest of tests is.
  static func guest(_ name: String = "churn", memory: UInt64 = 16 << 20) throws -> Guest {
    var guest = Guest(name: name, memorySize: memory, hartCount: 2, shift: 3, sleeps: false)
    try guest.load(.bios, from: fixture(name))
    return guest
  }

  /// - Parameters:
  ///   - guest: another one than the usual.
  ///   - isRecorded: into its folder.
  ///   - destination: takes the place of a dump's file.
  init(
    _ guest: Guest? = nil, memory: UInt64 = 16 << 20, console: any ConsoleOutput & Sendable = NullOutput(),
    isRecorded: Bool = false, isPaused: Bool = false,
    destination: (@Sendable (DumpRequest) throws(Failure) -> any DumpDestination)? = nil
  ) throws {
    let inbox = Inbox()
    let control = RunControl(inbox: inbox, isPaused: isPaused)
    self.control = control
    jobs = destination.map { GuestJobs(control, makeDestination: $0) } ?? GuestJobs(control)
    let start = try guest ?? Self.guest(memory: memory)
    let path = folder.file("guest.rr")
    let isMade = Box<Bool>()
    let result = Box<Result<RunResult, Failure>>()
    self.result = result
    thread = HostThread {
      result.set(
        Result { () throws(Failure) in
          defer { isMade.set(true) }
          if isRecorded {
            let options = Recorder.Options(output: path, digestInterval: 5_000_000)
            let recorder = try Recorder(
              start, options, inbox: inbox, console: console, control: control)
            isMade.set(true)
            return try recorder.run()
          }
          let run = try PlainRun(start, inbox: inbox, console: console, control: control)
          isMade.set(true)
          return run.run()
        })
    }
    _ = isMade.wait()
  }

  var recording: Recording { get throws { try Recording(opening: folder.file("guest.rr")) } }

  var position: UInt64 {
    get throws { try control.perform { (run) throws(Failure) in run.machine.now.position } }
  }

  /// Waits until the guest has gone on by so many instructions.
  func goOn(_ count: UInt64 = 1) throws {
    let target = try position + count
    try waitUntil("the guest goes on") { try position >= target }
  }

  /// What stands in the folder besides the recording.
  var files: [String] { folder.names.filter { $0 != "guest.rr" } }

  func stop() throws -> RunResult {
    control.quit()
    jobs.finish()
    thread.join()
    return try result.wait().get()
  }
}

final class NullOutput: ConsoleOutput, Sendable {
  func write(_ bytes: [UInt8]) {}
}

/// Output that is kept, for any thread.
final class SharedOutput: ConsoleOutput, Sendable {
  private let bytes = Mutex<[UInt8]>([])
  func write(_ more: [UInt8]) { bytes.withLock { $0 += more } }
  func clear() { bytes.withLock { $0 = [] } }
  var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }
}

/// A value that one thread sets and another waits for.
private final class Box<Value: Sendable>: @unchecked Sendable {
  // Sendable: `value` is touched with `lock` held.
  private let lock = ConditionLock()
  private var value: Value?

  func set(_ value: Value) {
    lock.withLock {
      self.value = value
      lock.wakeAll()
    }
  }

  func wait() -> Value {
    lock.withLock {
      while true {
        if let value { return value }
        lock.wait()
      }
    }
  }
}
