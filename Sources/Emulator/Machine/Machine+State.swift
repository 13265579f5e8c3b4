// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Saving, restoring and digests.
extension Machine {
  /// The first bytes of a saved state: what it is, and the version of its layout.
  private static let stateMagic: UInt32 = 0x4d_5652_52  // "RRVM"
  private static let stateVersion: UInt16 = 1

  /// State of harts and devices, everything but RAM; equal states give equal bytes.
  public func saveState() -> [UInt8] {
    var writer = ByteWriter(reserving: 16 << 10)
    writer.uint32(Self.stateMagic)
    writer.uint16(Self.stateVersion)
    writer.uint16(UInt16(components.count))
    for component in components {
      writer.string(component.name)
      writer.counted(component.bytes())
    }
    return writer.bytes
  }

  /// Puts back what `saveState` gave. RAM must be set separately, through `memory`, before this is called: what was
  /// decoded from pages that stay the same is used again.
  ///
  /// When it throws, the machine is in no state to be used any further.
  public func restoreState(_ bytes: [UInt8]) throws(ByteCodingError) {
    var reader = ByteReader(bytes)
    guard try reader.uint32() == Self.stateMagic else {
      throw .malformed(offset: 0, what: "not the state of a machine")
    }
    let version = try reader.uint16()
    guard version == Self.stateVersion else {
      throw .malformed(offset: 4, what: "a machine's state of version \(version), not \(Self.stateVersion)")
    }
    let count = Int(try reader.uint16())
    let components = components
    guard count == components.count else {
      throw .malformed(offset: 6, what: "\(count) components where this machine has \(components.count)")
    }
    for component in components {
      let start = reader.offset
      let name = try reader.string()
      guard name == component.name else {
        throw .malformed(offset: start, what: "the state of \(name) where \(component.name) was expected")
      }
      var part = ByteReader(try reader.counted())
      try component.restore(&part)
      guard part.isAtEnd else {
        throw .malformed(offset: start, what: "\(part.remaining) bytes too many in the state of \(name)")
      }
    }
    guard reader.isAtEnd else {
      throw .malformed(offset: reader.offset, what: "\(reader.remaining) bytes after the machine's state")
    }
    interpreter.registersReplaced()
    forgetRequests()
  }

  /// Names of the components in the order of `digests()`: "board" (position, time, turns), "hart0" and so on, each
  /// device, and "memory" last.
  public var digestNames: [String] { components.map(\.name) + ["memory"] }

  /// A 64-bit digest of each component. That of memory is the wrapping sum over all pages that are not all zero of
  /// `Digest.of(page, seed: page index)`, kept up to date from the dirty pages alone.
  public func digests() -> [UInt64] { beginDigests().values() }

  /// The digests of the machine as it is now, without waiting for that of memory. Between two instructions.
  ///
  /// Another thread should ask for the values soon. As long as none has, the machine digests pages itself before it changes
  /// them. The next digests wait for these.
  public func beginDigests() -> PendingDigests {
    PendingDigests(components: components.map { Digest.of($0.bytes()) }, memory: memoryDigest.begin())
  }

  /// The pages of RAM written since `forgetChangedPages`.
  package var changedPages: PageSet { memoryDigest.changedPages }
  /// Between two instructions.
  package func forgetChangedPages() { memoryDigest.forgetChangedPages() }

  // MARK: For messages and debuggers

  /// Program counter of a hart.
  public func programCounter(hart: Int) -> UInt64 { interpreter.harts[hart].state.pointee.pc }
  /// Integer register 0 to 31 of a hart.
  public func register(_ index: Int, hart: Int) -> UInt64 { interpreter.harts[hart].x[index] }
  /// Floating-point register 0 to 31 of a hart.
  public func floatingPointRegister(_ index: Int, hart: Int) -> UInt64 { interpreter.harts[hart].f[index] }

  // MARK: Components

  struct Component {
    var name: String
    var save: (inout ByteWriter) -> Void
    var restore: (inout ByteReader) throws(ByteCodingError) -> Void

    func bytes() -> [UInt8] {
      var writer = ByteWriter(reserving: 1024)
      save(&writer)
      return writer.bytes
    }
  }

  var components: [Component] {
    let harts = interpreter.harts.map { hart in
      Component(
        name: "hart\(hart.index)",
        save: { [self] writer in
          hart.save(to: &writer)
          let protection = interpreter.protection[hart.index]
          writer.raw(protection.configurations)
          for address in protection.addresses { writer.uint64(address) }
        },
        restore: { [self] (reader) throws(ByteCodingError) in
          try hart.restore(from: &reader)
          let configurations = Array(try reader.raw(PhysicalMemoryProtection.entryCount))
          var addresses: [UInt64] = []
          for _ in configurations { addresses.append(try reader.uint64()) }
          guard
            interpreter.protection[hart.index].restore(configurations: configurations, addresses: addresses)
          else { throw .malformed(offset: reader.offset, what: "PMP registers that no hart can have") }
        })
    }
    let devices = bus.devices.map { device in
      Component(
        name: device.name, save: { device.save(to: &$0) },
        restore: { (reader) throws(ByteCodingError) in try device.restore(from: &reader) })
    }
    var firmware: [Component] = []
    if case .builtInSBI = plan.start, hasPerformanceCounters {
      firmware = [
        Component(
          name: "sbi",
          save: { [self] writer in for counters in performanceCounters { counters.save(to: &writer) } },
          restore: { [self] (reader) throws(ByteCodingError) in
            for hart in performanceCounters.indices { try performanceCounters[hart].restore(from: &reader) }
          })
      ]
    }
    let board = Component(
      name: "board", save: { [self] in saveBoard(to: &$0) },
      restore: { [self] (reader) throws(ByteCodingError) in try restoreBoard(from: &reader) })
    return [board] + harts + devices + firmware
  }

  private func saveBoard(to writer: inout ByteWriter) {
    writer.uint64(now.position)
    writer.uint64(idleTime)
    writer.uint8(UInt8(currentHart))
    writer.uint16(UInt16(quantumLeft))
    writer.bool(powerOffStatus != nil)
    writer.uint32(powerOffStatus ?? 0)
  }

  private func restoreBoard(from reader: inout ByteReader) throws(ByteCodingError) {
    turnPosition = try reader.uint64()
    idleTime = try reader.uint64()
    let hart = Int(try reader.uint8())
    let quantum = Int64(try reader.uint16())
    guard hart < configuration.hartCount, quantum <= Self.quantum, turnPosition < 1 << 52,
      idleTime < Self.timeLimit
    else { throw .malformed(offset: reader.offset, what: "a board's state that no board can have") }
    turnHart = hart
    quantumLeft = quantum
    let isOff = try reader.bool()
    let status = try reader.uint32()
    guard isOff || status == 0 else {
      throw .malformed(offset: reader.offset, what: "the exit status of a machine that is on")
    }
    powerOffStatus = isOff ? status : nil
  }
}
