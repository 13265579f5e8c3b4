// SPDX-License-Identifier: Apache-2.0

import CDwarf
import Emulator
import Glibc
import HostSystem

/// The debugging information of an ELF file for rv64: DWARF, as elfutils' libdw reads it.
///
/// The file comes from a stranger. It is read as a whole into memory of our own, so that nobody changes it meanwhile; what it says is
/// believed as far as it agrees with itself, and where it does not there is no answer. Addresses are those that the file was linked for.
///
/// Of one thread: libdw fills caches whenever it is asked.
package final class DebugFile {
  /// More than any kernel has, packed and unpacked.
  package static let byteLimit: UInt64 = 4 << 30

  /// libdw points into it.
  private let image: UnsafeMutableRawBufferPointer
  let elf: OpaquePointer
  let dwarf: OpaquePointer
  /// Where the file has code, ascending. Linkers leave what they dropped at addresses that lie in none of these.
  let code: [Range<UInt64>]
  lazy var units = DebugUnits(of: self)
  /// Chains of places that were asked for: programs come to few places often.
  var knownPlaces: [UInt64: [SourcePlace]] = [:]
  /// Structures that were asked for, found or not.
  var knownStructures: [String: DebugStructure?] = [:]

  /// - Returns: Nil for a file without debugging information.
  /// - Throws: A failure of the kind `file` for one that cannot be read, or has some in a way that is not known.
  package convenience init?(path: String) throws(Failure) {
    let descriptor = OwnedDescriptor(HostFiles.open(path, for: .reading))
    guard descriptor.number >= 0 else { throw .system(errno, path: path, doing: "cannot open it") }
    guard let size = HostFiles.size(of: path), size <= Self.byteLimit else {
      throw Failure(
        .file, path, "is no file of at most \(Self.byteLimit >> 30) GiB",
        remedy: "name an ELF file with the guest's symbols")
    }
    let image = UnsafeMutableRawBufferPointer.allocate(byteCount: max(Int(size), 1), alignment: 16)
    let problem = transferAll(Int(size)) { done in
      pread(descriptor.number, image.baseAddress.map { $0 + done }, Int(size) - done, off_t(done))
    }
    if let problem {
      image.deallocate()
      throw .system(problem, path: path, doing: "cannot read it")
    }
    do throws(ImageFormatError) {
      try self.init(taking: image, count: Int(size))
    } catch {
      throw Failure(
        .file, path, "its debugging information cannot be read: \(error.reason)", remedy: "or leave it out")
    }
  }

  /// The same of a file that is in memory.
  package convenience init?(_ file: [UInt8]) throws(ImageFormatError) {
    let image = UnsafeMutableRawBufferPointer.allocate(byteCount: max(file.count, 1), alignment: 16)
    image.copyBytes(from: file)
    try self.init(taking: image, count: file.count)
  }

  /// - Parameter image: becomes this object's, or is freed.
  private init?(taking image: UnsafeMutableRawBufferPointer, count: Int) throws(ImageFormatError) {
    self.image = image
    var opened: (OpaquePointer, OpaquePointer, [Range<UInt64>])?
    do throws(ImageFormatError) {
      opened = try Self.open(image, count: count)
    } catch {
      image.deallocate()
      throw error
    }
    guard let opened else {
      image.deallocate()
      return nil
    }
    (elf, dwarf, code) = opened
  }

  /// Tables of call frame information: of `.debug_frame`, and of `.eh_frame`, which is ours to end.
  private(set) lazy var frameTables: [OpaquePointer] = {
    loadedFrameTable = dwarf_getcfi_elf(elf)
    return [dwarf_getcfi(dwarf), loadedFrameTable].compactMap(\.self)
  }()
  private var loadedFrameTable: OpaquePointer?

  deinit {
    if let loadedFrameTable { dwarf_cfi_end(loadedFrameTable) }
    dwarf_end(dwarf)
    elf_end(elf)
    image.deallocate()
  }

  private static func open(
    _ image: UnsafeMutableRawBufferPointer, count: Int
  ) throws(ImageFormatError) -> (OpaquePointer, OpaquePointer, [Range<UInt64>])? {
    // libelf takes any kind of file for any machine.
    _ = try ExecutableFile.readHeader(Array(image.prefix(min(count, 64))))
    guard elf_version(UInt32(EV_CURRENT)) != UInt32(EV_NONE),
      let elf = elf_memory(image.baseAddress?.assumingMemoryBound(to: CChar.self), count)
    else { throw .inconsistent(what: "it is no whole ELF file") }
    do throws(ImageFormatError) {
      let sections = try DebugSections(of: elf)
      // Without this section there is nothing, whatever libdw finds elsewhere.
      guard sections.hasInformation, let dwarf = dwarf_begin_elf(elf, DWARF_C_READ, nil) else {
        elf_end(elf)
        return nil
      }
      return (elf, dwarf, sections.code)
    } catch {
      elf_end(elf)
      throw error
    }
  }

  func isCode(_ address: UInt64) -> Bool {
    code.last { $0.lowerBound <= address }?.contains(address) ?? false
  }
}
