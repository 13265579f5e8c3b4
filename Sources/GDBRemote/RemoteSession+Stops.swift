// SPDX-License-Identifier: Apache-2.0

/// The breakpoints and watchpoints that a client has set.
struct InsertedStops {
  /// How a client has set a breakpoint. A software breakpoint changes no memory here, so both kinds are the same but in name.
  private struct Kinds: OptionSet {
    let rawValue: Int
    static let software = Kinds(rawValue: 1)
    static let hardware = Kinds(rawValue: 2)
  }

  /// More than anyone sets, and few enough for a client not to fill our memory.
  private static let limit = 10_000
  private static let conditionLimit = 64

  private var kinds: [UInt64: Kinds] = [:]
  private(set) var stops = RequestedStops()

  /// gdb sends a breakpoint again when its conditions have changed. False: there are too many.
  mutating func insertBreakpoint(at address: UInt64, isHardware: Bool, conditions: [AgentExpression]) -> Bool
  {
    guard conditions.count <= Self.conditionLimit else { return false }
    let index = indexOfBreakpoint(from: address)
    if !isBreakpoint(index, at: address) {
      guard stops.breakpoints.count < Self.limit else { return false }
      stops.breakpoints.insert(RequestedStops.Breakpoint(address: address), at: index)
    }
    stops.breakpoints[index].conditions = conditions
    kinds[address, default: []].insert(isHardware ? .hardware : .software)
    return true
  }

  mutating func removeBreakpoint(at address: UInt64, isHardware: Bool) {
    kinds[address]?.remove(isHardware ? .hardware : .software)
    guard kinds[address] == [] else { return }
    kinds[address] = nil
    stops.breakpoints.remove(at: indexOfBreakpoint(from: address))
  }

  mutating func insert(_ watchpoint: RequestedStops.Watchpoint) -> Bool {
    if stops.watchpoints.contains(watchpoint) { return true }
    guard stops.watchpoints.count < Self.limit else { return false }
    stops.watchpoints.append(watchpoint)
    return true
  }

  mutating func remove(_ watchpoint: RequestedStops.Watchpoint) {
    stops.watchpoints.removeAll { $0 == watchpoint }
  }

  func hasSoftwareBreakpoint(at address: UInt64) -> Bool { kinds[address]?.contains(.software) ?? false }

  func conditions(at address: UInt64) -> [AgentExpression] {
    let index = indexOfBreakpoint(from: address)
    return isBreakpoint(index, at: address) ? stops.breakpoints[index].conditions : []
  }

  /// The first breakpoint at `address` or behind it.
  private func indexOfBreakpoint(from address: UInt64) -> Int {
    var (low, high) = (0, stops.breakpoints.count)
    while low < high {
      let middle = (low + high) / 2
      if stops.breakpoints[middle].address < address { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private func isBreakpoint(_ index: Int, at address: UInt64) -> Bool {
    index < stops.breakpoints.count && stops.breakpoints[index].address == address
  }
}

extension RemoteSession {
  private enum Kind: UInt64 {
    case softwareBreakpoint, hardwareBreakpoint, writeWatchpoint, readWatchpoint, accessWatchpoint
  }

  /// `Z`: kind, address, length, and for breakpoints conditions.
  func insertPoint(_ reader: inout PacketReader) -> Reply {
    guard let (kind, address, length) = point(&reader) else { return .unsupported }
    switch kind {
    case .softwareBreakpoint, .hardwareBreakpoint:
      guard let conditions = conditions(&reader) else { return .malformed }
      return inserted.insertBreakpoint(
        at: address, isHardware: kind == .hardwareBreakpoint, conditions: conditions) ? .ok : .tooMany
    default:
      guard reader.isAtEnd, let watchpoint = watchpoint(kind, address, length) else { return .malformed }
      return inserted.insert(watchpoint) ? .ok : .tooMany
    }
  }

  func removePoint(_ reader: inout PacketReader) -> Reply {
    guard let (kind, address, length) = point(&reader) else { return .unsupported }
    switch kind {
    case .softwareBreakpoint, .hardwareBreakpoint:
      inserted.removeBreakpoint(at: address, isHardware: kind == .hardwareBreakpoint)
    default:
      guard let watchpoint = watchpoint(kind, address, length) else { return .malformed }
      inserted.remove(watchpoint)
    }
    return .ok
  }

  /// Whether a breakpoint lets the hart stop. One that cannot be worked out does: gdb looks at it again then.
  func meetsConditions(hart: Int, address: UInt64) -> Bool {
    let conditions = inserted.conditions(at: address)
    guard !conditions.isEmpty else { return true }
    let context = AgentExpression.Context(
      register: { [target] in target.readRegister($0, hart: hart) },
      memory: { [target] address, count in
        let bytes = target.readMemory(at: address, count: count, hart: hart)
        return bytes.count == count ? bytes : nil
      })
    return conditions.contains { (try? $0.evaluate(in: context)) != 0 }
  }

  // MARK: Parsing

  private func point(_ reader: inout PacketReader) -> (Kind, address: UInt64, length: UInt64)? {
    guard let kind = reader.number().flatMap(Kind.init), reader.skip(","), let address = reader.number(),
      reader.skip(","), let length = reader.number()
    else { return nil }
    return (kind, address, length)
  }

  private func watchpoint(_ kind: Kind, _ address: UInt64, _ length: UInt64) -> RequestedStops.Watchpoint? {
    guard length > 0, address <= UInt64.max - (length - 1) else { return nil }
    let kind: RequestedStops.Watchpoint.Kind =
      switch kind {
      case .readWatchpoint: .read
      case .accessWatchpoint: .access
      default: .write
      }
    return RequestedStops.Watchpoint(kind: kind, address: address, length: length)
  }

  /// `;X`, a length, `,` and so many bytes in hexadecimal, any number of times.
  private func conditions(_ reader: inout PacketReader) -> [AgentExpression]? {
    var conditions: [AgentExpression] = []
    _ = reader.skip(";")
    while reader.skip("X") {
      guard let count = reader.count(), reader.skip(","), count <= Self.packetSize,
        let digits = reader.bytes(count * 2), let code = Hexadecimal.decode(digits)
      else { return nil }
      conditions.append(AgentExpression(code))
      _ = reader.skip(";")
    }
    return reader.isAtEnd ? conditions : nil
  }
}
