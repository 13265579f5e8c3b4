// SPDX-License-Identifier: Apache-2.0

import Emulator
import Testing

/// Accesses of every size to all devices, with the values, faults and interrupts that a hart of QEMU's `virt` board gets. How
/// they were recorded, fixtures/devices/record-qemu-accesses.py says.
@Suite struct QEMUAccessTests {
  /// The devices of the board, in their windows, after power-on.
  private struct Devices {
    let board: DeviceTestBoard
    let clint: CoreLocalInterruptor
    let clock: RealTimeClock
    let serialPort: SerialPort
    private(set) var windows: [(base: UInt64, size: UInt64, device: any Device)]

    init(virtio: MachineConfiguration.Virtio = .modern) {
      board = DeviceTestBoard(virtio: virtio)
      let plic = PlatformInterruptController(board: board, hartCount: 2)
      clint = CoreLocalInterruptor(board: board, hartCount: 2)
      clock = RealTimeClock(board: board)
      serialPort = SerialPort(board: board)
      let entropy = VirtioTransport(board: board, slot: 7, device: VirtioEntropy(board: board))
      // Far from any alarm of the trace's.
      board.testGate.wallClock = 1 << 60
      let devices: [(MemoryMap.Window, any Device)] = [
        (MemoryMap.testFinisher, TestFinisher(board: board)),
        (MemoryMap.realTimeClock, clock), (MemoryMap.coreLocalInterruptor, clint),
        (MemoryMap.platformInterruptController, plic), (MemoryMap.serialPort, serialPort),
      ]
      windows = devices.map { ($0.base, $0.size, $1) }
      let slot = MemoryMap.virtioSlotSize
      windows.append((MemoryMap.virtioSlots.base + 7 * slot, slot, entropy))
      board.interruptController = plic
      clint.reset()
    }

    func find(_ address: UInt64, size: Int) -> (device: any Device, offset: UInt64)? {
      guard let window = windows.first(where: { address &- $0.base < $0.size }),
        window.device.accepts(offset: address - window.base, size: size)
      else { return nil }
      return (window.device, address - window.base)
    }

    /// What a step of the trace answers, as its last field has it; nil for no such step.
    func answer(_ fields: [String]) -> String? {
      defer {
        clint.updateTimerInterrupts()
        clock.updateAlarm()
      }
      func number(_ index: Int) -> UInt64? { UInt64(fields[index], radix: 16) }
      switch fields[0] {
      case "m": return String(pending, radix: 16)
      case "t":
        board.pass(ticks: UInt64(fields[1]) ?? 0)
      case "+":
        guard let address = number(1), let more = number(2), let (device, offset) = find(address, size: 8)
        else {
          return nil
        }
        device.write(offset: offset, size: 8, value: clint.ticks(at: board.now) &+ more)
      case "a":
        guard let more = number(1) else { return nil }
        let alarm = (clock.read(offset: 0, size: 4) | clock.read(offset: 4, size: 4) << 32) &+ more
        clock.write(offset: 12, size: 4, value: alarm >> 32)
        clock.write(offset: 8, size: 4, value: alarm & 0xffff_ffff)
      case "i":
        let digits = Array(fields[1])
        serialPort.receive(
          stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(String(digits[$0..<$0 + 2]), radix: 16)
          })
      default:
        guard let size = Int(fields[1]), let address = number(2) else { return nil }
        guard let (device, offset) = find(address, size: size) else { return "fault" }
        if fields[0] == "r" { return String(device.read(offset: offset, size: size), radix: 16) }
        guard let value = number(3) else { return "no fault" }
        device.write(offset: offset, size: size, value: value)
      }
      return fields.last
    }

    var pending: UInt64 {
      board.highHartLines.filter { $0.hart == 0 }.reduce(0) { $0 | 1 << UInt64($1.interrupt.rawValue) }
    }
  }

  @Test(arguments: ["qemu-accesses", "qemu-time-accesses"])
  func answersFaultsAndInterruptsAreThoseOfQEMU(name: String) throws {
    var devices = Devices()
    var differences = 0
    var checked = 0
    for (place, fields) in try DeviceTrace.steps(name) {
      if fields[0] == "v" {
        devices = Devices(virtio: fields[1] == "1" ? .legacy : .modern)
        continue
      }
      let answer = try #require(devices.answer(fields), "\(place)")
      checked += 1
      guard answer != fields[fields.count - 1], fields.last != "?" || answer == "fault" else { continue }
      if Self.isWhatTimeMakesOfInput(fields, answer) { continue }
      differences += 1
      if differences <= 10 { Issue.record("\(place): here \(answer)") }
    }
    #expect(checked > 1500)
  }

  /// The one difference that docs/guest-machine.md lists: input at the trigger level counts as received, however long it waits. On
  /// QEMU it becomes a time-out after four characters' time.
  private static func isWhatTimeMakesOfInput(_ fields: [String], _ answer: String) -> Bool {
    fields == ["r", "1", "10000002", "cc"] && answer == "c4"
  }
}
