// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// QEMU's fw_cfg: numbered items of bytes that firmware reads, by a port or by DMA, some of them files with names.
///
/// Everything that it tells follows from the machine's configuration and from what lies behind RAM (`AttachedStorage`). The guest
/// can write one item alone: where it describes its memory for dumps.
package final class FirmwareConfiguration: Device {
  private enum Register {
    static let data: UInt64 = 0
    static let selector: UInt64 = 8
    static let dma: UInt64 = 16
  }

  private enum Key {
    static let signature: UInt16 = 0x00
    static let version: UInt16 = 0x01
    static let identity: UInt16 = 0x02
    static let isWithoutGraphics: UInt16 = 0x04
    static let hartCount: UInt16 = 0x05
    static let kernelSize: UInt16 = 0x08
    static let initrdSize: UInt16 = 0x0b
    static let bootMenu: UInt16 = 0x0e
    static let kernel: UInt16 = 0x11
    static let initrd: UInt16 = 0x12
    static let commandLineSize: UInt16 = 0x14
    static let commandLine: UInt16 = 0x15
    static let directory: UInt16 = 0x19
    static let firstFile: UInt16 = 0x20
    /// Bits of a selector that say more than which item.
    static let modes: UInt16 = 0xc000
  }

  /// Of the first word of a request by DMA.
  private enum Control {
    static let error: UInt32 = 1
    static let read: UInt32 = 2
    static let skip: UInt32 = 4
    static let select: UInt32 = 8
    static let write: UInt32 = 16
  }

  /// Where an item's bytes are.
  private enum Item {
    case bytes([UInt8])
    /// Behind RAM.
    case attached(offset: UInt64, size: UInt64)
    case memoryDescription
    case absent
  }

  /// "QEMU CFG", what the DMA register reads as.
  private static let dmaSignature = Array("QEMU CFG".utf8)
  /// Files by name, from `Key.firstFile` on. Sorted.
  private static let fileNames = ["etc/vmcoreinfo"]
  /// What the guest finds in `etc/vmcoreinfo`: an ELF note is wanted, and there is none.
  private static let emptyMemoryDescription: [UInt8] = [1] + [UInt8](repeating: 0, count: 15)

  package let name = "fw-cfg"
  private unowned let board: any Board

  private var selector: UInt16 = 0
  private var offset: UInt32 = 0
  /// The upper half of a request's address, which may be written first.
  private var dmaAddress: UInt64 = 0
  private var memoryDescription = FirmwareConfiguration.emptyMemoryDescription
  /// The guest has written all of it at once, and it is not empty.
  private var hasMemoryDescription = false

  package init(board: any Board) { self.board = board }

  /// Where the guest says that a description of its memory for dumps is: an ELF note at a physical address.
  package var memoryDescriptionNote: (address: UInt64, size: UInt32)? {
    func number(_ range: Range<Int>) -> UInt64 { UInt64(littleEndianBytes: memoryDescription[range]) }
    // Of the formats only ELF's is known.
    guard hasMemoryDescription, number(2..<4) == 1, number(4..<8) != 0 else { return nil }
    return (number(8..<16), UInt32(number(4..<8)))
  }

  // MARK: Items

  private func item(_ selector: UInt16) -> Item {
    let configuration = board.configuration
    func number<Integer: FixedWidthInteger>(_ value: Integer) -> Item {
      .bytes(withUnsafeBytes(of: value.littleEndian) { Array($0) })
    }
    let files = configuration.firmwareFiles
    let start = board.memory.attached.flashSize
    switch selector & ~Key.modes {
    case _ where selector & 0x8000 != 0: return .absent
    case Key.signature: return .bytes(Array("QEMU".utf8))
    // The port and DMA.
    case Key.version: return number(UInt32(3))
    case Key.identity: return .bytes([UInt8](repeating: 0, count: 16))
    case Key.isWithoutGraphics: return number(UInt16(1))
    case Key.hartCount: return number(UInt16(configuration.hartCount))
    case Key.bootMenu: return number(UInt16(0))
    case Key.kernelSize where files.kernelSize > 0:
      return number(UInt32(truncatingIfNeeded: files.kernelSize))
    case Key.kernel where files.kernelSize > 0: return .attached(offset: start, size: files.kernelSize)
    case Key.initrdSize where files.initrdSize > 0:
      return number(UInt32(truncatingIfNeeded: files.initrdSize))
    case Key.initrd where files.initrdSize > 0:
      return .attached(offset: start + files.kernelSize, size: files.initrdSize)
    case Key.commandLineSize where files.commandLineSize > 0:
      return number(UInt32(truncatingIfNeeded: files.commandLineSize))
    case Key.commandLine where files.commandLineSize > 0:
      return .attached(offset: start + files.kernelSize + files.initrdSize, size: files.commandLineSize)
    case Key.directory: return .bytes(directory)
    case Key.firstFile: return .memoryDescription
    default: return .absent
    }
  }

  /// A count and, for each file, size, key and name in 64 bytes: all big-endian.
  private var directory: [UInt8] {
    func bigEndian<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
      withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
    var bytes = bigEndian(UInt32(Self.fileNames.count))
    for (index, file) in Self.fileNames.enumerated() {
      let key = Key.firstFile + UInt16(index)
      bytes += bigEndian(UInt32(size(of: item(key)))) + bigEndian(key) + [0, 0]
      bytes += Array(file.utf8) + [UInt8](repeating: 0, count: 56 - file.utf8.count)
    }
    return bytes
  }

  private func size(of item: Item) -> UInt64 {
    switch item {
    case .bytes(let bytes): UInt64(bytes.count)
    case .attached(_, let size): size
    case .memoryDescription: UInt64(memoryDescription.count)
    case .absent: 0
    }
  }

  /// At most `count` bytes of the selected item; the place in it moves on.
  private func take(_ count: UInt64) -> [UInt8] {
    let item = item(selector)
    let size = size(of: item)
    guard UInt64(offset) < size else { return [] }
    let taken = min(count, size - UInt64(offset))
    let range = Int(offset)..<Int(UInt64(offset) + taken)
    offset += UInt32(taken)
    switch item {
    case .bytes(let bytes): return Array(bytes[range])
    case .attached(let start, _):
      return board.memory.readAttached(at: start + UInt64(range.lowerBound), count: range.count) ?? []
    case .memoryDescription: return Array(memoryDescription[range])
    case .absent: return []
    }
  }

  private func select(_ selector: UInt16) {
    self.selector = selector
    offset = 0
  }

  // MARK: Registers

  package func accepts(offset: UInt64, size: Int) -> Bool {
    offset == Register.data || (Register.dma..<Register.dma + 8).contains(offset)
  }

  /// Reading data moves on in the item: that is not for those who look on.
  package func inspect(offset: UInt64) -> UInt8? {
    guard (Register.dma..<Register.dma + 8).contains(offset) else { return nil }
    return Self.dmaSignature[Int(offset - Register.dma)]
  }

  package func acceptsStore(offset: UInt64, size: Int) -> Bool {
    switch offset {
    case Register.data: true
    case Register.selector: size == 2
    case Register.dma: size == 8 || size == 4
    case Register.dma + 4: size == 4
    default: false
    }
  }

  package func read(offset: UInt64, size: Int) -> UInt64 {
    switch offset {
    case Register.data..<Register.data + 8:
      // In the order of memory: the first byte at the lowest address, and zeros behind the end.
      return UInt64(littleEndianBytes: take(UInt64(size)))
    case Register.dma..<Register.dma + 8:
      return UInt64(littleEndianBytes: Self.dmaSignature[Int(offset - Register.dma)...].prefix(size))
    default: return 0
    }
  }

  package func write(offset: UInt64, size: Int, value: UInt64) {
    switch (offset, size) {
    case (Register.selector, 2): select(UInt16(truncatingIfNeeded: value).byteSwapped)
    case (Register.dma, 8): transfer(at: value.byteSwapped)
    case (Register.dma, 4): dmaAddress = UInt64(UInt32(truncatingIfNeeded: value).byteSwapped) << 32
    case (Register.dma + 4, 4):
      transfer(at: dmaAddress | UInt64(UInt32(truncatingIfNeeded: value).byteSwapped))
    default: break
    }
  }

  // MARK: DMA

  /// Does what is asked for at a physical address, and says there how that went.
  private func transfer(at request: UInt64) {
    dmaAddress = 0
    let memory = board.memory
    guard let control = memory.load(UInt32.self, at: request)?.byteSwapped,
      let length = memory.load(UInt32.self, at: request &+ 4)?.byteSwapped,
      let address = memory.load(UInt64.self, at: request &+ 8)?.byteSwapped
    else {
      memory.store(Control.error.byteSwapped, at: request)
      return
    }
    if control & Control.select != 0 { select(UInt16(truncatingIfNeeded: control >> 16)) }
    let item = item(selector)
    let size = size(of: item)
    let inItem = min(UInt64(length), size - min(UInt64(offset), size))
    let rest = UInt64(length) - inItem
    var succeeded = true
    if control & Control.read != 0 {
      succeeded =
        (inItem == 0 || copy(item, count: inItem, to: address))
        && (rest == 0 || clear(at: address &+ inItem, count: rest))
    } else if control & Control.write != 0 {
      succeeded = length == 0 || rest == 0 && change(item, count: inItem, from: address)
    } else if control & Control.skip == 0 {
      memory.store(UInt32(0), at: request)
      return
    }
    offset += UInt32(inItem)
    memory.store((succeeded ? 0 : Control.error).byteSwapped, at: request)
  }

  // What is asked for may be longer than RAM: nothing of that size is made before it is known to have room.

  private func copy(_ item: Item, count: UInt64, to address: UInt64) -> Bool {
    let memory = board.memory
    guard memory.pointer(at: address, count: Int(count)) != nil else { return false }
    let place = Int(offset)
    switch item {
    case .bytes(let bytes): memory.write(Array(bytes[place..<place + Int(count)]), at: address)
    case .attached(let start, _):
      guard let source = memory.attachedPointer(at: start + UInt64(offset), count: Int(count)) else {
        return false
      }
      memory.write(UnsafeRawBufferPointer(start: source, count: Int(count)), at: address)
    case .memoryDescription:
      memory.write(Array(memoryDescription[place..<place + Int(count)]), at: address)
    case .absent: break
    }
    return true
  }

  private func clear(at address: UInt64, count: UInt64) -> Bool {
    guard board.memory.pointer(at: address, count: Int(count)) != nil else { return false }
    board.memory.clear(at: address, count: Int(count))
    return true
  }

  private func change(_ item: Item, count: UInt64, from address: UInt64) -> Bool {
    guard case .memoryDescription = item, let bytes = board.memory.read(at: address, count: Int(count)) else {
      return false
    }
    let place = Int(offset)
    memoryDescription.replaceSubrange(place..<place + bytes.count, with: bytes)
    hasMemoryDescription =
      bytes.count == memoryDescription.count && (memoryDescription[2] != 0 || memoryDescription[3] != 0)
    return true
  }

  // MARK: State

  package func reset() {
    select(0)
    dmaAddress = 0
    memoryDescription = Self.emptyMemoryDescription
    hasMemoryDescription = false
  }

  package func save(to writer: inout ByteWriter) {
    writer.uint16(selector)
    writer.uint32(offset)
    writer.uint64(dmaAddress)
    writer.raw(memoryDescription)
    writer.bool(hasMemoryDescription)
  }

  package func restore(from reader: inout ByteReader) throws(ByteCodingError) {
    selector = try reader.uint16()
    offset = try reader.uint32()
    dmaAddress = try reader.uint64()
    memoryDescription = Array(try reader.raw(Self.emptyMemoryDescription.count))
    hasMemoryDescription = try reader.bool()
    guard UInt64(offset) <= size(of: item(selector)), dmaAddress & 0xffff_ffff == 0 else {
      throw .malformed(offset: reader.offset, what: "a firmware configuration that cannot be")
    }
  }
}
