// SPDX-License-Identifier: Apache-2.0

/// Registers and memory.
extension RemoteSession {
  func readGeneralRegisters() -> Reply {
    var bytes: [UInt8] = []
    for number in RegisterSet.general {
      let value = target.readRegister(number, hart: generalHart) ?? 0
      bytes += Hexadecimal.encode(littleEndian: value, byteCount: 8)
    }
    return Reply(bytes)
  }

  func writeGeneralRegisters(_ reader: inout PacketReader) -> Reply {
    guard let bytes = Hexadecimal.decode(reader.rest), bytes.count == RegisterSet.general.count * 8 else {
      return .malformed
    }
    for number in RegisterSet.general {
      let value = littleEndian(bytes[(number * 8)..<(number * 8 + 8)])
      // What is as it was is not written: writing makes a branch of what follows.
      guard target.readRegister(number, hart: generalHart) != value else { continue }
      guard target.writeRegister(number, hart: generalHart, value: value) else { return .malformed }
    }
    return .ok
  }

  func readRegister(_ reader: inout PacketReader) -> Reply {
    guard let number = reader.count(), reader.isAtEnd,
      let value = target.readRegister(number, hart: generalHart)
    else { return .malformed }
    return Reply(Hexadecimal.encode(littleEndian: value, byteCount: 8))
  }

  func writeRegister(_ reader: inout PacketReader) -> Reply {
    guard let number = reader.count(), reader.skip("="), let bytes = Hexadecimal.decode(reader.rest),
      (1...8).contains(bytes.count),
      target.writeRegister(number, hart: generalHart, value: littleEndian(bytes[...]))
    else { return .malformed }
    return .ok
  }

  func readMemory(_ reader: inout PacketReader, isBinary: Bool) -> Reply {
    guard let address = reader.number(), reader.skip(","), let count = reader.count(), reader.isAtEnd else {
      return .malformed
    }
    // The answer must fit a packet; a client that gets less asks for the rest.
    let wanted = min(count, Self.packetSize / 2 - 1)
    let bytes = target.readMemory(at: address, count: wanted, hart: generalHart)
    if bytes.isEmpty, wanted > 0 { return .badAddress }
    return Reply(isBinary ? [UInt8(ascii: "b")] + bytes : Hexadecimal.encode(bytes))
  }

  func writeMemory(_ reader: inout PacketReader, isBinary: Bool) -> Reply {
    guard let address = reader.number(), reader.skip(","), let count = reader.count(), reader.skip(":") else {
      return .malformed
    }
    guard let bytes = isBinary ? Array(reader.rest) : Hexadecimal.decode(reader.rest), bytes.count == count
    else { return .malformed }
    // gdb asks whether `X` is known by writing nothing.
    if bytes.isEmpty { return .ok }
    return target.writeMemory(at: address, bytes[...], hart: generalHart) ? .ok : .badAddress
  }

  private func littleEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
