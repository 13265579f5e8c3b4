// SPDX-License-Identifier: Apache-2.0

import CDwarf
import Emulator

/// What the table of sections says of a file before libdw reads it.
struct DebugSections {
  /// Sections with code, ascending.
  private(set) var code: [Range<UInt64>] = []
  private(set) var hasInformation = false

  /// - Throws: `unsupported` for packed sections that libdw would pass over without a word, or that unpack to more than anybody has.
  init(of elf: OpaquePointer) throws(ImageFormatError) {
    var names = 0
    guard elf_getshdrstrndx(elf, &names) == 0 else { return }
    var unpacked: UInt64 = 0
    var section = elf_nextscn(elf, nil)
    while let one = section {
      defer { section = elf_nextscn(elf, one) }
      var header = GElf_Shdr()
      guard gelf_getshdr(one, &header) != nil else { continue }
      let (end, overflow) = header.sh_addr.addingReportingOverflow(header.sh_size)
      let wanted = UInt64(SHF_ALLOC | SHF_EXECINSTR)
      if header.sh_flags & wanted == wanted, !overflow, end > header.sh_addr {
        code.append(header.sh_addr..<end)
      }
      guard let text = elf_strptr(elf, names, Int(header.sh_name)) else { continue }
      let name = String(cString: text)
      guard name.hasPrefix(".debug_") || name.hasPrefix(".zdebug_") else { continue }
      if name.hasSuffix("debug_info") { hasInformation = true }
      guard header.sh_flags & UInt64(SHF_COMPRESSED) != 0 else { continue }
      var packing = GElf_Chdr()
      guard gelf_getchdr(one, &packing) != nil else {
        throw .inconsistent(what: "its section \(name) is packed and does not say how")
      }
      guard packing.ch_type == UInt32(ELFCOMPRESS_ZLIB) else {
        throw .unsupported(
          what: "its section \(name) is packed by a way that libdw does not know (\(packing.ch_type))",
          use: "a file that 'objcopy --decompress-debug-sections' has made of it")
      }
      unpacked = unpacked.addingReportingOverflow(packing.ch_size).partialValue
      guard packing.ch_size <= DebugFile.byteLimit, unpacked <= DebugFile.byteLimit else {
        throw .unpacksBeyond(limit: DebugFile.byteLimit)
      }
    }
    code.sort { $0.lowerBound < $1.lowerBound }
  }
}
