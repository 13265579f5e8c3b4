// SPDX-License-Identifier: Apache-2.0

import CoreDump
import Emulator
import Execution
import HostSystem

/// What dump is wanted.
public struct DumpRequest: Sendable, Equatable {
  public enum Format: String, Sendable, CaseIterable {
    case elf
    case kdumpZlib = "kdump-zlib"
    /// The same: what is written is never makedumpfile's flattened form, which QEMU calls the other one.
    case kdumpRawZlib = "kdump-raw-zlib"

    var isKdump: Bool { self != .elf }

    /// Formats of QEMU's that are not written here.
    public static let others = [
      "kdump-lzo", "kdump-snappy", "kdump-raw-lzo", "kdump-raw-snappy", "win-dmp",
    ]
    /// Those that are, for messages.
    public static var list: String { allCases.map(\.rawValue).joined(separator: ", ") }
  }

  /// The file to make; with a descriptor, what that is called.
  public var path: String
  /// What it goes into instead of a file that is made.
  public var descriptor: OwnedDescriptor?
  /// Whether a file that stands there may be replaced.
  public var replaces: Bool
  public var format: Format
  /// Describe virtual addresses too, from the guest's page tables. ELF only.
  public var hasVirtualAddresses: Bool
  /// Physical address of the first byte, and how many bytes; nil: all that there is.
  public var begin: UInt64?
  public var length: UInt64?

  public init(
    path: String, descriptor: OwnedDescriptor? = nil, replaces: Bool = false, format: Format = .elf,
    hasVirtualAddresses: Bool = false,
    begin: UInt64? = nil, length: UInt64? = nil
  ) {
    self.path = path
    self.descriptor = descriptor
    self.replaces = replaces
    self.format = format
    self.hasVirtualAddresses = hasVirtualAddresses
    self.begin = begin
    self.length = length
  }

  /// What is to be said of a dump with `JobFigures.lacksMappings`.
  public static let lackOfMappings =
    "the guest's page tables map more than \(UInt64(PageTableWalk.mappingLimit).grouped) ranges, or are more than it has "
    + "pages: some virtual addresses are missing, physical memory is complete"

  /// Whether what is asked for makes sense by itself.
  func check() throws(Failure) {
    guard (begin == nil) == (length == nil) else {
      throw Failure(
        .usage, "dump", "a range of memory has a beginning and a length", remedy: "give both or neither")
    }
    if let begin, let length {
      guard length > 0, !begin.addingReportingOverflow(length).overflow else {
        throw Failure(
          .usage, "dump", "there is no range of \(length) bytes at 0x\(String(begin, radix: 16))",
          remedy: "give a length of 1 or more that fits")
      }
      if format.isKdump {
        guard begin % CoreDescription.pageSize == 0, length % CoreDescription.pageSize == 0 else {
          throw Failure(
            .usage, "dump", "the kdump format has whole pages only",
            remedy: "give multiples of 4096, or use the ELF format")
        }
      }
    }
    if format.isKdump, hasVirtualAddresses {
      throw Failure(
        .usage, "dump", "the kdump format knows no virtual addresses", remedy: "use the ELF format for them")
    }
  }

  /// The range of physical addresses.
  var range: Range<UInt64> {
    guard let begin, let length else { return 0..<UInt64.max }
    return begin..<begin + length
  }
}

/// What a machine is like at one instant, but for RAM: what a dump needs besides it.
package struct DumpInstant: Sendable {
  let moment: Moment
  var core: CoreDescription
  /// Memory that cannot change, as far as it is asked for.
  let bootROM: (address: UInt64, bytes: [UInt8])
  let memory: InstantMemory
  /// Where the guest says that a note about its memory is.
  let givenNote: (address: UInt64, size: UInt32)?
  private static let satp = 0x180
  /// `satp` of each hart.
  let addressTranslation: [UInt64]

  /// Takes the instant, now. Between two instructions, on the machine's thread.
  ///
  /// - Parameter room: for all of the machine's memory.
  package init(of machine: Machine, for request: DumpRequest, room: CopyRoom) throws(Failure) {
    var rom = machine.bootROM
    // Whole pages, as memory is.
    let pageSize = GuestMemory.pageSize
    rom += [UInt8](repeating: 0, count: (pageSize - rom.count % pageSize) % pageSize)
    bootROM = (MemoryMap.bootROM.base, rom)
    let regions = [
      CoreDescription.Region(address: MemoryMap.bootROM.base, size: UInt64(rom.count)),
      CoreDescription.Region(address: machine.memory.base, size: machine.memory.size),
    ].compactMap { $0.size == 0 ? nil : $0.clipped(to: request.range) }
    guard !regions.isEmpty else {
      throw Failure(
        .usage, "dump", "there is no memory in that range",
        remedy:
          "memory lies at 0x\(String(machine.memory.base, radix: 16)) and has \(machine.memory.size) bytes")
    }
    let harts = 0..<machine.configuration.hartCount
    core = CoreDescription(regions: regions, harts: harts.map { CoreDescription.Hart(machine, $0) })
    addressTranslation = harts.map { machine.controlAndStatusRegister(Self.satp, hart: $0) ?? 0 }
    moment = machine.now
    givenNote = machine.memoryDescriptionNote
    // RAM alone: a dump has nothing of what lies behind it.
    memory = InstantMemory(machine.memory, room: room, pages: [0..<machine.memory.ramPageCount])
    memory.begin()
  }
}

extension CoreDescription.Hart {
  /// The floating-point unit's own status is not among the other CSRs of a core.
  private static let floatingPointStatusNumbers = 1...3

  init(_ machine: Machine, _ hart: Int) {
    func read(_ number: Int) -> UInt64 { machine.controlAndStatusRegister(number, hart: hart) ?? 0 }
    self.init(
      programCounter: machine.programCounter(hart: hart),
      integerRegisters: (1..<32).map { machine.register($0, hart: hart) },
      floatingPointRegisters: (0..<32).map { machine.floatingPointRegister($0, hart: hart) },
      floatingPointStatus: UInt32(truncatingIfNeeded: read(3)),
      controlAndStatusRegisters: machine.controlAndStatusRegisters
        .filter { !Self.floatingPointStatusNumbers.contains($0.number) }
        .map { Register(name: $0.name, value: read($0.number)) })
  }
}
