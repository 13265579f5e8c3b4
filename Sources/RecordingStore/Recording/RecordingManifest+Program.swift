// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator

extension RecordingManifest.Boot.Image {
  /// Which build of which program was booted: what files with symbols are compared with.
  public struct Program: Codable, Equatable, Sendable {
    public struct Segment: Codable, Equatable, Sendable {
      /// Virtual, as in the ELF file.
      public var address: UInt64
      public var size: UInt64

      package init(address: UInt64, size: UInt64) {
        self.address = address
        self.size = size
      }
    }

    /// GNU build-ids in hexadecimal digits: the ELF file's own, or all that stand in a flat image.
    public var buildIDs: [String]
    /// Of an ELF file: what of it is loaded, in the file's order. Nil of a flat image.
    public var segments: [Segment]?
    /// Of an ELF file: `ProgramIdentity.contents`, 16 hexadecimal digits.
    public var contents: String?
    /// Of an ELF file that may lie anywhere: what was added to its addresses.
    public var displacement: UInt64?
    /// Of an ELF file: `ProgramIdentity.debugLink`, 8 hexadecimal digits.
    public var debugLink: String?

    private enum CodingKeys: String, CodingKey {
      case buildIDs = "buildIds"
      case segments, contents, displacement, debugLink
    }

    package init(
      buildIDs: [String], segments: [Segment]? = nil, contents: String? = nil, displacement: UInt64? = nil,
      debugLink: String? = nil
    ) {
      self.buildIDs = buildIDs
      self.segments = segments
      self.contents = contents
      self.displacement = displacement
      self.debugLink = debugLink
    }

    /// Of an ELF file.
    package init(_ identity: ProgramIdentity, displacement: UInt64) {
      self.init(
        buildIDs: identity.buildID.map { [Self.digits($0)] } ?? [],
        segments: identity.extents.map { Segment(address: $0.address, size: $0.size) },
        contents: identity.contents?.hexadecimal, displacement: displacement == 0 ? nil : displacement,
        debugLink: identity.debugLink.map(Self.digits))
    }

    /// Of a file that is booted; nil when nothing in it says which build it is.
    ///
    /// - Parameter unpacked: of a file that is no ELF file, what lies in memory of it.
    package init?(booted file: [UInt8], asKernel isKernel: Bool, unpacked: [UInt8]?) {
      if ExecutableFile.isOne(file) {
        guard let identity = try? ProgramIdentity(file) else { return nil }
        self.init(identity, displacement: ProgramIdentity.displacement(of: file, asKernel: isKernel))
      } else {
        let found = ProgramIdentity.buildIDs(in: unpacked ?? file)
        guard !found.isEmpty else { return nil }
        self.init(buildIDs: found.map(Self.digits))
      }
    }

    /// What is wrong with it; nil when nothing is.
    func findProblem() -> String? {
      func isHexadecimal(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
      }
      guard buildIDs.count <= ProgramIdentity.buildIDCountLimit,
        buildIDs.allSatisfy({
          !$0.isEmpty && $0.utf8.count <= 2 * ProgramIdentity.buildIDLimit && isHexadecimal($0)
        }), contents.map({ $0.utf8.count == 16 && isHexadecimal($0) }) ?? true,
        debugLink.map({ $0.utf8.count == 8 && isHexadecimal($0) }) ?? true
      else { return "a program whose identity cannot be" }
      guard let segments else { return nil }
      guard segments.count <= ProgramIdentity.extentLimit, segments.allSatisfy({ $0.size > 0 }) else {
        return "a program with segments that cannot be"
      }
      return nil
    }

    static func digits(_ checksum: UInt32) -> String {
      digits((0..<4).reversed().map { UInt8(truncatingIfNeeded: checksum >> (8 * $0)) })
    }

    static func digits(_ bytes: [UInt8]) -> String {
      bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
  }
}
