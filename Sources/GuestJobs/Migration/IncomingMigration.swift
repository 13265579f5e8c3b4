// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import DiskImage
import Emulator
import Execution
import Glibc
import HostSystem

/// Takes a guest that comes from another place. The stream is a stranger's: everything in it is checked.
final class IncomingMigration {
  /// Bytes that are read at once.
  private static let chunk = 1 << 18

  private let name: String
  private let process: ShellProcess?
  private let descriptor: Int32
  private let mayGoOn: () -> Bool
  private var buffer: [UInt8] = []
  private var start = 0
  private var recordCount: UInt64 = 0

  /// Waits for the stream to begin. `mayGoOn` is asked whenever that, or the rest of it, takes time.
  init(_ address: MigrationAddress, mayGoOn: @escaping () -> Bool) throws(Failure) {
    name = address.description
    self.mayGoOn = mayGoOn
    var process: ShellProcess?
    switch address {
    case .file(let path):
      descriptor = HostFiles.open(path, for: .reading)
      guard descriptor >= 0 else { throw .system(errno, path: path, doing: "cannot open it") }
    case .exec(let command):
      let started = try ShellProcess(command, writing: false)
      descriptor = started.descriptor
      process = started
    case .unix, .tcp: descriptor = try HostSocket.accept(at: address, mayGoOn)
    }
    self.process = process
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
  }

  deinit { close(descriptor) }

  /// What came besides memory, for whoever runs the machine.
  struct Guest {
    /// To be delivered, in this order.
    var arrivals: [Arrival] = []
    var answerCount: Int {
      arrivals.count { if case .blockCompletion = $0 { true } else { false } }
    }
  }

  /// Fills the machine and what is written over its drives' images. When it throws, the machine is in no state to be used
  /// any further.
  ///
  /// - Parameter job: is taken from its setup to where it cannot be cancelled any more.
  func receive(
    into machine: Machine, drives: [ScratchOverlay], identity: MigrationIdentity, _ job: MigrationState
  ) throws(Failure) -> Guest {
    do throws(ByteCodingError) {
      let head = try take(MigrationStream.headSize)
      var reader = ByteReader(head)
      guard Array(try reader.raw(MigrationStream.magic.count)) == MigrationStream.magic else {
        throw .malformed(offset: 0, what: "it is no migration of rrtool")
      }
      let version = try reader.uint32()
      guard version == MigrationStream.version else {
        throw .malformed(
          offset: 8, what: "it has version \(version), this rrtool reads \(MigrationStream.version)")
      }
      guard case (.identity, let bytes) = try next() else {
        throw .malformed(offset: 12, what: "it does not say what machine it is of")
      }
      let source = try MigrationIdentity(decoding: bytes)
      do throws(Failure) {
        try identity.check(against: source, from: name)
      } catch {
        throw Stopped.stopped(error, self)
      }
      try go { job.advance(to: .active) }
      let guest = try receiveRecords(into: machine, drives: drives, job)
      try go { job.advance(to: .completing) && job.commit() }
      return guest
    } catch {
      if let failure { throw failure }
      switch error {
      case .truncated: throw damaged("it is cut off")
      case .malformed(_, let what): throw damaged(what)
      }
    }
  }

  /// A failure that is not one of the stream's bytes.
  private var failure: Failure?
  private enum Stopped {
    static func stopped(_ failure: Failure, _ stream: IncomingMigration) -> ByteCodingError {
      stream.failure = failure
      return .truncated(offset: 0, needed: 0, available: 0)
    }
  }

  private func damaged(_ what: String) -> Failure {
    Failure(.damaged, name, "the migration stream is damaged: \(what)", remedy: "migrate again")
  }

  /// Throws when it may not go on.
  private func go(_ mayGoOn: () -> Bool) throws(ByteCodingError) {
    guard mayGoOn() else {
      throw Stopped.stopped(
        Failure(.cancelled, name, "the migration was cancelled", remedy: "start it again"), self)
    }
  }

  private func receiveRecords(
    into machine: Machine, drives: [ScratchOverlay], _ job: MigrationState
  ) throws(ByteCodingError) -> Guest {
    var guest = Guest()
    var hasState = false
    while true {
      let (kind, bytes) = try next()
      try go(mayGoOn)
      job.update { $0.transferred += UInt64(bytes.count) }
      guard !hasState || kind == .end else {
        throw .malformed(offset: 0, what: "something follows the machine's state")
      }
      switch kind {
      case .identity: throw .malformed(offset: 0, what: "it says twice what machine it is of")
      case .pages: try receivePages(bytes, machine.memory)
      case .drive: try receiveDrive(bytes, drives, machine.configuration)
      case .arrivals:
        guest.arrivals += try MigrationStream.decodeArrivals(
          bytes, driveCount: machine.configuration.drives.count)
      case .state:
        try machine.restoreState(bytes)
        hasState = true
      case .end:
        var reader = ByteReader(bytes)
        guard hasState, try reader.uint64() == recordCount - 1, reader.isAtEnd else {
          throw .malformed(offset: 0, what: "it ends before it is complete")
        }
        return guest
      }
    }
  }

