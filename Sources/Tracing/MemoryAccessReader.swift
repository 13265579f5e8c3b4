// SPDX-License-Identifier: Apache-2.0

import Emulator

/// Some bytes of memory were read or written.
package struct MemoryAccess: Sendable, Equatable {
  package var moment: Moment
  /// Of the instruction, or where none did it, of the next one.
  package var hart: Int
  package var programCounter: UInt64
  package var privilege: UInt64
  package var source: NotedStore.Source
  /// Of a device that did it, the name.
  package var device: String?
  /// As watchpoints have it: read, write, or both in one (an atomic).
  package var kind: StopPoints.Watchpoint.Kind
  /// Virtual: the first byte that was accessed, of others than instructions the first that was asked for.
  package var address: UInt64
  /// What the bytes held before and after, in the order of their addresses.
  package var old: [UInt8]
  package var new: [UInt8]
}

/// Every access to some bytes, whoever made it.
///
/// Loads, stores and atomics are known by their virtual addresses; all else that writes memory by physical ones: those that the bytes had for
/// a hart where the stretch began.
package final class MemoryAccessReader: TraceReader {
  private let watchpoint: StopPoints.Watchpoint
  private let hart: Int
  private var records: [MemoryAccess] = []
  /// The last record is a change whose new bytes are not in memory yet when it is told; their physical address.
  private var unfinished: UInt64?
  /// By page: where its bytes are.
  private var physical: [(virtual: UInt64, range: ClosedRange<UInt64>)] = []
  private var machine: Machine?
  package let stopPoints: StopPoints

  /// - Parameter hart: by whose page tables addresses become physical ones.
  package init(_ watchpoint: StopPoints.Watchpoint, hart: Int) {
    self.watchpoint = watchpoint
    self.hart = hart
    stopPoints = StopPoints(watchpoints: [watchpoint])
  }

  package var hearsAccesses: Bool { true }

  package func begin(in machine: Machine) {
    self.machine = machine
    guard watchpoint.kind != .read else { return }
    var first = watchpoint.first
    while true {
      let last = min(watchpoint.last, first | 0xfff)
      if let start = machine.physicalAddress(of: first, hart: hart) {
        physical.append((first, start...start + (last - first)))
      }
      if last == watchpoint.last { break }
      first = last + 1
    }
    machine.noteStores(to: physical.map(\.range))
  }

  package func hear(_ observation: GuestObservation, of machine: Machine) {
    switch observation.event {
    case .access(let access):
      finish(overwritten: access)
      records.append(
        MemoryAccess(
          moment: observation.moment, hart: observation.hart, programCounter: observation.programCounter,
          privilege: observation.privilege, source: .instruction, kind: access.kind, address: access.address,
          old: Self.bytes(access.old, access.byteCount), new: Self.bytes(access.new, access.byteCount)))
    case .change(let store):
      finish()
      for (virtual, range) in physical where range.contains(store.address) {
        let count = min(UInt64(store.byteCount), range.upperBound - store.address + 1)
        let old = machine.readMemory(physical: store.address, count: Int(count))
        let device =
          if case .device(let register) = store.source { machine.device(at: register) } else { String?.none }
        records.append(
          MemoryAccess(
            moment: observation.moment, hart: observation.hart, programCounter: observation.programCounter,
            privilege: observation.privilege, source: store.source, device: device, kind: .write,
            address: virtual + (store.address - range.lowerBound), old: old, new: old))
        unfinished = store.address
      }
    default: break
    }
  }

  private static func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
  }

  /// What the last record changed is in memory now, but where an access has overwritten it since.
  private func finish(overwritten access: WatchedAccess? = nil) {
    guard let address = unfinished, let machine, let last = records.indices.last else { return }
    unfinished = nil
    records[last].new = machine.readMemory(physical: address, count: records[last].old.count)
    guard let access, access.kind != .read else { return }
    for index in 0..<access.byteCount {
      let place = access.address &+ UInt64(index) &- records[last].address
      if place < UInt64(records[last].new.count) {
        records[last].new[Int(place)] = UInt8(truncatingIfNeeded: access.old >> UInt64(8 * index))
      }
    }
  }

  package func takeRecords() -> [MemoryAccess] {
    finish()
    defer { records.removeAll(keepingCapacity: true) }
    return records
  }

  package func takeRest() -> [MemoryAccess] { takeRecords() }
}
