// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostSystem
import TestSupport
import Testing

/// A dump's file, whatever the order, size and alignment of what is written to it.
@Suite struct OutputFileTests {
  /// On the disk, and in memory where the host has such a file system: one may take direct writes and the other not.
  private static let folders: [String?] = [nil] + (access("/dev/shm", W_OK) == 0 ? ["/dev/shm"] : [])

  @Test(arguments: folders, [false, true])
  func holdsWhatWasWritten(parent: String?, hasSize: Bool) throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededGenerator(seed: seed)
    let folder = TestFolder(in: parent)
    for round in 0..<20 {
      let context = Comment(rawValue: "seed \(seed), round \(round)")
      let path = folder.file("core\(round)")
      let size = Int.random(in: 1...5 << 20, using: &random)
      var expected = [UInt8](repeating: 0, count: size)
      let file = try OutputFile(path: path, replaces: false)
      if hasSize { try file.setSize(UInt64(size)) }
      // The file from front to back in parts: some are left out, some come later, so that runs begin and end anywhere.
      var parts: [Range<Int>] = []
      var start = 0
      while start < size {
        let length =
          switch Int.random(in: 0..<4, using: &random) {
          case 0: Int.random(in: 1...5000, using: &random)
          case 1: 4096 * Int.random(in: 1...16, using: &random)
          case 2: 4096 - start % 4096
          default: Int.random(in: 1...2 << 20, using: &random)
          }
        let end = min(start + length, size)
        // The last byte is written, so that both kinds of file have the same size.
        if end == size || Int.random(in: 0..<5, using: &random) > 0 { parts.append(start..<end) }
        start = end
      }
      for _ in 0..<parts.count / 4 {
        parts.swapAt(
          Int.random(in: 0..<parts.count, using: &random), Int.random(in: 0..<parts.count, using: &random))
      }
      for part in parts {
        for index in part { expected[index] = UInt8(truncatingIfNeeded: index &* 0x9e37 >> 7 | 1) }
        try expected.withUnsafeBytes { bytes in
          try file.write(UnsafeRawBufferPointer(rebasing: bytes[part]), at: UInt64(part.lowerBound))
        }
      }
      try file.synchronize()
      #expect(HostFiles.kind(of: path) == nil, context)
      try file.commit()
      #expect(try readFile(path) == expected, context)
    }
  }

  @Test func leavesNothingWhenItIsNotComplete() throws {
    let folder = TestFolder()
    let file = try OutputFile(path: folder.file("core"), replaces: false)
    try [UInt8](repeating: 1, count: 100_000).withUnsafeBytes { try file.write($0, at: 17) }
    #expect(folder.names.count == 1)
    file.discard()
    #expect(folder.names == [])
  }
}
