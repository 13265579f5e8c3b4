// SPDX-License-Identifier: Apache-2.0

import Emulator
import Testing

/// fw_cfg and flash, access by access as a hart of QEMU 10's board sees them. How they were recorded,
/// fixtures/devices/record-qemu-accesses.py says.
@Suite struct QEMUFirmwareAccessTests {
  /// Both devices and RAM, as that script has QEMU make them.
  private struct Devices {
    private static let kernel = Array("a kernel of 21 bytes.".utf8)
    private static let initrd = Array("an initrd".utf8)
    private static let commandLine = Array("console=ttyS0\0".utf8)

    let board: DeviceTestBoard
    private let windows: [(base: UInt64, size: UInt64, device: any Device)]

    init() {
      let files = MachineConfiguration.FirmwareFiles(
        kernelSize: UInt64(Self.kernel.count), initrdSize: UInt64(Self.initrd.count),
        commandLineSize: UInt64(Self.commandLine.count))
      board = DeviceTestBoard(firmwareFiles: files, hasFlash: true)
      let storage = board.memory.attached
      var sevens = [UInt8](repeating: 0xff, count: Int(AttachedStorage.bankSize))
      for index in 0..<0x1_0000 { sevens[index] = UInt8(truncatingIfNeeded: 7 * index + 3) }
      board.memory.writeAttached(sevens, at: 0)
      board.memory.writeAttached(Self.kernel + Self.initrd + Self.commandLine, at: storage.flashSize)
      let bank = AttachedStorage.bankSize
      windows = [
        (
          MemoryMap.firmwareConfiguration.base, MemoryMap.firmwareConfiguration.size,
          FirmwareConfiguration(board: board)
        ),
        (MemoryMap.flash.base, bank, ParallelFlash(board: board, bank: 0, isReadOnly: true)),
        (MemoryMap.flash.base + bank, bank, ParallelFlash(board: board, bank: 1, isReadOnly: false)),
      ]
    }

    /// Nil for an access fault.
    func read(_ address: UInt64, size: Int) -> UInt64? {
      if let bytes = board.memory.read(at: address, count: size) {
        return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
      }
      guard let (device, offset) = find(address), device.accepts(offset: offset, size: size) else {
        return nil
      }
      return device.read(offset: offset, size: size)
    }

    /// False for an access fault.
    func write(_ address: UInt64, size: Int, value: UInt64) -> Bool {
      if board.memory.pointer(at: address, count: size) != nil {
        let bytes = withUnsafeBytes(of: value.littleEndian) { Array($0.prefix(size)) }
        board.memory.write(bytes, at: address)
        return true
      }
      guard let (device, offset) = find(address), device.acceptsStore(offset: offset, size: size) else {
        return false
      }
      device.write(offset: offset, size: size, value: value)
      return true
    }

    private func find(_ address: UInt64) -> (any Device, offset: UInt64)? {
      windows.first { address &- $0.base < $0.size }.map { ($0.device, address - $0.base) }
    }
  }

  @Test func answersAndFaultsAreThoseOfQEMU() throws {
    var devices = Devices()
    var differences = 0
    var checked = 0
    for (place, fields) in try DeviceTrace.steps("qemu-firmware-accesses") {
      if fields[0] == "v" {
        devices = Devices()
        continue
      }
      let size = try #require(Int(fields[1]))
      let address = try #require(UInt64(fields[2], radix: 16))
      var answer = "fault"
      if fields[0] == "r" {
        if let value = devices.read(address, size: size) { answer = String(value, radix: 16) }
      } else {
        // The key of etc/vmcoreinfo, which is the first file here.
        let value = fields[3] == "V" ? 0x2000 : UInt64(fields[3], radix: 16) ?? 0
        if devices.write(address, size: size, value: value) { answer = fields[3] }
      }
      checked += 1
      guard answer != fields[3] else { continue }
      differences += 1
      if differences <= 20 { Issue.record("\(place): here \(answer)") }
    }
    #expect(checked > 4000 && differences == 0)
  }
}
