// SPDX-License-Identifier: Apache-2.0

import Emulator
import HostSystem
import RecordingStore
import ReplayLog

/// The last change of some bytes of memory before a place, and who made it.
public struct LastWrite: Equatable, Sendable {
  /// Bytes of old and new values that are told at most.
  public static let valueLimit = 64

  public var source: Source
  /// Where it happened: the moment of the instruction that did it, or, for what happens between two, of the next one.
  public var moment: Moment
  /// Physical. The first byte that was changed of those asked for, and how many from there on.
  public var address: UInt64
  public var byteCount: Int
  /// For what a drive read: the sector that the first byte came from. Nil also when the byte tells that a request is done.
  public var sector: UInt64?
  /// The first `valueLimit` of these bytes before and after.
  public var old: [UInt8]
  public var new: [UInt8]

  public enum Source: Equatable, Sendable {
    /// An instruction, at this address.
    case instruction(hart: Int, programCounter: UInt64)
    /// The walk of a hart through page tables, which set an A or D bit, for the instruction at this address.
    case pageTableWalk(hart: Int, programCounter: UInt64)
    /// The built-in SBI, called at this address.
    case firmware(hart: Int, programCounter: UInt64)
    /// A device by itself, when the instruction at this address wrote to one of its registers.
    case device(name: String, hart: Int, programCounter: UInt64)
    /// A drive's answer to a request; nil when the log does not have it.
    case drive(Int, id: UInt64, request: LogBlockRequest?)
    /// A frame that came in through this network card.
    case network(interface: Int)
    /// The host-target interface: it took a command, or gave an answer.
    case hostInterface
    /// The machine was reset, by the guest or from outside.
    case reset(byGuest: Bool)
  }
}

/// How a look for the last write ended.
public enum LastWriteOutcome: Equatable, Sendable {
  case found(LastWrite)
  /// Nothing was written since the recording began at this position. `isLoaded`: some of the bytes were part of what the
  /// machine was started from; others are zero, unless the recording begins in the middle of a run.
  case unwritten(since: UInt64, isLoaded: Bool)
  case interrupted
}

/// Bytes of guest memory that a question is about.
public struct MemoryRange: Equatable, Sendable {
  /// Bytes at most. More would be a question about the guest, not about a value in it.
  public static let byteLimit: UInt64 = 1 << 20

  public enum Space: Equatable, Sendable {
    case physical
    /// As the page tables of this hart are at the place that the question is asked at.
    case virtual(hart: Int)
  }

  public var address: UInt64
  public var byteCount: UInt64
  public var space: Space

  public init(address: UInt64, byteCount: UInt64, space: Space) {
    self.address = address
    self.byteCount = byteCount
    self.space = space
  }
}

extension Timeline {
  /// Finds the last write to any of some bytes by instructions before `position`, and by what happens between them.
  ///
  /// It walks back over the stretches between places that are known, looks at each once, and passes over those in which the
  /// pages did not change. The timeline stands somewhere else afterwards.
  public func lastWrite(
    to range: MemoryRange, before position: UInt64, control: SearchControl = SearchControl()
  ) throws(ReplayError) -> LastWriteOutcome {
    let ranges: [ClosedRange<UInt64>]
    switch range.space {
    case .physical: break
    case .virtual: try seek(to: position)
    }
    do throws(Failure) { ranges = try physicalRanges(range) } catch { throw .failed(error) }
    let pages = Set(ranges.map { machine.memory.page(of: $0.lowerBound) })
    let total = position - min(position, start)
    var end = position
    while let interval = interval(endingAt: end) {
      if pages.contains(where: interval.mayChange), try !knowsUnwritten(pages, interval) {
        let store = try lastStore(to: ranges, in: interval.start..<end, control) { done in
          control.progress(min(total, position - end + done), total)
        }
        guard let store else { return .interrupted }
        if let store = store.found { return .found(try describe(store, ranges)) }
      }
      end = interval.start
    }
    let isLoaded = recording.manifest.boot.regions.contains { region in
      region.length > 0
        && ranges.contains { $0.overlaps(region.address...region.address + (region.length - 1)) }
    }
    return .unwritten(since: start, isLoaded: isLoaded)
  }

  /// Whether two snapshots say that nothing was written in an interval.
  private func knowsUnwritten(_ pages: Set<Int>, _ interval: Interval) throws(ReplayError) -> Bool {
    guard let first = knownSnapshots.last(where: { $0.moment.position == interval.start }),
      let second = knownSnapshots.last(where: { $0.moment.position == interval.end })
    else { return false }
    do throws(Failure) {
      return try SnapshotStore(recording).knowsUnwritten(
        pages: pages, between: first.name, and: second.name)
    } catch {
      throw .failed(error)
    }
  }

