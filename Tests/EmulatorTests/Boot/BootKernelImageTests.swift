// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import TestSupport
import Testing

@Suite struct BootKernelImageTests {
  private let limit: UInt64 = 1 << 20

  @Test(arguments: [true, false]) func readsAnImage(isEFI: Bool) throws {
    let file = BootTestFiles.image(isEFI: isEFI)
    #expect(
      try KernelImage(file, unpackedSizeLimit: limit) == .relocatable(bytes: file, memorySize: 4096))
  }

  @Test func takesAtLeastTheMemoryOfTheFile() throws {
    for stated: UInt64 in [0, 100] {
      let file = BootTestFiles.image(imageSize: stated)
      #expect(try KernelImage(file, unpackedSizeLimit: limit) == .relocatable(bytes: file, memorySize: 256))
    }
  }

  @Test func unpacksGzipAndZboot() throws {
    let image = BootTestFiles.image(size: 5000, imageSize: 8192)
    let expected = KernelImage.relocatable(bytes: image, memorySize: 8192)
    let packed = BootTestFiles.gzip(image)
    #expect(try KernelImage(packed, unpackedSizeLimit: limit) == expected)
    #expect(try KernelImage(BootTestFiles.zboot(packed), unpackedSizeLimit: limit) == expected)
    let program = BootTestFiles.program
    #expect(
      try KernelImage(BootTestFiles.gzip(program), unpackedSizeLimit: limit)
        == .executable(ExecutableFile(program, freeAddress: 0x8020_0000)))
  }

  @Test func unpacksZstandard() throws {
    let image = BootTestFiles.image(size: 300_000, imageSize: 400_000)
    let expected = KernelImage.relocatable(bytes: image, memorySize: 400_000)
    let packed = BootTestFiles.zstandard(image)
    #expect(packed.count < 100_000)
    #expect(try KernelImage(packed, unpackedSizeLimit: limit) == expected)
    for name in ["zstd", "zstd22"] {
      #expect(
        try KernelImage(BootTestFiles.zboot(packed, compression: name), unpackedSizeLimit: limit) == expected)
    }
    #expect(throws: ImageFormatError.unpacksBeyond(limit: 299_999)) {
      try KernelImage(packed, unpackedSizeLimit: 299_999)
    }
    #expect(throws: Never.self) { try KernelImage(packed, unpackedSizeLimit: 300_000) }
    for count in [4, 10, packed.count / 2, packed.count - 1] {
      #expect(throws: ImageFormatError.damagedCompression(what: "it ends too early")) {
        try KernelImage(Array(packed.prefix(count)), unpackedSizeLimit: limit)
      }
    }
  }

  /// As on QEMU: what says nothing of itself lies, and starts, where a kernel would.
  @Test func takesAFlatProgram() throws {
    let file = BootTestFiles.code
    #expect(try KernelImage(file, unpackedSizeLimit: limit) == .relocatable(bytes: file, memorySize: 8))
  }

  @Test func boundsWhatUnpacks() {
    let packed = BootTestFiles.gzip(BootTestFiles.image(size: 100_000))
    #expect(throws: ImageFormatError.unpacksBeyond(limit: 99_999)) {
      try KernelImage(packed, unpackedSizeLimit: 99_999)
    }
    #expect(throws: Never.self) { try KernelImage(packed, unpackedSizeLimit: 100_000) }
  }

  @Test func refusesByName() {
    let packed = BootTestFiles.gzip(BootTestFiles.image())
    let twice = BootTestFiles.gzip(packed)
    let cases: [(file: [UInt8], expected: String)] = [
      (BootTestFiles.zboot(packed, compression: "xzkern"), "xzkern"),
      (BootTestFiles.zboot(packed, compression: "lz4\u{1b}[2J"), "lz42J"),
      (BootTestFiles.zboot(packed, compression: ""), "unnamed"),
      ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0], "xz"), ([0x28, 0xb5, 0x2f, 0xfd, 0], "ends too early"),
      (Array("BZh91AY".utf8), "bzip2"), ([0x04, 0x22, 0x4d, 0x18, 0], "lz4"),
      (twice, "compressed twice"), (Array("#!/bin/sh\necho hello".utf8), "a script"), ([], "nothing in it"),
      ([0x27, 0x05, 0x19, 0x56, 1, 2], "uImage"), (Array("!<arch>\n".utf8), "archive"),
      (Array("MZ".utf8), "truncated"), (BootTestFiles.image(flags: 1), "big-endian"),
      (BootTestFiles.patch(BootTestFiles.image(), at: 56, Array("ARM\u{64}".utf8)), "arm64"),
      (BootTestFiles.image(imageSize: .max), "states a size"),
      (BootTestFiles.image(imageSize: MachineConfiguration.memorySizeLimit + 1), "states a size"),
      (BootTestFiles.patch(BootTestFiles.image(), at: 60, [0xff, 0xff, 0xff, 0xff]), "the PE header"),
      (BootTestFiles.patch(BootTestFiles.image(), at: 60, [60, 0, 0, 0]), "no PE header"),
      (BootTestFiles.patch(BootTestFiles.image(), at: 70, [0xff, 0xff]), "table of PE sections"),
      (BootTestFiles.patch(BootTestFiles.image(), at: 96 + 16, [0xff, 0xff, 0xff, 0xff]), "PE section 0"),
      (BootTestFiles.patch(BootTestFiles.zboot(packed), at: 8, [63, 0, 0, 0]), "within the header"),
      (BootTestFiles.patch(BootTestFiles.zboot(packed), at: 8, [255, 255, 255, 255]), "zboot payload"),
      (BootTestFiles.patch(BootTestFiles.zboot(packed), at: 12, [255, 255, 255, 255]), "zboot payload"),
      (BootTestFiles.patch(packed, at: packed.count - 8, [1, 2, 3]), "payload is damaged"),
      (BootTestFiles.patch(BootTestFiles.zboot(packed), at: 128, [0]), "payload is damaged"),
      (Array(packed.dropLast()), "ends too early"),
    ]
    for (file, expected) in cases {
      let error = #expect(throws: ImageFormatError.self, "\(expected)") {
        try KernelImage(file, unpackedSizeLimit: limit)
      }
      #expect(error?.reason.contains(expected) == true, "\(expected): \(error?.reason ?? "accepted")")
    }
  }

  @Test func everyTruncationOfAPackedKernelIsAnError() {
    let packed = BootTestFiles.gzip(BootTestFiles.image())
    let zboot = BootTestFiles.zboot(packed)
    for file in [packed, Array(zboot.dropLast(4))] {
      // A single byte could be a program.
      for count in 2..<file.count {
        #expect(throws: ImageFormatError.self, "\(count) of \(file.count) bytes") {
          try KernelImage(Array(file.prefix(count)), unpackedSizeLimit: limit)
        }
      }
    }
    let image = BootTestFiles.image()
    // A single byte could be a program.
    for count in 2..<image.count {
      #expect(throws: ImageFormatError.self, "\(count) of \(image.count) bytes") {
        try KernelImage(Array(image.prefix(count)), unpackedSizeLimit: limit)
      }
    }
    // What lies behind the header of a plain Image tells nothing of its length.
    for count in 60..<64 {
      #expect(throws: ImageFormatError.self, "\(count) of 256 bytes") {
        try KernelImage(Array(BootTestFiles.image(isEFI: false).prefix(count)), unpackedSizeLimit: limit)
      }
    }
  }

  @Test(arguments: 1...4) func survivesDamage(seed: UInt64) {
    print("seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let image = BootTestFiles.image(imageSize: 4096)
    let zboot = BootTestFiles.zboot(BootTestFiles.zstandard(image), compression: "zstd22")
    let files = [
      image, BootTestFiles.gzip(image), BootTestFiles.zboot(BootTestFiles.gzip(image)),
      BootTestFiles.zstandard(image), zboot,
    ]
    for _ in 0..<3000 {
      var damaged = files[Int.random(in: 0..<files.count, using: &random)]
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        damaged[Int.random(in: 0..<damaged.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if case .relocatable(let bytes, let memorySize) = try? KernelImage(damaged, unpackedSizeLimit: limit) {
        #expect(UInt64(bytes.count) <= memorySize)
        #expect(memorySize <= MachineConfiguration.memorySizeLimit)
      }
    }
  }
}
