// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// A device on the physical bus. It knows its registers, not its address.
///
/// Accesses are naturally aligned, of 1, 2, 4 or 8 bytes, and such as `accepts` says; what a device does not define reads as
/// zero and ignores writes, as on QEMU's board.
package protocol Device: AnyObject {
  /// Name in digests, snapshots and messages, unique on the board ("uart", "plic", "virtio-blk-0").
  var name: String { get }
  /// Whether an access of `size` bytes at `offset` gets an answer at all; if not, it is an access fault. Machines of the first
  /// revision do not ask.
  func accepts(offset: UInt64, size: Int) -> Bool
  /// The same for a store, where a device makes a difference.
  func acceptsStore(offset: UInt64, size: Int) -> Bool
  func read(offset: UInt64, size: Int) -> UInt64
  func write(offset: UInt64, size: Int, value: UInt64)
  /// The byte at `offset` of what reads would answer now, without any effect of reading; nil where nothing answers, or only the
  /// outside could tell.
  func inspect(offset: UInt64) -> UInt8?
  /// Back to the state after power-on.
  func reset()
  /// Appends the whole guest-visible and internal state. The same state gives the same bytes.
  func save(to writer: inout ByteWriter)
  /// Puts back what `save` wrote. Bytes come from a stranger: anything out of range throws, and the machine is then
  /// not used any further.
  func restore(from reader: inout ByteReader) throws(ByteCodingError)
}

extension Device {
  package func accepts(offset: UInt64, size: Int) -> Bool { true }
  package func acceptsStore(offset: UInt64, size: Int) -> Bool { accepts(offset: offset, size: size) }

  /// The byte at `offset` of the word that it is in.
  func byte(of word: UInt64, at offset: UInt64) -> UInt8 {
    UInt8(truncatingIfNeeded: word >> ((offset & 3) * 8))
  }
}

/// What the board offers its devices. Implemented by `Machine`.
package protocol Board: AnyObject {
  /// The exact moment of the access being served.
  var now: Moment { get }
  var gate: any Gate { get }
  /// A byte for the console, written by the access being served.
  func consoleOutput(_ byte: UInt8)
  /// RAM, for DMA. An access outside RAM answers nil or false; the device then acts as if the bus had failed.
  var memory: GuestMemory { get }
  var configuration: MachineConfiguration { get }
  /// Sets the level of PLIC source `source`.
  func setInterruptLine(source: Int, level: Bool)
  /// Sets or clears a bit (`HartInterrupt`) of a hart's `mip` on behalf of a device (PLIC, ACLINT).
  func setHartInterrupt(hart: Int, _ interrupt: HartInterrupt, level: Bool)
  /// Devices whose registers decide when a hart's timer fires call this after a change.
  func timersChanged()
  /// The guest asks for power off (with its exit status) or reset.
  func requestPowerOff(status: UInt32)
  func requestReset()
}

/// Interrupts of the privileged architecture, by their number in `mip` and `mcause`.
package enum HartInterrupt: Int, Sendable {
  case supervisorSoftware = 1
  case machineSoftware = 3
  case supervisorTimer = 5
  case machineTimer = 7
  case supervisorExternal = 9
  case machineExternal = 11
}
