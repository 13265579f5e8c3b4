// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import Execution
import HostSystem
import Networking

/// A network card, and what reads frames on their way to it.
extension FuzzTarget {
  private enum Step: UInt8 {
    case setRegister, fillMemory, bringFrame, setLink
  }

  private static let memorySize: UInt64 = 4 << 20

  /// Lets everything pass, and insists on what a card may send.
  private final class Wire: Gate {
    func readWallClock(at moment: Moment) -> UInt64 { 0 }
    func readEntropy(count: Int, at moment: Moment) -> [UInt8] { [UInt8](repeating: 0, count: count) }
    func nextPoll(after moment: Moment) -> UInt64 { .max }
    func takeArrival(at moment: Moment) -> Arrival? { nil }
    func idle(at moment: Moment, until deadline: UInt64?) -> IdleEnd { .stop }
    func consoleOutput(_ byte: UInt8, at moment: Moment) {}
    func blockRequest(_ request: BlockRequest, at moment: Moment) {}
    func frameOutput(_ frame: NetworkFrame, at moment: Moment) {
      precondition(NetworkFrame.isPossible(byteCount: frame.bytes.count))
    }
  }

  /// A driver that writes to registers and memory, and a wire that brings frames, as the bytes say.
  static func driveNetworkCard(_ bytes: [UInt8]) throws {
    var configuration = MachineConfiguration(memorySize: memorySize, hartCount: 1, shift: 0, drives: [])
    configuration.networkCards = [.init(address: .standard(0), mtu: 1500)]
    var images = BootImages(commandLine: "")
    images.bios = [0x6f, 0, 0, 0]
    let wire = Wire()
    let machine = Machine(
      configuration: configuration, plan: try BootPlan(images: images, configuration: configuration),
      gate: wire)
    let card = VirtioNetwork(board: machine, interface: 0)
    let transport = VirtioTransport(board: machine, slot: 0, device: card)
    var reader = ByteReader(bytes)
    while !reader.isAtEnd {
      guard let step = Step(rawValue: try reader.uint8() & 3) else { return }
      switch step {
      case .setRegister:
        transport.write(offset: UInt64(try reader.uint8()) * 4, size: 4, value: UInt64(try reader.uint32()))
      case .fillMemory:
        let offset = UInt64(try reader.uint16())
        machine.memory.write(Array(try reader.counted()), at: MemoryMap.memoryBase + offset)
      case .bringFrame: card.receive(Array(try reader.counted()))
      case .setLink: card.setLink(isUp: try reader.uint8() & 1 != 0)
      }
    }
    var writer = ByteWriter()
    transport.save(to: &writer)
  }

  /// A driver that does it right: three queues, buffers, a frame in, a frame out to be cut, a command.
  static func networkDriver() -> [UInt8] {
    var writer = ByteWriter()
    func set(_ register: UInt64, _ value: UInt32) {
      writer.uint8(Step.setRegister.rawValue)
      writer.uint8(UInt8(register / 4))
      writer.uint32(value)
    }
    func fill(_ offset: UInt16, _ bytes: [UInt8]) {
      writer.uint8(Step.fillMemory.rawValue)
      writer.uint16(offset)
      writer.counted(bytes)
    }
    func descriptor(_ address: UInt64, _ count: UInt32, _ flags: UInt16, _ next: UInt16) -> [UInt8] {
      var part = ByteWriter()
      part.uint64(MemoryMap.memoryBase + address)
      part.uint32(count)
      part.uint16(flags)
      part.uint16(next)
      return part.bytes
    }
    for status: UInt32 in [0, 1, 3] { set(0x70, status) }
    for (half, value) in [(0, 0x30bf_9827), (1, 1)] as [(UInt32, UInt32)] {
      set(0x24, half)
      set(0x20, value)
    }
    set(0x70, 11)
    for queue in 0..<3 as Range<UInt32> {
      let base = 0x8000_1000 + queue * 0x1000
      set(0x30, queue)
      set(0x38, 4)
      for (register, offset) in [(0x80, 0), (0x90, 0x100), (0xa0, 0x200)] as [(UInt64, UInt32)] {
        set(register, base + offset)
        set(register + 4, 0)
      }
      set(0x44, 1)
    }
    set(0x70, 15)
    fill(0x1000, descriptor(0x8000, 100, 2, 0) + descriptor(0x8100, 1530, 2, 0))
    fill(0x1100, [0, 0, 2, 0, 0, 0, 1, 0])
    let frame =
      MACAddress.standard(0).bytes + MACAddress.standard(1).bytes
      + [8, 0, 0x45, 0, 0, 60, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 2, 2, 10, 0, 2, 15]
      + [UInt8](repeating: 0x50, count: 140)
    writer.uint8(Step.bringFrame.rawValue)
    writer.counted(frame)
    fill(0x9000, [1, 1, 0, 0, 50, 0, 34, 0, 16, 0, 0, 0] + frame)
    fill(0x2000, descriptor(0x9000, UInt32(12 + frame.count), 0, 0))
    fill(0x2100, [0, 0, 1, 0, 0, 0])
    set(0x50, 1)
    fill(0xa000, [1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x33, 0x33, 0, 0, 0, 1, 0xee])
    fill(0x3000, descriptor(0xa000, 16, 1, 1) + descriptor(0xa010, 1, 2, 0))
    fill(0x3100, [0, 0, 1, 0, 0, 0])
    set(0x50, 2)
    writer.uint8(Step.setLink.rawValue)
    writer.uint8(0)
    return writer.bytes
  }

  /// What a peer sends over a stream, and what the host's connections and the guest say.
  static func readFrames(_ bytes: [UInt8]) {
    var framing = StreamFraming()
    var early = EarlyConnections(address: MACAddress.standard(0).bytes)
    guard let frames = framing.take(bytes[...]) else { return }
    for (index, frame) in frames.enumerated() {
      let now = UInt64(index) * 300_000_000
      _ = index % 2 == 0 ? early.fromNetwork(frame, at: now) : nil
      _ = index % 2 == 1 ? early.fromGuest(frame, at: now) : true
      _ = early.due(at: now)
    }
  }

  static func framesOfAStream() -> [UInt8] {
    let syn =
      MACAddress.standard(0).bytes + MACAddress.standard(1).bytes
      + [8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 2, 2, 10, 0, 2, 15, 0xc0, 1, 0, 22]
      + [0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 1, 0, 0, 0, 0, 0]
    var refusal = syn
    refusal.replaceSubrange(26..<38, with: [10, 0, 2, 15, 10, 0, 2, 2, 0, 22, 0xc0, 1])
    refusal[47] = 0x14
    return [syn, refusal, syn, refusal].flatMap { StreamFraming.head(of: $0) + $0 }
  }
}
