// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import Testing

/// The network card: frames in and out, what its driver may ask of it, and drivers that do it wrong.
@Suite struct VirtioNetworkTests {
  private enum Feature {
    static let checksum: UInt64 = 1 << 0
    static let guestChecksum: UInt64 = 1 << 1
    static let guestOffloads: UInt64 = 1 << 2
    static let cutsIPv4: UInt64 = 1 << 11
    static let cutsIPv6: UInt64 = 1 << 12
    static let merges: UInt64 = 1 << 15
    static let status: UInt64 = 1 << 16
    static let control: UInt64 = 1 << 17
    static let modes: UInt64 = 1 << 18
    static let vlans: UInt64 = 1 << 19
    static let moreModes: UInt64 = 1 << 20
    static let announce: UInt64 = 1 << 21
    static let setsMAC: UInt64 = 1 << 23
    static let all: UInt64 = 0x00bf_9827
  }

  private let buffers = VirtioTestDriver.buffers
  private let board: DeviceTestBoard
  private let card: VirtioNetwork
  private let transport: VirtioTransport
  private let receiver: VirtioTestDriver
  private let sender: VirtioTestDriver
  private let commander: VirtioTestDriver

  init() { self.init(mtu: nil, virtio: .modern) }

  private init(mtu: UInt16?, virtio: MachineConfiguration.Virtio) {
    board = DeviceTestBoard(
      virtio: virtio, networkCards: [MachineConfiguration.NetworkCard(address: .standard(0), mtu: mtu)])
    card = VirtioNetwork(board: board, interface: 0)
    transport = VirtioTransport(board: board, slot: 6, device: card)
    receiver = VirtioTestDriver(board: board, transport: transport, queue: 0)
    sender = VirtioTestDriver(board: board, transport: transport, queue: 1, ringOffset: 0x400)
    commander = VirtioTestDriver(board: board, transport: transport, queue: 2, ringOffset: 0x800)
  }

  private func start(_ features: UInt64) {
    receiver.start(features: features)
    sender.setUp()
    commander.setUp()
  }

  private func frame(to address: MACAddress = .standard(0), count: Int = 60, _ byte: UInt8 = 7) -> [UInt8] {
    address.bytes + [UInt8](repeating: byte, count: count - 6)
  }

  /// Gives the card buffers of `size` bytes.
  private func offer(_ count: Int, size: Int) {
    for index in 0..<count {
      receiver.setChain([(buffers + UInt64(index * size), size, true)], first: index)
      receiver.makeAvailable(index)
    }
  }

  private func send(header: [UInt8] = [UInt8](repeating: 0, count: 12), _ frame: [UInt8]) -> [[UInt8]] {
    board.testGate.forgetFrames()
    board.memory.write(header + frame, at: buffers + 0x10000)
    sender.setChain([(buffers + 0x10000, header.count + frame.count, false)])
    sender.makeAvailable(0)
    sender.notify()
    return board.testGate.frames.map(\.bytes)
  }

  /// What the card answers to a command: 0 for done.
  private func command(_ bytes: [UInt8]) -> UInt8? {
    board.memory.write(bytes + [0xee], at: buffers + 0x8000)
    commander.setChain([
      (buffers + 0x8000, bytes.count, false), (buffers + 0x8000 + UInt64(bytes.count), 1, true),
    ])
    commander.makeAvailable(0)
    commander.notify()
    return board.memory.read(at: buffers + 0x8000 + UInt64(bytes.count), count: 1)?.first
  }

  @Test func identity() {
    #expect(transport.read32(0x08) == 1)
    for queue in 0..<3 as Range<UInt32> {
      transport.write32(0x30, queue)
      #expect(transport.read32(0x34) == 256)
    }
    transport.write32(0x30, 3)
    #expect(transport.read32(0x34) == 0)
    #expect((0..<6).map { transport.read8(0x100 + $0) } == [0x52, 0x54, 0, 0x12, 0x34, 0x56])
    #expect(transport.read(offset: 0x106, size: 2) == 1, "the link is up")
    #expect(card.features & 8 == 0, "no MTU unless it is given")
  }