  private func receivePages(_ bytes: [UInt8], _ memory: GuestMemory) throws(ByteCodingError) {
    var reader = ByteReader(bytes)
    let first = Int(try reader.uint32())
    let count = Int(try reader.uint8())
    let present = try reader.uint16()
    guard (1...MigrationStream.pagesPerRecord).contains(count), first < memory.pageCount,
      count <= memory.pageCount - first, count == 16 || present >> UInt16(count) == 0
    else { throw .malformed(offset: 0, what: "pages outside of memory") }
    for index in 0..<count {
      let page = first + index
      if present >> UInt16(index) & 1 != 0 {
        Self.fill(page, of: memory, with: try reader.raw(GuestMemory.pageSize))
      } else {
        let found = UnsafeRawBufferPointer(
          start: memory.bytes + page * GuestMemory.pageSize, count: GuestMemory.pageSize)
        if !GuestMemory.isZero(found) { Self.fill(page, of: memory, with: Self.emptyPage) }
      }
    }
    guard reader.isAtEnd else { throw .malformed(offset: reader.offset, what: "more than its pages") }
  }

  private static let emptyPage = [UInt8](repeating: 0, count: GuestMemory.pageSize)[...]

  private static func fill(_ page: Int, of memory: GuestMemory, with bytes: ArraySlice<UInt8>) {
    bytes.withUnsafeBytes { source in
      guard let start = source.baseAddress else { return }
      memory.replace(page: page, with: start)
    }
  }

  private func receiveDrive(
    _ bytes: [UInt8], _ drives: [ScratchOverlay], _ configuration: MachineConfiguration
  ) throws(ByteCodingError) {
    var reader = ByteReader(bytes)
    let index = Int(try reader.uint8())
    let offset = try reader.uint64()
    let count = Int(try reader.uint32())
    let isZero = try reader.bool()
    guard drives.indices.contains(index), !configuration.drives[index].isReadOnly,
      offset <= UInt64(drives[index].size), count <= drives[index].size - Int(offset),
      reader.remaining == (isZero ? 0 : count)
    else { throw .malformed(offset: 0, what: "bytes outside of a drive") }
    let data = Array(try reader.raw(reader.remaining))
    do throws(DiskImageError) {
      if isZero {
        try drives[index].writeZeroes(at: Int(offset), count: count)
      } else {
        try drives[index].write(at: Int(offset), data)
      }
    } catch {
      throw Stopped.stopped(Failure(error), self)
    }
  }

  // MARK: Reading

  /// The next record, whose digest is right.
  private func next() throws(ByteCodingError) -> (MigrationStream.Kind, [UInt8]) {
    var head = ByteReader(try take(MigrationStream.recordHeadSize))
    let code = try head.uint8()
    let size = Int(try head.uint32())
    guard let kind = MigrationStream.Kind(rawValue: code) else {
      throw .malformed(offset: 0, what: "a record of kind \(code)")
    }
    guard size <= kind.sizeLimit else {
      throw .malformed(offset: 0, what: "a record of \(size) bytes")
    }
    let contents = try take(size)
    var digest = ByteReader(try take(MigrationStream.digestSize))
    let expected = contents.withUnsafeBytes { MigrationStream.digest($0, code, number: recordCount) }
    guard try digest.uint64() == expected else {
      throw .malformed(offset: 0, what: "a record's digest is not that of its bytes")
    }
    recordCount += 1
    return (kind, contents)
  }

  /// Exactly so many bytes. Memory for them is taken as they come.
  private func take(_ count: Int) throws(ByteCodingError) -> [UInt8] {
    while buffer.count - start < count {
      if start > 0 {
        buffer.removeFirst(start)
        start = 0
      }
      try readMore()
    }
    defer { start += count }
    return Array(buffer[start..<start + count])
  }

  private func readMore() throws(ByteCodingError) {
    let used = buffer.count
    while true {
      var count = 0
      var number: Int32 = 0
      buffer.reserveCapacity(used + Self.chunk)
      let piece = [UInt8](unsafeUninitializedCapacity: Self.chunk) { space, filled in
        count = read(descriptor, space.baseAddress, Self.chunk)
        number = errno
        filled = max(count, 0)
      }
      if count > 0 {
        buffer += piece
        return
      }
      if count == 0 { throw .truncated(offset: 0, needed: 1, available: 0) }
      do throws(Failure) {
        if number == EAGAIN {
          try HostSocket.wait(for: descriptor, POLLIN, name: name, mayGoOn)
        } else if number != EINTR {
          throw Failure.system(number, path: name, doing: "cannot read it")
        }
      } catch {
        throw Stopped.stopped(error, self)
      }
    }
  }
}
