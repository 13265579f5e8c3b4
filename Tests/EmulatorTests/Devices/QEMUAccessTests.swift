import Emulator
import Foundation
import Testing

/// Accesses of every size to all devices, with the values, faults and interrupts that a hart of QEMU's `virt` board gets. How
/// they were recorded, fixtures/devices/record-qemu-accesses.py says.
@Suite struct QEMUAccessTests {
  /// The devices of the board, in their windows, after power-on.
  private struct Devices {
    let board: DeviceTestBoard
    private(set) var windows: [(base: UInt64, size: UInt64, device: any Device)]

    init(virtio: MachineConfiguration.Virtio = .modern) {
      board = DeviceTestBoard(virtio: virtio)
      let plic = PlatformInterruptController(board: board, hartCount: 2)
      let clint = CoreLocalInterruptor(board: board, hartCount: 2)
      let entropy = VirtioTransport(board: board, slot: 7, device: VirtioEntropy(board: board))
      // Far from any alarm of the trace's.
      board.testGate.wallClock = 1 << 60
      let devices: [(MemoryMap.Window, any Device)] = [
        (MemoryMap.testFinisher, TestFinisher(board: board)),
        (MemoryMap.realTimeClock, RealTimeClock(board: board)), (MemoryMap.coreLocalInterruptor, clint),
        (MemoryMap.platformInterruptController, plic), (MemoryMap.serialPort, SerialPort(board: board)),
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

    var pending: UInt64 {
      board.highHartLines.filter { $0.hart == 0 }.reduce(0) { $0 | 1 << UInt64($1.interrupt.rawValue) }
    }
  }

  @Test func answersFaultsAndInterruptsAreThoseOfQEMU() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../fixtures/devices/qemu-accesses.txt")
    var devices = Devices()
    var differences = 0
    var checked = 0
    for (index, line) in try String(contentsOf: file, encoding: .utf8).split(separator: "\n").enumerated() {
      let fields = line.split(separator: " ").map(String.init)
      var answer: String
      switch fields[0] {
      case "v":
        devices = Devices(virtio: fields[1] == "1" ? .legacy : .modern)
        continue
      case "m": answer = String(devices.pending, radix: 16)
      default:
        let size = try #require(Int(fields[1]))
        let address = try #require(UInt64(fields[2], radix: 16))
        if let (device, offset) = devices.find(address, size: size) {
          if fields[0] == "r" {
            answer = String(device.read(offset: offset, size: size), radix: 16)
          } else {
            answer = fields[3]
            let value = try #require(UInt64(fields[3], radix: 16), "line \(index + 1), \(line): no fault")
            device.write(offset: offset, size: size, value: value)
          }
        } else {
          answer = "fault"
        }
      }
      checked += 1
      guard answer != fields[fields.count - 1], fields.last != "?" || answer == "fault" else { continue }
      differences += 1
      if differences <= 10 { Issue.record("line \(index + 1), \(line): here \(answer)") }
    }
    #expect(checked > 1500)
  }
}
