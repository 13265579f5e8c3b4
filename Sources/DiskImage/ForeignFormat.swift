// SPDX-License-Identifier: Apache-2.0

/// Formats of images that others make and that are not read here, known by their first bytes, as QEMU knows them.
///
/// An encrypted disk (LUKS) is none of them: who looks for the format takes it as it is, and it is the guest that has the key.
enum ForeignFormat: String, CaseIterable {
  case vmdk, vpc, vhdx, vdi, qed, qcow, parallels

  /// Nil for a file that begins as none of them.
  init?(of file: ImageFile) {
    guard let start = try? file.read(at: 0, count: Self.headSize),
      let known = Self.allCases.first(where: { $0.isBegun(by: start) })
    else { return nil }
    self = known
  }

  private static let headSize = 72

  private func isBegun(by start: [UInt8]) -> Bool {
    func has(_ text: String, at offset: Int = 0) -> Bool { start.dropFirst(offset).starts(with: text.utf8) }
    switch self {
    case .vmdk: return has("KDMV") || has("COWD") || has("# Disk DescriptorFile")
    // Of fixed size they begin with the disk's first bytes.
    case .vpc: return has("conectix")
    case .vhdx: return has("vhdxfile")
    // Before its signature there is a line of text, which is each program's own.
    case .vdi: return has("<<< ") && start.dropFirst(64).starts(with: [0x7f, 0x10, 0xda, 0xbe])
    case .qed: return has("QED\0")
    case .qcow: return start.starts(with: Qcow2Header.magic + [0, 0, 0, 1])
    case .parallels: return has("WithoutFreeSpace") || has("WithouFreSpacExt")
    }
  }

  /// What people call it.
  private var title: String {
    switch self {
    case .vmdk: "a VMDK"
    case .vpc: "a VHD"
    case .vhdx: "a VHDX"
    case .vdi: "a VDI"
    case .qed: "a QED"
    case .qcow: "a qcow (version 1)"
    case .parallels: "a Parallels"
    }
  }

  func refusal(of path: String) -> DiskImageError {
    let end =
      path.lastIndex(of: ".").flatMap { dot in path[dot...].contains("/") ? nil : dot } ?? path.endIndex
    return DiskImageError(
      .unsupported, path: path, problem: "is \(title) image, which is not read here",
      advice:
        "convert it with 'qemu-img convert -f \(rawValue) -O qcow2 \(path) \(path[..<end]).qcow2', or give format=raw "
        + "where the guest is to see the bytes of the file itself")
  }
}