  @Test func anMTUIsTold() {
    let other = Self(mtu: 1400, virtio: .modern)
    #expect(other.card.features & 8 != 0)
    #expect(other.transport.read(offset: 0x10a, size: 2) == 1400)
  }

  // MARK: In

  @Test func aFrameComesIn() {
    start(0)
    #expect(card.room == .full)
    offer(2, size: 1530)
    #expect(card.room == .open)
    card.receive(frame())
    #expect(receiver.usedIndex == 1 && receiver.used(0) == [0, 72])
    #expect(board.memory.read(at: buffers, count: 12) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0])
    #expect(board.memory.read(at: buffers + 12, count: 60) == frame())
    #expect(receiver.acknowledge())
  }

  /// A driver that does not merge buffers gets a frame in one, or not at all.
  @Test func aFrameTooLongForItsBufferIsLost() {
    start(0)
    offer(4, size: 64)
    card.receive(frame(count: 60))
    #expect(receiver.usedIndex == 0 && !transport.needsReset)
    card.receive(frame(count: 52))
    #expect(receiver.usedIndex == 1 && receiver.used(0) == [0, 64])
  }

  @Test func buffersAreMerged() {
    start(Feature.merges)
    offer(6, size: 100)
    card.receive(frame(count: 260))
    #expect(receiver.usedIndex == 3)
    #expect(receiver.used(0) == [0, 100] && receiver.used(1) == [1, 100] && receiver.used(2) == [2, 72])
    #expect(board.memory.read(at: buffers + 10, count: 2) == [3, 0])
    #expect(board.memory.read(at: buffers + 12, count: 260) == frame(count: 260))
    // Three are left, and a fourth would be needed: they wait for a smaller one.
    card.receive(frame(count: 300))
    #expect(receiver.usedIndex == 3)
    card.receive(frame(count: 288))
    #expect(receiver.usedIndex == 6 && card.room == .full)
  }

  @Test func withoutADriverFramesAreLost() {
    #expect(card.room == .closed)
    card.receive(frame())
    start(0)
    offer(1, size: 1530)
    transport.write32(0x70, 0)
    #expect(card.room == .closed)
    card.receive(frame())
    #expect(!receiver.acknowledge())
  }

  /// The legacy header has no number of buffers, unless they are merged.
  @Test func theLegacyHeaderIsShorter() {
    let legacy = Self(mtu: nil, virtio: .legacy)
    for (features, size) in [(UInt64(0), 10), (Feature.merges, 12)] {
      legacy.transport.write32(0x70, 0)
      legacy.transport.write32(0x24, 0)
      legacy.transport.write32(0x20, UInt32(features))
      #expect(legacy.card.headerSize == size)
    }
  }

  // MARK: The filter

  @Test func theFilterDoesAsItIsTold() {
    start(Feature.all)
    offer(8, size: 1530)
    var taken: UInt16 = 0
    func passes(_ address: MACAddress) -> Bool {
      card.receive(frame(to: address))
      defer { taken = receiver.usedIndex }
      return receiver.usedIndex != taken
    }
    let stranger = MACAddress(parsing: "02:00:00:00:00:01")!
    let group = MACAddress(parsing: "33:33:00:00:00:01")!
    #expect(passes(stranger), "everything, until the driver says otherwise")
    #expect(command([0, 0, 0]) == 0)
    #expect(!passes(stranger) && !passes(group) && passes(.broadcast) && passes(.standard(0)))
    #expect(command([0, 1, 1]) == 0 && passes(group))
    #expect(command([0, 1, 0]) == 0 && !passes(group))
    #expect(command([1, 0, 1, 0, 0, 0] + stranger.bytes + [1, 0, 0, 0] + group.bytes) == 0)
    #expect(passes(stranger) && passes(group))
    #expect(command([1, 1] + stranger.bytes) == 0)
    #expect(transport.read8(0x105) == 1, "the new address is told")
    #expect(command([0, 5, 1]) == 0 && !passes(.broadcast))
  }

  @Test func vlansAreNamed() {
    start(Feature.all)
    offer(4, size: 1530)
    #expect(command([0, 0, 0]) == 0)
    var tagged = frame()
    tagged.replaceSubrange(12..<16, with: [0x81, 0, 0x20, 5])
    card.receive(tagged)
    #expect(receiver.usedIndex == 0)
    #expect(command([2, 0, 5, 0]) == 0 && command([2, 0, 0, 16]) == 1)
    card.receive(tagged)
    #expect(receiver.usedIndex == 1)
    #expect(command([2, 1, 5, 0]) == 0)
    card.receive(tagged)
    #expect(receiver.usedIndex == 1)
  }

