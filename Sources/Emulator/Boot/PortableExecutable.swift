// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The PE/COFF header in the EFI form of a kernel. The machine boots the `Image` around it and needs nothing of it but
/// this: it is the only place that tells how long the file must be.
enum PortableExecutable {
  private static let headerSize: UInt64 = 24
  private static let sectionSize: UInt64 = 40
  private static let signature: [UInt8] = [0x50, 0x45, 0, 0]

  /// Throws when `file`, whose PE header begins at `offset`, lacks some of the bytes of its sections.
  static func checkLength(of file: [UInt8], headerOffset offset: UInt64) throws(ImageFormatError) {
    let header = try ExecutableFile.part("the PE header", of: file, at: offset, count: headerSize)
    guard header.starts(with: signature) else {
      throw .inconsistent(what: "there is no PE header where its first bytes say")
    }
    let (sectionCount, optionalSize) = ExecutableFile.fields(of: header[(header.startIndex + 6)...]) {
      (reader) throws(ByteCodingError) in
      let sectionCount = UInt64(try reader.uint16())
      _ = try reader.raw(12)  // the date and the symbol table
      return (sectionCount, UInt64(try reader.uint16()))
    }
    let table = try ExecutableFile.part(
      "the table of PE sections", of: file, at: offset + headerSize + optionalSize,
      count: sectionCount * sectionSize)
    for index in 0..<Int(sectionCount) {
      let start = table.startIndex + index * Int(sectionSize) + 16
      let (size, position) = ExecutableFile.fields(of: table[start...]) { (reader) throws(ByteCodingError) in
        (UInt64(try reader.uint32()), UInt64(try reader.uint32()))
      }
      _ = try ExecutableFile.part("PE section \(index)", of: file, at: position, count: size)
    }
  }
}
