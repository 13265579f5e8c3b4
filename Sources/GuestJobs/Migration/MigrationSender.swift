// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import DiskImage
import Emulator
import Execution
import HostSystem
import RecordingStore

/// Writes the records of a migration.
final class MigrationSender {
  private let channel: any MigrationChannel
  private let memory: GuestMemory
  private let state: MigrationState
  private var governor: BandwidthGovernor
  private var recordCount: UInt64 = 0
  private(set) var byteCount: UInt64 = 0
  /// Pages that are to be sent with the rest.
  private(set) var held: [Int] = []
  private let buffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: MigrationStream.pagesPerRecord * GuestMemory.pageSize, alignment: GuestMemory.pageSize)

  init(_ channel: any MigrationChannel, memory: GuestMemory, state: MigrationState) {
    self.channel = channel
    self.memory = memory
    self.state = state
    governor = BandwidthGovernor(state)
  }

  deinit { buffer.deallocate() }

  func begin(_ identity: MigrationIdentity) throws(Failure) {
    try put(MigrationStream.head())
    try send(.identity, identity.encoded())
  }

  func hold(_ pages: [Int]) { held = pages }

  /// Sends pages as they are, which may be changing.
  func sendPages(_ pages: [Int], isLimited: Bool) throws(Failure) {
    var index = 0
    while index < pages.count {
      let first = pages[index]
      var count = 1
      while count < MigrationStream.pagesPerRecord, index + count < pages.count,
        pages[index + count] == first + count
      {
        count += 1
      }
      let before = byteCount
      try sendRecord(first: first, count: count)
      index += count
      if isLimited { governor.account(byteCount - before) }
      guard state.mayGoOn else {
        throw Failure(.cancelled, "migrate", "the migration was cancelled", remedy: "start it again")
      }
    }
  }

  private func sendRecord(first: Int, count: Int) throws(Failure) {
    let size = GuestMemory.pageSize
    // A copy: what is looked at, digested and sent is the same whatever the guest does meanwhile.
    let copy = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(count * size)])
    copy.copyMemory(from: UnsafeRawBufferPointer(start: memory.bytes + first * size, count: count * size))
    var present: UInt16 = 0
    for page in 0..<count {
      let bytes = UnsafeRawBufferPointer(rebasing: copy[page * size..<(page + 1) * size])
      if !GuestMemory.isZero(bytes) { present |= 1 << UInt16(page) }
    }
    var contents = ByteWriter(reserving: 16 + present.nonzeroBitCount * size)
    contents.uint32(UInt32(first))
    contents.uint8(UInt8(count))
    contents.uint16(present)
    for page in 0..<count where present >> UInt16(page) & 1 != 0 {
      contents.raw(UnsafeRawBufferPointer(rebasing: copy[page * size..<(page + 1) * size]))
    }
    try send(.pages, contents.bytes)
    state.update { figures in
      figures.normalPages += UInt64(present.nonzeroBitCount)
      figures.zeroPages += UInt64(count - present.nonzeroBitCount)
      figures.remaining -= min(UInt64(count * size), figures.remaining)
    }
  }

  /// Sends what was written to a drive.
  func sendDrive(_ index: Int, _ drive: ScratchOverlay) throws(Failure) {
    for change in drive.changes {
      var contents = ByteWriter(reserving: 32 + (change.isZero ? 0 : change.count))
      contents.uint8(UInt8(index))
      contents.uint64(UInt64(change.offset))
      contents.uint32(UInt32(change.count))
      contents.bool(change.isZero)
      if !change.isZero {
        contents.raw(
          try withImageFailures({ () throws(DiskImageError) in
            try drive.read(at: change.offset, count: change.count)
          }))
      }
      try send(.drive, contents.bytes)
    }
  }

  func end() throws(Failure) {
    var contents = ByteWriter()
    contents.uint64(recordCount)
    try send(.end, contents.bytes)
    try channel.finish()
  }

  func send(_ kind: MigrationStream.Kind, _ contents: [UInt8]) throws(Failure) {
    try put(MigrationStream.record(kind, number: recordCount, contents))
    recordCount += 1
  }

  private func put(_ bytes: [UInt8]) throws(Failure) {
    try channel.write(bytes)
    byteCount += UInt64(bytes.count)
    let sent = byteCount
    state.update { $0.transferred = sent }
  }
}
