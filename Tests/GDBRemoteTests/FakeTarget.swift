// SPDX-License-Identifier: Apache-2.0

import GDBRemote

/// A target of which everything is known: two harts, 4 KiB of memory at 0x1000, and a line of positions 0 to `end`. Hart
/// `position % 2` executes next; its `pc` is 0x1000 + 4 * position.
final class FakeTarget: DebugTarget {
  let hartCount = 2
  let end = 100
  var position = 50
  var memory = [UInt8](repeating: 0, count: 4096)
  /// Of registers that were written.
  var values: [Int: UInt64] = [:]
  var notices: [String] = []
  var commands: [String] = []
  var motions: [Motion] = []
  var lastStops = RequestedStops()
  /// In the last motion.
  var released: Set<Int>?
  /// Positions at which a run asks whether it is interrupted before it goes on.
  var patience = 1000

  let registers = RegisterSet(
    integerNames: (0..<32).map { "x\($0)" }, floatingPointNames: (0..<32).map { "f\($0)" },
    controlAndStatus: [.init(number: 1, name: "fflags"), .init(number: 0x300, name: "mstatus")])

  var currentHart: Int { position % 2 }

  func describe(hart: Int) -> String { "<M mode & running>" }

  func readRegister(_ number: Int, hart: Int) -> UInt64? {
    switch number {
    case RegisterSet.programCounter: 0x1000 + 4 * UInt64(position)
    case 0..<65, RegisterSet.privilege, 65 + 0x300: values[number] ?? UInt64(number)
    default: nil
    }
  }

  func writeRegister(_ number: Int, hart: Int, value: UInt64) -> Bool {
    guard number < 65 else { return false }
    values[number] = value
    notices.append("a branch")
    return true
  }

  func readMemory(at address: UInt64, count: Int, hart: Int) -> [UInt8] {
    guard (0x1000..<0x2000).contains(address) else { return [] }
    return Array(memory[Int(address - 0x1000)...].prefix(count))
  }

  func writeMemory(at address: UInt64, _ bytes: ArraySlice<UInt8>, hart: Int) -> Bool {
    guard address >= 0x1000, bytes.count <= 4096, address <= 0x2000 - UInt64(bytes.count) else {
      return false
    }
    memory.replaceSubrange(Int(address - 0x1000)..<Int(address - 0x1000) + bytes.count, with: bytes)
    return true
  }

  func resume(_ motion: Motion, stops: RequestedStops, control: MotionControl) -> StopReport {
    motions.append(motion)
    lastStops = stops
    released = control.released
    var direction = 1
    var steps = Int.max
    switch motion {
    case .step(_, let way):
      direction = way == .forward ? 1 : -1
      steps = 1
    case .stepWithin: steps = 1
    case .run(let way): direction = way == .forward ? 1 : -1
    }
    while steps > 0 {
      if direction > 0, position == end { return StopReport(hart: currentHart, cause: .endOfHistory) }
      if direction < 0, position == 0 { return StopReport(hart: currentHart, cause: .beginningOfHistory) }
      position += direction
      steps -= 1
      for watchpoint in stops.watchpoints where watchpoint.address == UInt64(position) {
        return StopReport(
          hart: currentHart, cause: .watchpoint(watchpoint.kind, address: watchpoint.address))
      }
      let address = 0x1000 + 4 * UInt64(position)
      if stops.breakpoints.contains(where: { $0.address == address }),
        control.meetsConditions(currentHart, address)
      {
        return StopReport(hart: currentHart, cause: .breakpoint)
      }
      if position % patience == 0, control.isInterrupted() {
        return StopReport(hart: currentHart, cause: .interrupted)
      }
    }
    return StopReport(hart: currentHart, cause: .stepped)
  }

  func monitor(_ command: String, hart: Int, control: MotionControl) {
    commands.append(command)
    control.say("did \(command)\n")
    while command == "wait", !control.isInterrupted() {}
  }

  func takeNotices() -> [String] {
    defer { notices = [] }
    return notices
  }
}

/// A client that has written everything beforehand and keeps what it is sent.
final class ScriptedConnection: RemoteConnection {
  /// What each read gives, in order; then the connection ends.
  var pieces: [[UInt8]]
  /// What has come already when the session looks while the target moves.
  var available: [[UInt8]] = []
  /// Whether the connection has ended when nothing is available any more.
  var availableEnds = false
  private(set) var sent: [UInt8] = []
  private(set) var signsOfLife = 0

  init(_ pieces: [[UInt8]]) { self.pieces = pieces }

  func read() -> [UInt8] { pieces.isEmpty ? [] : pieces.removeFirst() }
  func readAvailable() -> [UInt8]? {
    available.isEmpty ? (availableEnds ? nil : []) : available.removeFirst()
  }
  func showLife() { signsOfLife += 1 }
  func write(_ bytes: [UInt8]) { sent += bytes }
}

/// The payloads in what a session sent, escapes undone.
func payloads(in bytes: [UInt8]) -> [[UInt8]] {
  var decoder = PacketDecoder(limit: 1 << 20)
  var found: [[UInt8]] = []
  for byte in bytes {
    if case .packet(let payload)? = decoder.take(byte) { found.append(payload) }
  }
  return found
}

/// What a session with `target` answers to packets, one after the other.
func replies(_ packets: [String], from target: FakeTarget = FakeTarget()) -> [String] {
  let connection = ScriptedConnection(packets.map { Packet.frame($0.utf8) })
  _ = RemoteSession(target: target, connection: connection).serve()
  return payloads(in: connection.sent).map { String(decoding: $0, as: UTF8.self) }
}

func reply(_ packet: String, from target: FakeTarget = FakeTarget()) -> String {
  replies([packet], from: target).last ?? "(none)"
}
