// SPDX-License-Identifier: Apache-2.0

import Emulator

/// A call of a function.
package struct FunctionCall: Sendable, Equatable {
  package var moment: Moment
  package var hart: Int
  package var privilege: UInt64
  package var addressSpace: UInt64
  /// As it was asked for.
  package var function: String
  package var address: UInt64
  /// Where it returns to: `ra` at its first instruction.
  package var returnAddress: UInt64
  package var stackPointer: UInt64
  /// a0 to a7.
  package var arguments: [UInt64]
  /// Nil when it did not return within the stretch.
  package var result: Result?

  package struct Result: Sendable, Equatable {
    /// The first instruction behind the call.
    package var position: UInt64
    package var hart: Int
    /// a0 and a1.
    package var values: [UInt64]
  }
}

/// Calls of some functions, with what they returned.
///
/// Each time that the first instruction of one is about to be executed it is called. It has returned when execution comes to where `ra` pointed
/// with the same stack pointer: so recursion is told apart, and a function that ends by jumping into another returns with it. One that is left
/// by `longjmp` or an exception does not return.
package final class FunctionCallReader: TraceReader {
  /// Return addresses at which nothing is waited for are kept up to here, as each change of the stop points costs something.
  private static let idleLimit = 256

  private struct Place: Hashable {
    var programCounter: UInt64
    var stackPointer: UInt64
    /// In U mode. A kernel's stacks are its own in all address spaces.
    var root: UInt64
  }

  private let functions: [UInt64: String]
  private let harts: UInt64
  private var records: OpenRecords<FunctionCall>
  /// Several at one place end together: each has jumped into the next.
  private var open: [Place: [(number: Int, address: UInt64)]] = [:]
  /// How many calls are to return to each address.
  private var awaited: [UInt64: Int] = [:]
  private var idleCount = 0
  /// The call that began last: whether its first instruction is executed is not known yet.
  private var latest: (position: UInt64, hart: Int, number: Int, place: Place)?
  private var areEntriesForgotten = false
  package private(set) var stopPoints: StopPoints

  /// - Parameters:
  ///   - functions: names by the addresses of their first instructions.
  ///   - hart: whose calls count; nil: of all.
  ///   - limit: the first so many.
  package init(_ functions: [UInt64: String], hart: Int? = nil, limit: Int = .max) {
    self.functions = functions
    records = OpenRecords(limit: limit)
    harts = hart.map { 1 << UInt64($0) } ?? ~0
    stopPoints = StopPoints(
      breakpoints: functions.keys.sorted().map {
        StopPoints.Breakpoint(at: $0, harts: hart.map { 1 << UInt64($0) } ?? ~0)
      })
  }

  package func meet(_ hit: StopPointHit, in machine: Machine) {
    if records.isFull, !areEntriesForgotten, hit.position > latest?.position ?? 0 {
      areEntriesForgotten = true
      stopPoints.breakpoints.removeAll { functions[$0.address] != nil && awaited[$0.address] == nil }
    }
    if awaited[hit.programCounter] != nil { end(hit, machine) }
    if let function = functions[hit.programCounter], harts >> UInt64(hit.hart) & 1 != 0 {
      begin(function, hit, machine)
    }
  }

  /// A first instruction that traps, on a page that is not in memory yet for one, is not executed: no call has begun.
  package func hear(_ observation: GuestObservation, of machine: Machine) {
    guard case .trap(let trap) = observation.event, !trap.isInterrupt, let call = latest,
      call.position == observation.moment.position, call.hart == observation.hart
    else { return }
    latest = nil
    records.cancel(call.number)
    open[call.place]?.removeAll { $0.number == call.number }
    awaitFewer(call.place.programCounter, by: 1)
  }

  private func begin(_ function: String, _ hit: StopPointHit, _ machine: Machine) {
    let hart = hit.hart
    let returnAddress = machine.register(1, hart: hart)
    let place = place(returnAddress, hart, machine)
    let begun = records.begin(
      FunctionCall(
        moment: machine.now, hart: hart, privilege: machine.privilege(hart: hart),
        addressSpace: machine.place(hart: hart).addressSpace, function: function, address: hit.programCounter,
        returnAddress: returnAddress, stackPointer: place.stackPointer,
        arguments: (10...17).map { machine.register($0, hart: hart) }))
    // The same function once more at the same place: the stack was left, and is another task's now.
    let stale = open[place]?.filter { $0.address == hit.programCounter } ?? []
    for old in stale { records.end(old.number) }
    open[place]?.removeAll { $0.address == hit.programCounter }
    awaitFewer(returnAddress, by: stale.count)
    guard let begun else { return }
    open[place, default: []].append((begun, hit.programCounter))
    latest = (hit.position, hart, begun, place)
    switch awaited[returnAddress] {
    case nil:
      // A task may go on elsewhere: whichever hart comes there.
      stopPoints.breakpoints.append(StopPoints.Breakpoint(at: returnAddress))
    case 0?: idleCount -= 1
    default: break
    }
    awaited[returnAddress, default: 0] += 1
  }

  private func end(_ hit: StopPointHit, _ machine: Machine) {
    let place = place(hit.programCounter, hit.hart, machine)
    guard let calls = open.removeValue(forKey: place) else { return }
    let result = FunctionCall.Result(
      position: hit.position, hart: hit.hart,
      values: [machine.register(10, hart: hit.hart), machine.register(11, hart: hit.hart)])
    for call in calls { records.end(call.number) { $0.result = result } }
    awaitFewer(hit.programCounter, by: calls.count)
  }

  private func awaitFewer(_ returnAddress: UInt64, by count: Int) {
    guard count > 0, let before = awaited[returnAddress] else { return }
    awaited[returnAddress] = before - count
    guard before == count else { return }
    idleCount += 1
    if idleCount > Self.idleLimit { forgetIdle() }
  }

  private func forgetIdle() {
    let idle = Set(awaited.filter { $0.value == 0 }.keys)
    stopPoints.breakpoints.removeAll {
      idle.contains($0.address) && (functions[$0.address] == nil || areEntriesForgotten)
    }
    for address in idle { awaited[address] = nil }
    idleCount = 0
  }

  private func place(_ programCounter: UInt64, _ hart: Int, _ machine: Machine) -> Place {
    let here = machine.place(hart: hart)
    return Place(
      programCounter: programCounter, stackPointer: here.stackPointer,
      root: here.privilege == 0 ? here.addressSpace & 0xfff_ffff_ffff : 0)
  }

  package func takeRecords() throws -> [FunctionCall] { try records.take() }
  package func takeRest() -> [FunctionCall] { records.takeRest() }
}
