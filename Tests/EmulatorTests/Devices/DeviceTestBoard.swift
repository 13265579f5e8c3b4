// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator

/// A board without harts: it notes what devices do to it.
final class DeviceTestBoard: Board {
  struct HartLine: Hashable {
    var hart: Int
    var interrupt: HartInterrupt
  }

  var now = Moment.start
  let testGate = DeviceTestGate()
  var gate: any Gate { testGate }
  let memory: GuestMemory
  let configuration: MachineConfiguration

  /// Sources and hart interrupts that are high.
  private(set) var highSources: Set<Int> = []
  private(set) var highHartLines: Set<HartLine> = []
  private(set) var timerChangeCount = 0
  private(set) var powerOffStatus: UInt32?
  private(set) var resetCount = 0

  init(
    memorySize: UInt64 = 1 << 20, hartCount: Int = 2, revision: MachineRevision = .current,
    virtio: MachineConfiguration.Virtio = .modern,
    firmwareFiles: MachineConfiguration.FirmwareFiles = .init(), hasFlash: Bool = false,
    networkCards: [MachineConfiguration.NetworkCard] = []
  ) {
    memory = GuestMemory(
      base: MemoryMap.memoryBase, size: memorySize,
      attached: AttachedStorage(hasFlash: hasFlash, firmwareSize: firmwareFiles.size))
    var configuration = MachineConfiguration(
      memorySize: memorySize, hartCount: hartCount, shift: 0, drives: [], revision: revision)
    configuration.virtio = virtio
    configuration.firmwareFiles = firmwareFiles
    configuration.networkCards = networkCards
    self.configuration = configuration
  }

  /// Is told of the sources, too, when there is one.
  weak var interruptController: PlatformInterruptController?

  func setInterruptLine(source: Int, level: Bool) {
    interruptController?.setSource(source, level: level)
    if level { highSources.insert(source) } else { highSources.remove(source) }
  }

  func setHartInterrupt(hart: Int, _ interrupt: HartInterrupt, level: Bool) {
    let line = HartLine(hart: hart, interrupt: interrupt)
    if level { highHartLines.insert(line) } else { highHartLines.remove(line) }
  }

  func isHigh(_ interrupt: HartInterrupt, hart: Int) -> Bool {
    highHartLines.contains(HartLine(hart: hart, interrupt: interrupt))
  }

  /// Time passes, for the wall clock too.
  func pass(ticks: UInt64) {
    now.time += ticks * 100
    testGate.wallClock += ticks * 100
  }

  func consoleOutput(_ byte: UInt8) { testGate.consoleOutput(byte, at: now) }
  func timersChanged() { timerChangeCount += 1 }
  func requestPowerOff(status: UInt32) { powerOffStatus = status }
  func requestReset() { resetCount += 1 }
}

/// A gate with a clock that the test sets and entropy that counts up; it notes all else.
final class DeviceTestGate: Gate {
  var wallClock: UInt64 = 0
  private(set) var wallClockReadCount = 0
  private(set) var entropyCounts: [Int] = []
  private(set) var output: [UInt8] = []
  private(set) var outputMoments: [Moment] = []
  private(set) var requests: [BlockRequest] = []
  private(set) var frames: [NetworkFrame] = []

  func readWallClock(at moment: Moment) -> UInt64 {
    wallClockReadCount += 1
    return wallClock
  }

  func readEntropy(count: Int, at moment: Moment) -> [UInt8] {
    entropyCounts.append(count)
    return (0..<count).map { UInt8(truncatingIfNeeded: $0 + entropyCounts.count) }
  }

  func nextPoll(after moment: Moment) -> UInt64 { .max }
  func takeArrival(at moment: Moment) -> Arrival? { nil }
  func idle(at moment: Moment, until deadline: UInt64?) -> IdleEnd { .stop }

  func consoleOutput(_ byte: UInt8, at moment: Moment) {
    output.append(byte)
    outputMoments.append(moment)
  }

  func blockRequest(_ request: BlockRequest, at moment: Moment) { requests.append(request) }
  func frameOutput(_ frame: NetworkFrame, at moment: Moment) { frames.append(frame) }
  func forgetFrames() { frames.removeAll() }
  func forgetRequests() { requests.removeAll() }
}

extension Device {
  func savedBytes() -> [UInt8] {
    var writer = ByteWriter()
    save(to: &writer)
    return writer.bytes
  }

  /// Restores all of `bytes`; some left over are an error too.
  func restoreAll(_ bytes: [UInt8]) throws(ByteCodingError) {
    var reader = ByteReader(bytes)
    try restore(from: &reader)
    if !reader.isAtEnd { throw .malformed(offset: reader.offset, what: "bytes left over") }
  }

  func read8(_ offset: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: read(offset: offset, size: 1)) }
  func write8(_ offset: UInt64, _ value: UInt8) { write(offset: offset, size: 1, value: UInt64(value)) }
  func read32(_ offset: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: read(offset: offset, size: 4)) }
  func write32(_ offset: UInt64, _ value: UInt32) { write(offset: offset, size: 4, value: UInt64(value)) }
  func read64(_ offset: UInt64) -> UInt64 { read(offset: offset, size: 8) }
  func write64(_ offset: UInt64, _ value: UInt64) { write(offset: offset, size: 8, value: value) }
}
