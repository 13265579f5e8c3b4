// SPDX-License-Identifier: Apache-2.0

import Emulator
import Testing

/// The same register accesses as QEMU's `virt` board has once been given, with the same answers. How the
/// trace was made, fixtures/devices/record-qemu-trace.py says.
@Suite struct QEMUTraceTests {
  @Test func answersAreThoseOfQEMU() throws {
    let board = DeviceTestBoard()
    let plic = PlatformInterruptController(board: board, hartCount: 2)
    board.interruptController = plic
    let devices: [(window: MemoryMap.Window, device: any Device)] = [
      (MemoryMap.serialPort, SerialPort(board: board)),
      (MemoryMap.platformInterruptController, plic),
      (MemoryMap.coreLocalInterruptor, CoreLocalInterruptor(board: board, hartCount: 2)),
    ]
    var readCount = 0
    for (place, fields) in try DeviceTrace.steps("qemu-virt-trace") {
      try #require(fields.count == 4)
      let size = try #require(Int(fields[1]))
      let address = try #require(UInt64(fields[2], radix: 16))
      let value = try #require(UInt64(fields[3], radix: 16))
      let (window, device) = try #require(devices.first { $0.window.contains(address) })
      if fields[0] == "w" {
        device.write(offset: address - window.base, size: size, value: value)
      } else {
        let answer = device.read(offset: address - window.base, size: size)
        guard answer == value else {
          Issue.record("\(place): answered \(String(answer, radix: 16))")
          return
        }
        readCount += 1
      }
    }
    #expect(readCount > 1000)
  }
}
