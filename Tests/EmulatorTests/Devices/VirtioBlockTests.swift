// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import Testing

@Suite struct VirtioBlockTests {
  typealias Driver = VirtioTestDriver

  static let header = Driver.buffers
  static let status = Driver.buffers + 0x100
  static let data = Driver.buffers + 0x1000

  let board = DeviceTestBoard()
  let block: VirtioBlock
  let transport: VirtioTransport
  let driver: VirtioTestDriver

  init() {
    (block, transport, driver) = Self.make(board: board, isReadOnly: false)
    driver.start()
  }

  private static func make(
    board: DeviceTestBoard, isReadOnly: Bool, size: Int = 8
  ) -> (VirtioBlock, VirtioTransport, VirtioTestDriver) {
    let drive = MachineConfiguration.Drive(sectorCount: 1000, isReadOnly: isReadOnly, serial: "disk-serial")
    let block = VirtioBlock(board: board, driveIndex: 2, drive: drive)
    let transport = VirtioTransport(board: board, slot: 0, device: block)
    return (block, transport, VirtioTestDriver(board: board, transport: transport, size: size))
  }

  private var requests: [BlockRequest] { board.testGate.requests }
  private var statusByte: UInt8? { board.memory.load(UInt8.self, at: Self.status) }

  /// Asks for one thing with chain 0, after setting the status byte to something it never becomes.
  private func request(
    _ type: UInt32, sector: UInt64 = 0, _ parts: [(address: UInt64, count: Int, isWritable: Bool)] = []
  ) {
    board.memory.store(type, at: Self.header)
    board.memory.store(sector, at: Self.header + 8)
    board.memory.store(0xaa as UInt8, at: Self.status)
    driver.setChain([(Self.header, 16, false)] + parts + [(Self.status, 1, true)])
    driver.makeAvailable(0)
    driver.notify()
  }

  private func complete(_ id: UInt64, data: [UInt8] = [], succeeded: Bool = true) -> Bool {
    block.complete(BlockCompletion(drive: 2, id: id, succeeded: succeeded, data: data))
  }