  /// Where a virtual range is, the machine says as it stands.
  private func physicalRanges(_ range: MemoryRange) throws(Failure) -> [ClosedRange<UInt64>] {
    let name = "0x\(String(range.address, radix: 16)),\(range.byteCount)"
    let (last, isBeyond) = range.address.addingReportingOverflow(range.byteCount &- 1)
    guard range.byteCount > 0, range.byteCount <= MemoryRange.byteLimit, !isBeyond else {
      throw Failure(
        .usage, name, "is no range of memory that can be asked for",
        remedy: "give 1 to \(MemoryRange.byteLimit.grouped) bytes")
    }
    let memory = machine.memory
    var ranges: [ClosedRange<UInt64>] = []
    var address = range.address
    while true {
      let pageLast = min(address | 0xfff, last)
      var physical = address
      if case .virtual(let hart) = range.space {
        guard hart < machine.configuration.hartCount, hart >= 0 else {
          throw Failure(
            .usage, "hart \(hart)", "is not there",
            remedy: "the machine has \(machine.configuration.hartCount) harts, counted from 0")
        }
        guard let found = machine.physicalAddress(of: address, hart: hart) else {
          throw Failure(
            .usage, "0x\(String(address, radix: 16))",
            "is mapped nowhere for hart \(hart) at position \(self.position.grouped)",
            remedy: "choose another hart or position, or give a physical address")
        }
        physical = found
      }
      let count = Int(pageLast - address) + 1
      guard memory.pointer(at: physical, count: count) != nil else {
        throw Failure(
          .usage, "0x\(String(physical, radix: 16))", "is not the address of RAM",
          remedy: "RAM stands from 0x\(String(memory.base, radix: 16)) to "
            + "0x\(String(memory.base + (memory.size - 1), radix: 16))")
      }
      ranges.append(physical...physical + UInt64(count - 1))
      if pageLast == last { return ranges }
      address = pageLast + 1
    }
  }

  private struct Looked {
    var found: NotedStore?
  }

  /// Nil when it was interrupted.
  private func lastStore(
    to ranges: [ClosedRange<UInt64>], in stretch: Range<UInt64>, _ control: SearchControl,
    _ progress: (UInt64) -> Void
  ) throws(ReplayError) -> Looked? {
    if control.isInterrupted() { return nil }
    try seek(to: stretch.lowerBound)
    let machine = machine
    machine.noteStores(to: ranges)
    defer { machine.noteStores(to: []) }
    while position < stretch.upperBound {
      let stop = try run(
        until: min(stretch.upperBound, position + HitSearch.slice), towards: HitSearch.nowhere)
      progress(position - stretch.lowerBound)
      if stop != .position { break }
      if control.isInterrupted() { return nil }
    }
    return Looked(found: machine.lastStore)
  }

  /// What the store at a position did, now that it is known where it is.
  private func describe(
    _ store: NotedStore, _ ranges: [ClosedRange<UInt64>]
  ) throws(ReplayError) -> LastWrite {
    try seek(to: store.position)
    let machine = machine
    machine.noteStores(to: ranges)
    defer { machine.noteStores(to: []) }
    // First what comes before the instruction, then the instruction itself, if it is the one.
    let byteCount = min(store.byteCount, Int(MemoryRange.byteLimit))
    func value() -> [UInt8] { machine.memory.read(at: store.address, count: byteCount) ?? [] }
    var old = value()
    var dataOffset: Int?
    if case .blockCompletion(let drive, let id) = store.source {
      dataOffset = machine.dataOffset(of: store.address, drive: drive, request: id)
    }
    _ = try settle()
    let moment = now
    var found = machine.lastStore
    machine.noteStores(to: ranges)
    let settled = value()
    _ = try run(until: store.position + 1)
    if let byInstruction = machine.lastStore { (found, old) = (byInstruction, settled) }
    guard let found, found.address == store.address else {
      preconditionFailure("a store is found again where it was found")
    }
    let new = machine.lastStore == nil ? settled : value()
    let inside =
      ranges.first { $0.contains(store.address) }.map { Int($0.upperBound - store.address) + 1 } ?? 0
    let count = min(store.byteCount, inside)
    do throws(Failure) {
      let source = try source(of: found)
      var sector: UInt64?
      if case .drive(_, _, let request?) = source, let dataOffset {
        sector = request.sector + UInt64(dataOffset / BlockRequest.sectorSize)
      }
      return LastWrite(
        source: source, moment: moment, address: store.address, byteCount: count, sector: sector,
        old: Array(old.prefix(min(count, LastWrite.valueLimit))),
        new: Array(new.prefix(min(count, LastWrite.valueLimit))))
    } catch {
      throw .failed(error)
    }
  }

  private func source(of store: NotedStore) throws(Failure) -> LastWrite.Source {
    switch store.source {
    case .instruction: return .instruction(hart: store.hart, programCounter: store.programCounter)
    case .pageTableWalk: return .pageTableWalk(hart: store.hart, programCounter: store.programCounter)
    case .firmware: return .firmware(hart: store.hart, programCounter: store.programCounter)
    case .frame(let interface): return .network(interface: interface)
    case .hostInterface: return .hostInterface
    case .reset(let byGuest): return .reset(byGuest: byGuest)
    case .device(let register):
      return .device(
        name: machine.device(at: register) ?? "", hart: store.hart, programCounter: store.programCounter)
    case .blockCompletion(let drive, let id):
      return .drive(drive, id: id, request: try request(id, drive: drive, before: store.position))
    }
  }

  /// The request as the log has it.
  private func request(_ id: UInt64, drive: Int, before position: UInt64) throws(Failure) -> LogBlockRequest?
  {
    let cursor = log.makeCursor()
    return try withLogFailures({ () throws(ReplayLogError) in
      while let event = try cursor.next(), event.position <= position {
        if case .blockRequest(let request) = event.payload, request.drive == drive, request.id == id {
          return request
        }
      }
      return nil
    })
  }
}
