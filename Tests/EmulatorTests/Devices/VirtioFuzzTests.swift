// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import Foundation
import TestSupport
import Testing

/// A driver that does whatever a seed says: whatever it leaves in guest memory and writes to registers, the
/// devices go on, ask the gate only for what is sound, and stay in states that can be saved and restored.
@Suite struct VirtioFuzzTests {
  typealias Driver = VirtioTestDriver

  /// Counts of what happened, so that a run that exercises nothing fails.
  struct Tally {
    var requests = 0
    var completions = 0
    var entropyRequests = 0
    var used = 0
    var violations = 0
    var framesIn = 0
    var framesOut = 0
  }

  /// Bouts with a driver for each seed and kind of drive; `make rings` has many more.
  private static let boutCount =
    ProcessInfo.processInfo.environment["RRTOOL_RING_BOUTS"].flatMap(Int.init) ?? 20_000

  @Test(arguments: [0x5eed_0001, 0x5eed_0002, 0x5eed_0003] as [UInt64])
  func randomRings(seed: UInt64) throws {
    print("virtio ring seed \(seed)")
    var random = SeededGenerator(seed: seed)
    var tally = Tally()
    for isReadOnly in [false, true] {
      let machine = FuzzMachine(isReadOnly: isReadOnly)
      for iteration in 0..<Self.boutCount {
        try machine.step(&random, tally: &tally, label: "seed \(seed), iteration \(iteration)")
      }
    }
    print("virtio ring seed \(seed): \(tally)")
    #expect(tally.requests > 1000 && tally.completions > 1000 && tally.entropyRequests > 1000)
    #expect(tally.used > 1000 && tally.violations > 1000)
    #expect(tally.framesIn > 100 && tally.framesOut > 100)
  }

  @Test(arguments: [0xacce_5501, 0xacce_5502] as [UInt64]) func randomRegisterAccesses(seed: UInt64) {
    print("virtio register seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let machine = FuzzMachine(isReadOnly: false)
    for _ in 0..<100_000 {
      let transport = machine.transports[Int.random(in: 0..<4, using: &random)]
      let size = [1, 2, 4, 4, 4, 4, 8].randomElement(using: &random) ?? 4
      let limit: UInt64 = Bool.random(using: &random) ? 0x140 : 0x1000
      let offset = UInt64.random(in: 0..<limit, using: &random) / UInt64(size) * UInt64(size)
      if Bool.random(using: &random) {
        _ = transport.read(offset: offset, size: size)
      } else {
        transport.write(offset: offset, size: size, value: machine.interestingNumber(&random))
      }
    }
  }

  /// Saved states with flipped bytes either are refused, or give a device that works and saves what it was
  /// given.
  @Test(arguments: [0xbad_0001, 0xbad_0002] as [UInt64]) func randomStates(seed: UInt64) throws {
    print("virtio state seed \(seed)")
    var random = SeededGenerator(seed: seed)
    var tally = Tally()
    var accepted = 0
    var refused = 0
    let machine = FuzzMachine(isReadOnly: false)
    for iteration in 0..<10_000 {
      try machine.step(&random, tally: &tally, label: "seed \(seed), iteration \(iteration)")
      let index = iteration % 4
      var bytes = machine.transports[index].savedBytes()
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      let other = FuzzMachine(isReadOnly: false)
      do {
        try other.transports[index].restoreAll(bytes)
        #expect(other.transports[index].savedBytes() == bytes, "seed \(seed), iteration \(iteration)")
        other.transports[index].write32(0x50, 0)
        accepted += 1
      } catch {
        refused += 1
      }
    }
    #expect(accepted > 100 && refused > 100)
  }
}

/// A block, an entropy, a console and a network device in a small memory, where random addresses often hit.
private final class FuzzMachine {
  static let memorySize: UInt64 = 1 << 16

  let board = DeviceTestBoard(
    memorySize: FuzzMachine.memorySize,
    networkCards: [MachineConfiguration.NetworkCard(address: .standard(0), mtu: 1500)])
  let serialPort: SerialPort
  let isReadOnly: Bool
  let block: VirtioBlock
  let card: VirtioNetwork
  let transports: [VirtioTransport]
  /// Requests whose completions have not come.
  var pending: [BlockRequest] = []
  var nextID: UInt64 = 0