  private func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + 3) } }

  @Test func configurationSpace() {
    #expect(transport.read32(8) == 2)
    #expect(transport.read32(0x10) == 0x3000_0000 | 1 << 1 | 1 << 2 | 1 << 6 | 1 << 9 | 1 << 13 | 1 << 14)
    #expect(transport.read64(0x100) == 1000)
    #expect(transport.read32(0x108) == 256 << 10)
    #expect(transport.read32(0x10c) == 254)
    #expect(transport.read32(0x114) == 512)
    #expect(transport.read(offset: 0x122, size: 2) == 1)
    #expect(transport.read32(0x124) == 0x3f_ffff && transport.read32(0x128) == 16)
    #expect(transport.read32(0x130) == 0x3f_ffff && transport.read32(0x134) == 16)
    #expect(transport.read8(0x138) == 1)
    // There it ends; all ones follow, as on QEMU.
    #expect(transport.read32(0x138) == .max && transport.read32(0x13c) == .max)
    transport.write32(0x100, 7)
    #expect(transport.read32(0x100) == 1000)
  }

  @Test func readIsAnsweredByItsCompletion() {
    request(0, sector: 998, [(Self.data, 512, true), (Self.data + 1024, 512, true)])
    #expect(requests == [BlockRequest(drive: 2, id: 0, sector: 998, operation: .read(byteCount: 1024))])
    #expect(driver.usedIndex == 0 && statusByte == 0xaa && !board.highSources.contains(1))
    let bytes = pattern(1024)
    #expect(complete(0, data: bytes))
    #expect(board.memory.read(at: Self.data, count: 512) == Array(bytes[..<512]))
    #expect(board.memory.read(at: Self.data + 512, count: 512) == [UInt8](repeating: 0, count: 512))
    #expect(board.memory.read(at: Self.data + 1024, count: 512) == Array(bytes[512...]))
    #expect(statusByte == 0 && driver.used(0) == [0, 1025] && board.highSources.contains(1))
  }

  @Test func failedReadLeavesMemoryAlone() {
    request(0, [(Self.data, 512, true)])
    #expect(complete(0, succeeded: false))
    #expect(statusByte == 1 && driver.used(0) == [0, 1])
    #expect(board.memory.read(at: Self.data, count: 512) == [UInt8](repeating: 0, count: 512))
  }

  @Test func writeTakesItsDataWhenItIsMade() {
    let bytes = pattern(1536)
    board.memory.write(bytes, at: Self.data)
    request(1, sector: 5, [(Self.data, 1000, false), (Self.data + 1000, 536, false)])
    board.memory.write([UInt8](repeating: 9, count: 1536), at: Self.data)
    #expect(requests == [BlockRequest(drive: 2, id: 0, sector: 5, operation: .write(bytes))])
    #expect(complete(0))
    #expect(statusByte == 0 && driver.used(0) == [0, 1])
  }

  /// Drivers may cut a request up as they like (2.7.4.1): header, data and status share descriptors here.
  @Test func framingDoesNotMatter() {
    board.memory.store(0 as UInt32, at: Self.header)
    board.memory.store(3 as UInt64, at: Self.header + 8)
    driver.setChain([(Self.header, 5, false), (Self.header + 5, 11, false), (Self.data, 513, true)])
    driver.makeAvailable(0)
    driver.notify()
    #expect(requests == [BlockRequest(drive: 2, id: 0, sector: 3, operation: .read(byteCount: 512))])
    #expect(complete(0, data: pattern(512)))
    #expect(board.memory.read(at: Self.data, count: 513) == pattern(512) + [0])
  }

  @Test func flushAndIdentification() {
    request(4)
    #expect(requests == [BlockRequest(drive: 2, id: 0, sector: 0, operation: .flush)])
    #expect(complete(0) && statusByte == 0)
    request(8, [(Self.data, 20, true)])
    #expect(statusByte == 0 && driver.used(1) == [0, 21])
    #expect(
      board.memory.read(at: Self.data, count: 20) == Array("disk-serial".utf8)
        + [UInt8](repeating: 0, count: 9))
    #expect(requests.count == 1)
  }

  @Test func rangesOfDiscardAndWriteZeroes() {
    func setRange(_ index: UInt64, sector: UInt64, count: UInt32, flags: UInt32) {
      board.memory.store(sector, at: Self.data + index * 16)
      board.memory.store(count, at: Self.data + index * 16 + 8)
      board.memory.store(flags, at: Self.data + index * 16 + 12)
    }
    setRange(0, sector: 10, count: 5, flags: 0)
    setRange(1, sector: 999, count: 1, flags: 0)
    request(11, [(Self.data, 32, false)])
    #expect(
      requests == [
        BlockRequest(drive: 2, id: 0, sector: 10, operation: .discard(sectorCount: 5)),
        BlockRequest(drive: 2, id: 1, sector: 999, operation: .discard(sectorCount: 1)),
      ])
    // Answered when both parts are, in whatever order, and failed if one of them did.
    #expect(complete(1, succeeded: false))
    #expect(!complete(1) && driver.usedIndex == 0)
    #expect(complete(0))
    #expect(statusByte == 1 && driver.usedIndex == 1)

    board.testGate.forgetRequests()
    setRange(0, sector: 0, count: 1000, flags: 1)
    setRange(1, sector: 7, count: 0, flags: 0)
    setRange(2, sector: 7, count: 2, flags: 0)
    request(13, [(Self.data, 48, false)])
    #expect(
      requests == [
        BlockRequest(
          drive: 2, id: 2, sector: 0, operation: .writeZeroes(sectorCount: 1000, mayUnmap: true)),
        BlockRequest(drive: 2, id: 3, sector: 7, operation: .writeZeroes(sectorCount: 2, mayUnmap: false)),
      ])
    #expect(complete(2) && complete(3) && statusByte == 0)

    board.testGate.forgetRequests()
    request(13, [(Self.data + 16, 16, false)])
    #expect(statusByte == 0)
    setRange(0, sector: 0, count: 1, flags: 1)
    request(11, [(Self.data, 16, false)])
    #expect(statusByte == 2)
    setRange(0, sector: 0, count: 1, flags: 2)
    request(13, [(Self.data, 16, false)])
    #expect(statusByte == 2)
    setRange(0, sector: 999, count: 2, flags: 0)
    for type in [11, 13] as [UInt32] {
      request(type, [(Self.data, 16, false)])
      #expect(statusByte == 1)
    }
    for count in [1, 15, 17, 17 * 16] {
      request(11, [(Self.data, count, false)])
      #expect(statusByte == 1)
    }
    request(11)
    #expect(statusByte == 1)
    #expect(requests.isEmpty && !driver.needsReset)
  }

  @Test func impossibleTransfersFailAtOnce() {
    for (type, sector, count) in [
      (0, 1000, 512), (0, 999, 1024), (0, 0, 511), (0, .max, 512), (1, 1000, 512), (1, 0, 513),
      (1, 1 << 62, 512),
    ] as [(UInt32, UInt64, Int)] {
      request(type, sector: sector, [(Self.data, count, type == 0)])
      #expect(statusByte == 1)
    }
    for type in [2, 3, 7, 10, 14, .max] as [UInt32] {
      request(type)
      #expect(statusByte == 2)
    }
    request(0, sector: 1000)
    #expect(statusByte == 0)
    #expect(requests.isEmpty)
  }

  @Test func requestsWithoutHeaderOrStatusBreakTheDevice() {
    driver.setChain([(Self.header, 15, false), (Self.status, 1, true)])
    driver.makeAvailable(0)
    driver.notify()
    #expect(driver.needsReset)
    driver.start()
    driver.setChain([(Self.header, 16, false)])
    driver.makeAvailable(0)
    driver.notify()
    #expect(driver.needsReset && driver.usedIndex == 0)
  }

  @Test func readOnlyDriveRefusesChanges() {
    let (block, transport, driver) = Self.make(board: board, isReadOnly: true)
    driver.start()
    #expect(transport.read32(0x10) == 0x3000_0000 | 1 << 1 | 1 << 2 | 1 << 5 | 1 << 6 | 1 << 9)
    board.memory.store(0 as UInt64, at: Self.data)
    board.memory.store(1 as UInt64, at: Self.data + 8)
    for (type, count, status) in [(1, 512, 1), (11, 16, 2), (13, 16, 2)] as [(UInt32, Int, UInt8)] {
      board.memory.store(type, at: Self.header)
      driver.setChain([(Self.header, 16, false), (Self.data, count, false), (Self.status, 1, true)])
      driver.makeAvailable(0)
      driver.notify()
      #expect(statusByte == status)
    }
    #expect(requests.isEmpty)
    #expect(!block.complete(BlockCompletion(drive: 2, id: 0, succeeded: true, data: [])))
  }

  @Test func completionsThatFitNothingAreReported() {
    request(0, [(Self.data, 512, true)])
    let saved = transport.savedBytes()
    #expect(!complete(1, data: pattern(512)))
    #expect(!complete(0, data: pattern(511)))
    #expect(!complete(0))
    #expect(!complete(0, data: pattern(512), succeeded: false))
    #expect(!block.complete(BlockCompletion(drive: 1, id: 0, succeeded: true, data: pattern(512))))
    #expect(transport.savedBytes() == saved && driver.usedIndex == 0)
    #expect(complete(0, data: pattern(512)))
    #expect(!complete(0, data: pattern(512)))
  }

  @Test func resetForgetsWhoAskedButNotWhatIsUnderWay() {
    request(0, [(Self.data, 512, true)])
    driver.start()
    request(4)
    #expect(requests.map(\.id) == [0, 1])
    #expect(complete(0, data: pattern(512)))
    #expect(driver.usedIndex == 0 && statusByte == 0xaa)
    #expect(board.memory.read(at: Self.data, count: 512) == [UInt8](repeating: 0, count: 512))
    #expect(complete(1) && driver.usedIndex == 1)
  }

  @Test func moreThanTheLimitWaitsForCompletions() {
    let (block, transport, driver) = Self.make(board: board, isReadOnly: false)
    driver.start()
    board.memory.store(1 as UInt32, at: Self.header)
    // A device reset does not make room: what is under way is still under way.
    var submitted = 0
    while true {
      driver.start()
      driver.setChain([(Self.header, 16, false), (Self.data, 512_000, false), (Self.status, 1, true)])
      for _ in 0..<8 { driver.makeAvailable(0) }
      driver.notify()
      if requests.count == submitted { break }
      submitted = requests.count
    }
    #expect(submitted == ((256 << 20) + 511_999) / 512_000)
    #expect(driver.usedIndex == 0)
    // The first completion makes room for one more, without another notification.
    let saved = transport.savedBytes()
    #expect(block.complete(BlockCompletion(drive: 2, id: 0, succeeded: true, data: [])))
    #expect(requests.count == submitted + 1)
    let (_, copy, _) = Self.make(board: board, isReadOnly: false)
    #expect(throws: Never.self) { try copy.restoreAll(saved) }
    #expect(copy.savedBytes() == saved)
  }

  @Test func stateRoundTripWithRequestsUnderWay() throws {
    request(0, sector: 1, [(Self.data, 512, true), (Self.data + 4096, 512, true)])
    request(1, sector: 2, [(Self.data, 512, false)])
    driver.start()
    board.memory.store(10 as UInt64, at: Self.data)
    board.memory.store(1 as UInt64, at: Self.data + 8)
    board.memory.store(20 as UInt64, at: Self.data + 16)
    board.memory.store(1 as UInt64, at: Self.data + 24)
    request(11, [(Self.data, 32, false)])
    #expect(complete(2, succeeded: false))
    request(0, sector: 1, [(Self.data, 512, true), (Self.data + 4096, 512, true)])
    let saved = transport.savedBytes()
    let (copy, copyTransport, _) = Self.make(board: board, isReadOnly: false)
    try copyTransport.restoreAll(saved)
    #expect(copyTransport.savedBytes() == saved)

    func finish(_ block: VirtioBlock, _ id: UInt64, _ data: [UInt8]) -> Bool {
      block.complete(BlockCompletion(drive: 2, id: id, succeeded: true, data: data))
    }
    #expect(finish(copy, 0, pattern(1024)) && finish(copy, 1, []))
    #expect(driver.usedIndex == 0)
    #expect(!finish(copy, 2, []))
    #expect(finish(copy, 4, pattern(1024)))
    #expect(driver.used(0) == [0, 1025])
    #expect(board.memory.read(at: Self.data + 4096, count: 512) == Array(pattern(1024)[512...]))
    #expect(finish(copy, 3, []))
    #expect(driver.usedIndex == 2 && statusByte == 1)
  }

  @Test func badStateIsRefused() {
    request(0, sector: 1, [(Self.data, 512, true)])
    request(4)
    let saved = transport.savedBytes()
    for count in 0..<saved.count {
      #expect(throws: ByteCodingError.self) { try transport.restoreAll(Array(saved.prefix(count))) }
    }
    // Offsets count from where the block device's own state begins, after the transport's and the queue's.
    let start = 22 + 35
    let places: [(String, Int, [UInt8])] = [
      ("next id", 7, [0x40]), ("stalled", 8, [2]), ("count", 9, [3]), ("first id", 10, [2]),
      ("parts", 18, [0, 0]), ("parts of a read", 18, [3, 0]), ("read count", 21, [1]),
      ("both counts", 25, [0, 2]), ("destination", 29, [2]), ("status address", 32, [0, 0, 0, 0]),
      ("no ranges", 40, [0]), ("range address", 41, [0, 0, 0, 0]), ("range count", 49, [0, 0]),
      ("id twice", 53, [0]),
    ]
    for (name, offset, bytes) in places {
      var bad = saved
      bad.replaceSubrange(start + offset..<start + offset + bytes.count, with: bytes)
      #expect((bad == saved) == false, "\(name)")
      #expect(throws: ByteCodingError.self, "\(name)") { try transport.restoreAll(bad) }
    }
  }
}