  @Test func commandsThatCannotBe() {
    start(Feature.all & ~Feature.moreModes)
    for bytes in [
      [0, 2, 1], [0, 9, 1], [1, 7], [3, 0], [4, 0, 1, 0], [9, 9], [5, 0, 0xff, 0, 0, 0, 0, 0, 0, 0],
      [1, 0, 0xff, 0xff, 0xff, 0xff], [0, 0], [1, 1, 2],
    ] as [[UInt8]] {
      #expect(command(bytes) == 1, "\(bytes)")
    }
    #expect(!commander.needsReset)
    commander.setChain([(buffers, 1, false), (buffers + 64, 1, true)])
    commander.makeAvailable(0)
    commander.notify()
    #expect(commander.needsReset, "a command without a number")
  }

  // MARK: The link

  @Test func theLinkGoesDownAndUp() {
    start(Feature.status | Feature.control | Feature.announce)
    offer(2, size: 1530)
    card.setLink(isUp: false)
    #expect(transport.read(offset: 0x106, size: 2) == 0 && receiver.interruptStatus == 2)
    #expect(transport.read32(0xfc) == 1, "the configuration's generation")
    #expect(card.room == .closed && send(frame()).isEmpty && sender.usedIndex == 1)
    transport.write32(0x64, 3)
    card.setLink(isUp: true)
    #expect(transport.read(offset: 0x106, size: 2) == 3, "up, and the guest is to tell where it is")
    #expect(command([3, 0]) == 0 && transport.read(offset: 0x106, size: 2) == 1)
    #expect(command([3, 0]) == 1, "nothing is to be told")
    #expect(send(frame()).count == 1)
  }

  // MARK: Out

  @Test func aFrameGoesOut() {
    start(0)
    #expect(send(frame(count: 42)) == [frame(count: 42)], "not padded")
    #expect(sender.usedIndex == 1 && sender.used(0) == [0, 0])
    #expect(send(frame(count: 13)).isEmpty, "no header")
    #expect(send(frame(count: 32_768)).count == 1)
    #expect(send(frame(count: 32_769)).isEmpty)
    // In pieces, cut anywhere.
    board.testGate.forgetFrames()
    board.memory.write([UInt8](repeating: 0, count: 12) + frame(count: 100), at: buffers)
    sender.setChain([(buffers, 5, false), (buffers + 5, 60, false), (buffers + 65, 47, false)])
    sender.makeAvailable(0)
    sender.notify()
    #expect(board.testGate.frames.map(\.bytes) == [frame(count: 100)])
    sender.setChain([(buffers, 11, false)])
    sender.makeAvailable(0)
    sender.notify()
    #expect(sender.needsReset, "no whole header")
  }

  private static func ethernet(_ type: [UInt8]) -> [UInt8] {
    MACAddress.standard(1).bytes + MACAddress.standard(0).bytes + type
  }

  /// 20 bytes from 10.0.2.15 to 10.0.2.2, with `byteCount` bytes behind them.
  private static func ipv4(_ kind: UInt8, byteCount: Int) -> [UInt8] {
    let total = 20 + byteCount
    return [
      0x45, 0, UInt8(total >> 8), UInt8(total & 0xff), 0x12, 0xff, 0x40, 0, 64, kind, 0, 0, 10, 0, 2, 15, 10,
      0,
      2, 2,
    ]
  }

  private static let ipv6Addresses: [UInt8] =
    [0xfe, 0xc0] + [UInt8](repeating: 0, count: 13) + [0x0f] + [0xfe, 0xc0]
    + [UInt8](repeating: 0, count: 13) + [2]

  private static func header(
    flags: UInt8 = 0, cut: UInt8 = 0, pieceSize: Int = 0, start: Int = 0, offset: Int = 0
  ) -> [UInt8] {
    [
      flags, cut, 0, 0, UInt8(pieceSize & 0xff), UInt8(pieceSize >> 8), UInt8(start & 0xff),
      UInt8(start >> 8),
      UInt8(offset & 0xff), UInt8(offset >> 8), 0, 0,
    ]
  }