  init(isReadOnly: Bool) {
    self.isReadOnly = isReadOnly
    serialPort = SerialPort(board: board)
    card = VirtioNetwork(board: board, interface: 0)
    let network = VirtioTransport(board: board, slot: 3, device: card)
    let (block, others) = Self.makeDevices(board: board, serialPort: serialPort, isReadOnly: isReadOnly)
    self.block = block
    transports = others + [network]
  }

  private static func makeDevices(
    board: DeviceTestBoard, serialPort: SerialPort, isReadOnly: Bool
  ) -> (VirtioBlock, [VirtioTransport]) {
    let drive = MachineConfiguration.Drive(sectorCount: 64, isReadOnly: isReadOnly, serial: "fuzz")
    let block = VirtioBlock(board: board, driveIndex: 0, drive: drive)
    return (
      block,
      [
        VirtioTransport(board: board, slot: 0, device: block),
        VirtioTransport(board: board, slot: 1, device: VirtioEntropy(board: board)),
        VirtioTransport(board: board, slot: 2, device: VirtioConsole(board: board, serialPort: serialPort)),
      ]
    )
  }

  /// Small numbers, addresses in and around memory, powers of two and their neighbours, and anything.
  func interestingNumber(_ random: inout SeededGenerator) -> UInt64 {
    switch Int.random(in: 0..<5, using: &random) {
    case 0: UInt64.random(in: 0..<16, using: &random)
    case 1: address(&random)
    case 2: 1 << UInt64.random(in: 0..<64, using: &random)
    case 3: (1 << UInt64.random(in: 0..<64, using: &random)) &- 1
    default: random.next()
    }
  }

  private func address(_ random: inout SeededGenerator) -> UInt64 {
    let offset = UInt64.random(in: 0..<Self.memorySize + 64, using: &random)
    return MemoryMap.memoryBase + (Bool.random(using: &random) ? offset & ~15 : offset)
  }

  /// One bout with a driver: a fresh start now and then, some descriptors, some heads, a notification,
  /// completions.
  func step(
    _ random: inout SeededGenerator, tally: inout VirtioFuzzTests.Tally, label: String
  ) throws {
    let index = Int.random(in: 0..<transports.count, using: &random)
    let transport = transports[index]
    let queue = index >= 2 ? Int.random(in: 0..<(index == 2 ? 2 : 3), using: &random) : 0
    let driver = VirtioTestDriver(board: board, transport: transport, size: 8, queue: queue)
    if index == 2 { serialPort.receive(Array("typed".utf8)) }
    if transport.read32(0x70) != 15 || Int.random(in: 0..<16, using: &random) == 0 {
      if transport.read32(0x70) & 0x40 != 0 { tally.violations += 1 }
      // Those of the rings, and of a network card.
      driver.start(
        features: UInt64.random(in: 0..<4, using: &random) << 28
          | (index == 3 ? random.next() & 0x00ff_ffff : 0))
      if Int.random(in: 0..<8, using: &random) == 0 {
        // Rings anywhere, on top of each other or of buffers.
        transport.write32(0x44, 0)
        transport.write32(0x38, [1, 2, 8, 64].randomElement(using: &random) ?? 8)
        driver.setRings(descriptors: address(&random), driver: address(&random), device: address(&random))
        transport.write32(0x44, 1)
      }
    }
    fillTables(driver, &random)
    board.memory.store(
      [0, 0, 1, 1, 4, 8, 11, 13, 99].randomElement(using: &random) ?? 0 as UInt32, at: Driver.buffers)
    board.memory.store(UInt64.random(in: 0..<66, using: &random), at: Driver.buffers + 8)

    let used = driver.usedIndex
    let entropy = board.testGate.entropyCounts.count
    let ahead: UInt16 = Int.random(in: 0..<16, using: &random) == 0 ? 100 : 3
    for slot in 0..<8 as Range<UInt64> {
      let isWild = Int.random(in: 0..<20, using: &random) == 0
      let head =
        isWild ? UInt16.random(in: 0..<9, using: &random) : [0, 3].randomElement(using: &random) ?? 0
      board.memory.store(head, at: Driver.driverRing + 4 + slot * 2)
    }
    let taken = board.memory.load(UInt16.self, at: Driver.driverRing + 2) ?? 0
    board.memory.store(
      taken &+ UInt16.random(in: 0..<ahead, using: &random), at: Driver.driverRing + 2)
    driver.notify()
    if index == 3 { try exchangeFrames(&random, tally: &tally, label: label) }
    // A used ring elsewhere says nothing here.
    if driver.usedIndex &- used < 100 { tally.used += Int(driver.usedIndex &- used) }
    tally.entropyRequests += board.testGate.entropyCounts.count - entropy
    try takeRequests(tally: &tally, label: label)
    while pending.count > 20 || !pending.isEmpty && Bool.random(using: &random) {
      try completeOne(&random, tally: &tally, label: label)
    }
    if transport.read32(0x60) & 1 != 0 { transport.write32(0x64, 1) }
  }

