// SPDX-License-Identifier: Apache-2.0

import CoreDump
import Glibc
import HostSystem

/// What a migration's bytes go into.
///
/// Whatever the other end does, stops reading or goes away, `write` answers: it looks every few milliseconds whether it may
/// go on waiting.
protocol MigrationChannel: AnyObject {
  func write(_ bytes: [UInt8]) throws(Failure)
  /// Everything was written.
  func finish() throws(Failure)
  /// The rest is not wanted; the other end sees a stream without an end. Nothing is left of a file.
  func abandon()
}

extension MigrationAddress {
  /// Connects. `mayGoOn` is asked while that takes time, and by the channel later on.
  func connect(_ mayGoOn: @escaping () -> Bool) throws(Failure) -> any MigrationChannel {
    switch self {
    case .file(let path):
      return FileChannel(try OutputFile(path: path, replaces: false), path: path)
    case .exec(let command):
      let process = try ShellProcess(command, writing: true)
      return DescriptorChannel(process.descriptor, name: description, process: process, mayGoOn)
    case .unix, .tcp:
      return DescriptorChannel(
        try HostSocket.connect(self, mayGoOn), name: description, process: nil, mayGoOn)
    }
  }
}

/// A file, under its name only when it is complete.
private final class FileChannel: MigrationChannel {
  private let file: OutputFile
  private let path: String
  private var offset: UInt64 = 0

  init(_ file: OutputFile, path: String) {
    self.file = file
    self.path = path
  }

  func write(_ bytes: [UInt8]) throws(Failure) {
    let result = bytes.withUnsafeBytes { raw in
      Result { () throws(OutputError) in try file.write(raw, at: offset) }
    }
    try translating(result.get)
    offset += UInt64(bytes.count)
  }

  func finish() throws(Failure) {
    try translating { () throws(OutputError) in
      try file.synchronize()
      try file.commit()
    }
  }

  func abandon() { file.discard() }

  private func translating(_ body: () throws(OutputError) -> Void) throws(Failure) {
    do throws(OutputError) {
      try body()
    } catch {
      throw .system(error.number, path: path, doing: error.doing)
    }
  }
}

/// A socket, or a pipe to a command.
private final class DescriptorChannel: MigrationChannel {
  private var descriptor: Int32
  private let name: String
  private let process: ShellProcess?
  private let mayGoOn: () -> Bool

  init(_ descriptor: Int32, name: String, process: ShellProcess?, _ mayGoOn: @escaping () -> Bool) {
    self.descriptor = descriptor
    self.name = name
    self.process = process
    self.mayGoOn = mayGoOn
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    // A reader that went away is an error to be told, not a signal. Blocked, it stays with this thread.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  deinit { abandon() }

  func write(_ bytes: [UInt8]) throws(Failure) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { raw in
        Glibc.write(descriptor, raw.baseAddress.map { $0 + done }, raw.count - done)
      }
      if count > 0 {
        done += count
      } else if errno == EAGAIN {
        try HostSocket.wait(for: descriptor, POLLOUT, name: name, mayGoOn)
      } else if errno != EINTR {
        let number = errno
        if let process, let failure = process.endFailure(waiting: 1_000_000_000) { throw failure }
        throw Failure(
          .host, name, "the other end does not take it: \(String(cString: strerror(number)))",
          remedy: "see what happened there, and try again")
      }
    }
  }

  func finish() throws(Failure) {
    close(descriptor)
    descriptor = -1
    // A command that is still at work has all that there is; one that ended must have been content.
    if let failure = process?.endFailure(waiting: 5_000_000_000) { throw failure }
  }

  func abandon() {
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
    process?.kill()
  }
}