  /// The sum over 16-bit words, the slow way; right when it is 0xffff over a pseudo-header and all it covers.
  private func sum(_ bytes: [UInt8]) -> Int {
    var sum = 0
    for (index, byte) in bytes.enumerated() { sum += Int(byte) << (index % 2 == 0 ? 8 : 0) }
    while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
    return sum
  }

  /// Whether TCP or UDP over IPv4 in a frame has its right checksum.
  private func isRight(_ frame: [UInt8]) -> Bool {
    let count = frame.count - 34
    return sum(
      [frame[23]].withZero + Array(frame[26..<34]) + [UInt8(count >> 8), UInt8(count & 0xff)] + frame[34...])
      == 0xffff
  }

  @Test func checksumsAreFilledIn() {
    start(Feature.checksum)
    for dataCount in [0, 1, 11, 1000] {
      let udp: [UInt8] = [0, 7, 0, 9, 0, UInt8(truncatingIfNeeded: 8 + dataCount), 0, 0]
      let data = (0..<dataCount).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      var whole = Self.ethernet([8, 0]) + Self.ipv4(17, byteCount: 8 + dataCount) + udp + data
      // As a driver leaves it: the sum over the pseudo-header in the checksum's place.
      let pseudo = sum(
        Array(whole[26..<34]) + [0, 17] + [UInt8((8 + dataCount) >> 8), UInt8((8 + dataCount) & 0xff)])
      whole[40] = UInt8(pseudo >> 8)
      whole[41] = UInt8(pseudo & 0xff)
      let sent = send(header: Self.header(flags: 1, start: 34, offset: 6), whole)
      #expect(sent.count == 1 && sent.first.map(isRight) == true, "\(dataCount) bytes")
    }
    #expect(
      send(header: Self.header(flags: 1, start: 34, offset: 26), frame(count: 60)).isEmpty, "beyond the end")
    #expect(send(header: Self.header(flags: 1, start: 61, offset: 0), frame(count: 60)).isEmpty)
  }

  private func tcp(flags: UInt8, dataCount: Int) -> [UInt8] {
    [0, 80, 0x12, 0x34, 0xff, 0xff, 0xff, 0, 0, 0, 0, 9, 0x80, flags, 1, 0, 0, 0, 0, 0]
      + [UInt8](repeating: 1, count: 12)
      + (0..<dataCount).map { UInt8(truncatingIfNeeded: $0 &* 13) }
  }

  @Test func longPiecesAreCut() {
    start(Feature.checksum | Feature.cutsIPv4 | Feature.cutsIPv6)
    let whole = Self.ethernet([8, 0]) + Self.ipv4(6, byteCount: 0) + tcp(flags: 0x99, dataCount: 3000)
    let pieces = send(header: Self.header(flags: 1, cut: 1, pieceSize: 1448, start: 34, offset: 16), whole)
    #expect(pieces.map(\.count) == [1514, 1514, 66 + 104])
    #expect(pieces.allSatisfy(isRight) && pieces.allSatisfy { sum(Array($0[14..<34])) == 0xffff })
    #expect(pieces.flatMap { $0[66...] } == Array(whole[66...]))
    #expect(pieces.map { [UInt8]($0[16..<18]) } == [[5, 220], [5, 220], [0, 156]], "lengths")
    #expect(pieces.map { [UInt8]($0[18..<20]) } == [[0x12, 0xff], [0x13, 0], [0x13, 1]], "identifiers")
    #expect(
      pieces.map { [UInt8]($0[38..<42]) } == [[0xff, 0xff, 0xff, 0], [0, 0, 4, 0xa8], [0, 0, 0x0a, 0x50]],
      "sequence numbers, around the end of 32 bits")
    #expect(pieces.map { $0[47] } == [0x90, 0x10, 0x19], "CWR on the first, PSH and FIN on the last")

    let six =
      Self.ethernet([0x86, 0xdd]) + [0x60, 0, 0, 0, 0, 0, 6, 64] + Self.ipv6Addresses
      + tcp(flags: 0x10, dataCount: 2000)
    let cut = send(header: Self.header(flags: 1, cut: 4 | 0x80, pieceSize: 1000, start: 54, offset: 16), six)
    #expect(cut.map(\.count) == [1086, 1086] && cut.allSatisfy { [UInt8]($0[18..<20]) == [4, 8] })
    for piece in cut { #expect(sum([0, 6, 4, 8] + piece[22...]) == 0xffff) }
  }

  /// What the header says does not fit the frame: it is lost.
  @Test func piecesThatCannotBeCut() {
    start(Feature.checksum | Feature.cutsIPv4 | Feature.cutsIPv6)
    let whole = Self.ethernet([8, 0]) + Self.ipv4(6, byteCount: 0) + tcp(flags: 0, dataCount: 3000)
    #expect(send(header: Self.header(cut: 1, pieceSize: 0), whole).isEmpty, "pieces of nothing")
    #expect(send(header: Self.header(cut: 4, pieceSize: 100), whole).isEmpty, "IPv6 it is not")
    #expect(send(header: Self.header(cut: 1, pieceSize: 100), frame(count: 200)).isEmpty, "no IP")
    #expect(
      send(header: Self.header(cut: 1, pieceSize: 100), Array(whole.prefix(50))).isEmpty, "no whole header")
    var udp = whole
    udp[23] = 17
    #expect(send(header: Self.header(cut: 1, pieceSize: 100), udp).isEmpty)
    var long = whole
    long[46] = 0xf0
    #expect(
      send(header: Self.header(cut: 1, pieceSize: 100), Array(long.prefix(80))).isEmpty,
      "options beyond the end")
    start(Feature.checksum)
    #expect(
      send(header: Self.header(cut: 1, pieceSize: 100), frame(count: 60)).count == 1, "it was not agreed on")
  }

  /// The driver is told that a checksum is right only when it is.
  @Test func rightChecksumsAreTold() {
    start(Feature.guestChecksum | Feature.guestOffloads | Feature.control)
    offer(8, size: 256)
    var whole = Self.ethernet([8, 0]) + Self.ipv4(6, byteCount: 132) + tcp(flags: 0x10, dataCount: 100)
    whole.replaceSubrange(0..<6, with: MACAddress.standard(0).bytes)
    let wrong = sum([0, 6, 0, 132] + Array(whole[26..<34]) + whole[34...])
    var right = whole
    right[50] = UInt8(~wrong >> 8 & 0xff)
    right[51] = UInt8(~wrong & 0xff)
    var fragment = right
    fragment[20] = 0x20
    let cases: [(frame: [UInt8], flags: UInt8)] = [
      (right, 2), (right + [0, 0, 9], 2), (whole, 0), (fragment, 0), (frame(), 0),
      (Array(right.dropLast()), 0),
    ]
    for (index, item) in cases.enumerated() {
      card.receive(item.frame)
      #expect(board.memory.read(at: buffers + UInt64(index * 256), count: 1) == [item.flags], "case \(index)")
    }
    #expect(command([5, 0, 0, 0, 0, 0, 0, 0, 0, 0]) == 0)
    card.receive(right)
    #expect(board.memory.read(at: buffers + 6 * 256, count: 1) == [0], "the driver does not want to know")
  }

  // MARK: State

  @Test func itsStateComesBack() throws {
    start(Feature.all)
    #expect(command([0, 0, 0]) == 0 && command([2, 0, 5, 0]) == 0)
    #expect(command([1, 0, 1, 0, 0, 0] + MACAddress.standard(3).bytes + [0, 0, 0, 0]) == 0)
    card.setLink(isUp: false)
    let saved = transport.savedBytes()
    let other = Self(mtu: nil, virtio: .modern)
    try other.transport.restoreAll(saved)
    #expect(other.transport.savedBytes() == saved)
    #expect(other.card.room == .closed && other.transport.read(offset: 0x106, size: 2) == 0)
    #expect(throws: ByteCodingError.self) { try other.transport.restoreAll(saved.dropLast()) }
  }
}

extension [UInt8] {
  fileprivate var withZero: [UInt8] { [0] + self }
}

extension VirtioTransport {
  fileprivate var needsReset: Bool { read32(0x70) & 0x40 != 0 }
}