  private typealias Driver = VirtioTestDriver

  /// Frames come in whenever they do; those that go out are such as a wire carries.
  private func exchangeFrames(
    _ random: inout SeededGenerator, tally: inout VirtioFuzzTests.Tally, label: String
  ) throws {
    for frame in board.testGate.frames {
      try #require(NetworkFrame.isPossible(byteCount: frame.bytes.count) && frame.interface == 0, "\(label)")
    }
    tally.framesOut += board.testGate.frames.count
    board.testGate.forgetFrames()
    for _ in 0..<Int.random(in: 0..<4, using: &random) {
      if card.room == .open { tally.framesIn += 1 }
      let count = Int.random(in: 14..<2000, using: &random)
      card.receive((0..<count).map { _ in UInt8.random(in: 0...255, using: &random) })
    }
    if Int.random(in: 0..<64, using: &random) == 0 { card.setLink(isUp: Bool.random(using: &random)) }
  }

  /// Chains that are mostly sound, in the descriptor table and in an indirect one.
  private func fillTables(_ driver: VirtioTestDriver, _ random: inout SeededGenerator) {
    let table = Driver.buffers + 0x200
    for index in 0..<8 {
      for place in [Driver.descriptors, table] {
        let isWild = Int.random(in: 0..<24, using: &random) == 0
        let position = index % 3
        var flags: UInt16 = position == 2 ? Driver.write : Driver.next
        if position == 1, Bool.random(using: &random) { flags |= Driver.write }
        var address = position == 0 ? Driver.buffers : Driver.buffers + 0x400
        var count = position == 0 ? 16 : position == 1 ? 512 * Int.random(in: 1...3, using: &random) : 1
        if position == 0, place == Driver.descriptors, Int.random(in: 0..<6, using: &random) == 0 {
          (address, count, flags) = (table, 48, Driver.indirect)
        }
        if isWild {
          switch Int.random(in: 0..<3, using: &random) {
          case 0: address = interestingNumber(&random)
          case 1: count = Int(UInt32(truncatingIfNeeded: interestingNumber(&random)))
          default: flags = UInt16.random(in: 0..<8, using: &random)
          }
        }
        driver.setDescriptor(
          index, address: address, count: count, flags: flags,
          next: isWild ? Int(random.next() % 9) : index + 1,
          table: place)
      }
    }
  }

  /// What the gate is asked for must be sound, and its ids in order.
  private func takeRequests(tally: inout VirtioFuzzTests.Tally, label: String) throws {
    for request in board.testGate.requests {
      try #require(request.id == nextID && request.drive == 0, "\(label)")
      nextID += 1
      let sectors: UInt64
      switch request.operation {
      case .read(let count):
        try #require(count > 0 && count % 512 == 0, "\(label)")
        sectors = UInt64(count / 512)
      case .write(let data):
        try #require(!isReadOnly && !data.isEmpty && data.count % 512 == 0, "\(label)")
        sectors = UInt64(data.count / 512)
      case .flush: sectors = 0
      case .discard(let count), .writeZeroes(let count, _):
        try #require(!isReadOnly && count > 0, "\(label)")
        sectors = count
      }
      try #require(request.sector <= 64 && sectors <= 64 - request.sector, "\(label)")
      pending.append(request)
      tally.requests += 1
    }
    board.testGate.forgetRequests()
  }

  private func completeOne(
    _ random: inout SeededGenerator, tally: inout VirtioFuzzTests.Tally, label: String
  ) throws {
    let request = pending.remove(at: Int.random(in: 0..<pending.count, using: &random))
    let succeeded = Int.random(in: 0..<4, using: &random) != 0
    var data: [UInt8] = []
    if succeeded, case .read(let count) = request.operation {
      data = [UInt8](repeating: UInt8(truncatingIfNeeded: random.next()), count: count)
    }
    let completion = BlockCompletion(drive: 0, id: request.id, succeeded: succeeded, data: data)
    try #require(block.complete(completion), "\(label)")
    try #require(!block.complete(completion), "\(label)")
    tally.completions += 1
    try takeRequests(tally: &tally, label: label)
  }
}
