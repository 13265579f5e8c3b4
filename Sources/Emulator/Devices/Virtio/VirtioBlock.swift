// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The virtio block device (virtio specification 1.2, section 5.2) in front of one drive.
///
/// A request that is sound goes through the gate when the driver notifies the queue, with the data of a write
/// taken from guest memory then; `complete` answers it, whenever that may be. Whatever needs no drive is
/// answered at once.
///
/// Ids of requests ascend over the whole run. They go on ascending when the device is reset, and what was
/// under way before stays known: its completions still come, and then change nothing.
package final class VirtioBlock: VirtioDevice {
  /// Most ranges of one request and bytes of each, as the configuration space tells the driver; so also the
  /// most bytes.
  private static let segmentLimit = 254
  private static let segmentSizeLimit = 256 << 10
  static let requestLimit = segmentLimit * segmentSizeLimit
  /// No more is taken from the queue while this much is under way.
  private static let pendingByteLimit = 256 << 20
  private static let pendingCountLimit = 4096
  /// Never reached in a run; bounds what a saved state may say.
  static let idLimit: UInt64 = 1 << 62
  /// Most sectors in a range of a discard or of write zeroes: just below 2 GiB, as on QEMU.
  private static let rangeSectorLimit: UInt32 = 0x3f_ffff

  private enum Feature {
    static let segmentSizeLimit: UInt64 = 1 << 1
    static let segmentLimit: UInt64 = 1 << 2
    static let readOnly: UInt64 = 1 << 5
    static let blockSize: UInt64 = 1 << 6
    static let flush: UInt64 = 1 << 9
    static let discard: UInt64 = 1 << 13
    static let writeZeroes: UInt64 = 1 << 14
  }

  private enum RequestType {
    static let read: UInt32 = 0
    static let write: UInt32 = 1
    static let flush: UInt32 = 4
    static let getID: UInt32 = 8
    static let discard: UInt32 = 11
    static let writeZeroes: UInt32 = 13
  }

  private enum Status: UInt8 {
    case ok = 0
    case ioError = 1
    case unsupported = 2
  }

  private static let headerSize = 16
  private static let rangeSize = 16
  private static let unmapFlag: UInt32 = 1
  private static let idSize = 20

  package let name: String
  package let deviceID: UInt32 = 2
  package let features: UInt64
  package let queueCount = 1
  package let configuration: [UInt8]
  private weak var transport: VirtioTransport?

  private unowned let board: any Board
  private let driveIndex: Int
  private let drive: MachineConfiguration.Drive

  private var nextID: UInt64 = 0
  /// In ascending order of ids.
  private var pending: [PendingBlockRequest] = []
  /// Sum over `pending`.
  private var pendingByteCount = 0
  /// The queue may hold requests that were not taken because too much was under way.
  private var isStalled = false

  package init(board: any Board, driveIndex: Int, drive: MachineConfiguration.Drive) {
    self.board = board
    self.driveIndex = driveIndex
    self.drive = drive
    name = "virtio-blk-\(driveIndex)"
    let always = Feature.segmentSizeLimit | Feature.segmentLimit | Feature.blockSize | Feature.flush
    features = always | (drive.isReadOnly ? Feature.readOnly : Feature.discard | Feature.writeZeroes)
    configuration = Self.configuration(of: drive)
  }

  private static func configuration(of drive: MachineConfiguration.Drive) -> [UInt8] {
    var writer = ByteWriter()
    writer.uint64(drive.sectorCount)
    writer.uint32(UInt32(segmentSizeLimit))
    writer.uint32(UInt32(segmentLimit))
    writer.uint32(0)  // geometry: not offered
    writer.uint32(UInt32(BlockRequest.sectorSize))
    writer.uint64(0)  // topology: not offered
    writer.uint8(0)  // write-back cache mode: not offered
    writer.uint8(0)
    writer.uint16(1)  // queues
    let rangeLimit = drive.isReadOnly ? 0 : rangeSectorLimit
    let rangeCountLimit = drive.isReadOnly ? 0 : UInt32(PendingBlockRequest.partLimit)
    writer.uint32(rangeLimit)
    writer.uint32(rangeCountLimit)
    writer.uint32(1)  // discard alignment, in sectors
    writer.uint32(rangeLimit)
    writer.uint32(rangeCountLimit)
    writer.uint8(drive.isReadOnly ? 0 : 1)  // write zeroes may unmap
    return writer.bytes
  }

  package func plug(into transport: VirtioTransport) { self.transport = transport }

  // MARK: Requests

  package func process(queue index: Int, on transport: VirtioTransport) {
    isStalled = false
    for _ in 0..<VirtQueue.batchLimit {
      guard pending.count < Self.pendingCountLimit, pendingByteCount < Self.pendingByteLimit else {
        isStalled = true
        break
      }
      guard let chain = transport.nextRequest(queue: index) else { break }
      handle(chain, on: transport)
    }
    transport.signalUsed(queue: index)
  }

  private func handle(_ chain: DescriptorChain, on transport: VirtioTransport) {
    guard chain.readableCount >= Self.headerSize, let statusAddress = chain.writable.lastByte else {
      return transport.fail()
    }
    var header = ByteReader(chain.readable.read(count: Self.headerSize, from: board.memory))
    guard let type = try? header.uint32(), (try? header.uint32()) != nil, let sector = try? header.uint64()
    else { return transport.fail() }
    let inCount = chain.writableCount - 1
    let outCount = chain.readableCount - Self.headerSize
    let destination = PendingBlockRequest.Destination(
      head: chain.head, data: [], statusAddress: statusAddress)

    switch type {
    case RequestType.read:
      read(sector: sector, count: inCount, into: chain, destination, on: transport)
    case RequestType.write:
      write(sector: sector, count: outCount, from: chain, destination, on: transport)
    case RequestType.flush:
      submit([(0, .flush)], PendingBlockRequest(firstID: nextID, partCount: 1, destination: destination))
    case RequestType.getID:
      let id = Array(drive.serial.utf8.prefix(Self.idSize))
      let padded = id + [UInt8](repeating: 0, count: Self.idSize - id.count)
      let count = min(inCount, Self.idSize)
      chain.writable.write(Array(padded.prefix(count)), to: board.memory)
      answer(destination, .ok, dataCount: count, on: transport)
    case RequestType.discard where !drive.isReadOnly, RequestType.writeZeroes where !drive.isReadOnly:
      let isDiscard = type == RequestType.discard
      switch ranges(in: chain, count: outCount, allowedFlags: isDiscard ? 0 : Self.unmapFlag) {
      case .failure(let failure): answer(destination, failure.status, on: transport)
      case .success(let ranges) where ranges.isEmpty: answer(destination, .ok, on: transport)
      case .success(let ranges):
        submit(
          ranges.map { range in
            let operation: BlockRequest.Operation =
              isDiscard
              ? .discard(sectorCount: range.sectorCount)
              : .writeZeroes(sectorCount: range.sectorCount, mayUnmap: range.mayUnmap)
            return (range.sector, operation)
          },
          PendingBlockRequest(firstID: nextID, partCount: ranges.count, destination: destination))
      }
    default: answer(destination, .unsupported, on: transport)
    }
  }

  private func read(
    sector: UInt64, count: Int, into chain: DescriptorChain, _ destination: PendingBlockRequest.Destination,
    on transport: VirtioTransport
  ) {
    guard isTransferable(sector: sector, count: count) else {
      return answer(destination, .ioError, on: transport)
    }
    if count == 0 { return answer(destination, .ok, on: transport) }
    var request = PendingBlockRequest(firstID: nextID, partCount: 1, destination: destination)
    request.destination?.data = chain.writable.first(count)
    request.readCount = count
    submit([(sector, .read(byteCount: count))], request)
  }

  private func write(
    sector: UInt64, count: Int, from chain: DescriptorChain, _ destination: PendingBlockRequest.Destination,
    on transport: VirtioTransport
  ) {
    guard !drive.isReadOnly, isTransferable(sector: sector, count: count) else {
      return answer(destination, .ioError, on: transport)
    }
    if count == 0 { return answer(destination, .ok, on: transport) }
    var request = PendingBlockRequest(firstID: nextID, partCount: 1, destination: destination)
    request.writeCount = count
    let data = chain.readable.read(offset: Self.headerSize, count: count, from: board.memory)
    submit([(sector, .write(data))], request)
  }

  /// Whole sectors, not too many, all on the drive.
  private func isTransferable(sector: UInt64, count: Int) -> Bool {
    count <= Self.requestLimit && count % BlockRequest.sectorSize == 0
      && isOnDrive(sector: sector, count: UInt64(count / BlockRequest.sectorSize))
  }

  private func isOnDrive(sector: UInt64, count: UInt64) -> Bool {
    sector <= drive.sectorCount && count <= drive.sectorCount - sector
  }

  private struct Range {
    var sector: UInt64
    var sectorCount: UInt64
    var mayUnmap: Bool
  }

  private struct Refusal: Error {
    var status: Status
  }

  /// The ranges of a discard or of write zeroes that have any sectors. One bad range refuses them all.
  private func ranges(
    in chain: DescriptorChain, count: Int, allowedFlags: UInt32
  ) -> Result<[Range], Refusal> {
    guard count > 0, count % Self.rangeSize == 0, count / Self.rangeSize <= PendingBlockRequest.partLimit
    else { return .failure(Refusal(status: .ioError)) }
    var reader = ByteReader(chain.readable.read(offset: Self.headerSize, count: count, from: board.memory))
    var ranges: [Range] = []
    while let sector = try? reader.uint64(), let sectorCount = try? reader.uint32(),
      let flags = try? reader.uint32()
    {
      guard flags & ~allowedFlags == 0 else { return .failure(Refusal(status: .unsupported)) }
      guard sectorCount <= Self.rangeSectorLimit, isOnDrive(sector: sector, count: UInt64(sectorCount)) else {
        return .failure(Refusal(status: .ioError))
      }
      if sectorCount > 0 {
        ranges.append(
          Range(
            sector: sector, sectorCount: UInt64(sectorCount), mayUnmap: flags & Self.unmapFlag != 0))
      }
    }
    return .success(ranges)
  }

  private func submit(
    _ parts: [(sector: UInt64, operation: BlockRequest.Operation)], _ request: PendingBlockRequest
  ) {
    pending.append(request)
    pendingByteCount += request.byteCount
    for part in parts {
      let id = nextID
      nextID += 1
      board.gate.blockRequest(
        BlockRequest(drive: driveIndex, id: id, sector: part.sector, operation: part.operation),
        at: board.now)
    }
  }

  private func answer(
    _ destination: PendingBlockRequest.Destination, _ status: Status, dataCount: Int = 0,
    on transport: VirtioTransport
  ) {
    board.memory.store(status.rawValue, at: destination.statusAddress)
    transport.putRequest(queue: 0, head: destination.head, writtenCount: dataCount + 1)
  }

  // MARK: Completions

  /// Which byte of what the unanswered request `id` will bring comes to a physical address; nil when none does.
  func dataOffset(of address: UInt64, request id: UInt64) -> Int? {
    pending.first { $0.bit(of: id) != nil }?.dataOffset(of: address)
  }

  /// Takes the answer of the drive. False: this device is not waiting for such an answer, and nothing has
  /// happened.
  package func complete(_ completion: BlockCompletion) -> Bool {
    guard completion.drive == driveIndex,
      let index = pending.firstIndex(where: { $0.bit(of: completion.id) != nil }),
      let bit = pending[index].bit(of: completion.id),
      completion.data.count == (completion.succeeded ? pending[index].readCount : 0)
    else { return false }

    pending[index].outstanding &= ~bit
    if !completion.succeeded { pending[index].hasFailed = true }
    guard pending[index].outstanding == 0 else { return true }
    let request = pending.remove(at: index)
    pendingByteCount -= request.byteCount
    guard let transport else { return true }
    if let destination = request.destination, transport.isLive {
      destination.data.write(completion.data, to: board.memory)
      answer(
        destination, request.hasFailed ? .ioError : .ok, dataCount: completion.data.count, on: transport)
      transport.signalUsed(queue: 0)
    }
    if isStalled { process(queue: 0, on: transport) }
    return true
  }

  // MARK: State

  package func reset() {
    for index in pending.indices { pending[index].destination = nil }
    isStalled = false
  }

  package func save(to writer: inout ByteWriter) {
    writer.uint64(nextID)
    writer.bool(isStalled)
    writer.varint(UInt64(pending.count))
    for request in pending { request.save(to: &writer) }
  }

  package func restore(from reader: inout ByteReader) throws(ByteCodingError) {
    let start = reader.offset
    nextID = try reader.uint64()
    guard nextID < Self.idLimit else { throw .malformed(offset: start, what: "block request id \(nextID)") }
    isStalled = try reader.bool()
    let count = try reader.count(limit: Self.pendingCountLimit, "pending block requests")
    pending = []
    pendingByteCount = 0
    var firstFree: UInt64 = 0
    for _ in 0..<count {
      let start = reader.offset
      let request = try PendingBlockRequest(from: &reader, memory: board.memory)
      guard request.firstID >= firstFree, request.lastOutstandingID < nextID else {
        throw .malformed(offset: start, what: "block request id \(request.firstID) out of order")
      }
      firstFree = request.lastOutstandingID + 1
      pending.append(request)
      pendingByteCount += request.byteCount
    }
  }
}
