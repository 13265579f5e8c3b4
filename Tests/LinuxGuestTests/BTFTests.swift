// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import LinuxGuest
import TestSupport
import Testing

/// Types that a kernel carries for those who load programs into it.
@Suite struct BTFTests {
  /// Makes the data, type by type.
  private struct Image {
    private var types = ByteWriter()
    private var names: [UInt8] = [0]
    private(set) var count = 0

    mutating func type(
      _ name: String, kind: UInt32, count: Int = 0, flag: Bool = false, _ sizeOrType: UInt32,
      _ more: [UInt32] = []
    ) -> UInt32 {
      types.uint32(self.name(name))
      types.uint32(UInt32(count) | kind << 24 | (flag ? 1 << 31 : 0))
      types.uint32(sizeOrType)
      for word in more { types.uint32(word) }
      self.count += 1
      return UInt32(self.count)
    }

    mutating func name(_ text: String) -> UInt32 {
      guard !text.isEmpty else { return 0 }
      names += Array(text.utf8) + [0]
      return UInt32(names.count - text.utf8.count - 1)
    }

    var bytes: [UInt8] {
      var writer = ByteWriter()
      writer.uint16(0xeb9f)
      writer.raw([1, 0])
      for word in [24, 0, types.count, types.count, names.count] { writer.uint32(UInt32(word)) }
      return writer.bytes + types.bytes + names
    }
  }

  private static func image() -> Image {
    var image = Image()
    let number = image.type("int", kind: 1, 4, [32])
    let pointer = image.type("", kind: 2, number)
    // A union without a name, of a number and a structure without one.
    let inner = image.type(
      "", kind: 4, count: 2, 16, [image.name("first"), number, 0, image.name("second"), pointer, 64])
    let either = image.type("", kind: 5, count: 2, 16, [image.name("plain"), number, 0, 0, inner, 0])
    let named = image.type("either_t", kind: 8, image.type("", kind: 10, either))
    _ = image.type("enumeration", kind: 6, count: 1, 4, [image.name("A"), 0])
    _ = image.type(
      "outer", kind: 4, count: 3, 32,
      [
        image.name("id"), number, 0, 0, named, 64, image.name("last"), pointer, 192,
      ])
    // With bit fields: the upper eight bits of a place are their size.
    _ = image.type(
      "fields", kind: 4, count: 3, flag: true, 8,
      [
        image.name("whole"), number, 0, image.name("level"), number, 3 << 24 | 37, image.name("behind"),
        number, 48,
      ])
    // One that has itself in it, without a name.
    _ = image.type("circle", kind: 4, count: 1, 8, [0, UInt32(image.count + 1), 0])
    return image
  }

  @Test func membersAreFound() throws {
    let types = try #require(BTFLayouts(Self.image().bytes))
    for (member, offset) in [("id", 0), ("plain", 8), ("first", 8), ("second", 16), ("last", 24)] {
      #expect(types.offset(of: member, in: "outer") == UInt64(offset), "\(member)")
    }
    #expect(types.size(of: "outer") == 32)
    #expect(types.offset(of: "behind", in: "fields") == 6)
    #expect(types.offset(of: "level", in: "fields") == nil, "some bits alone have no place")
    #expect(types.offset(of: "none", in: "outer") == nil)
    #expect(types.offset(of: "id", in: "none") == nil)
    #expect(types.offset(of: "id", in: "circle") == nil)
  }

  @Test func damagedTypesTellNothing() {
    let whole = Self.image().bytes
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    for count in 0..<whole.count {
      _ = BTFLayouts(Array(whole.prefix(count)))?.offset(of: "last", in: "outer")
    }
    for _ in 0..<5_000 {
      var bytes = whole
      for _ in 0..<3 {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      let types = BTFLayouts(bytes)
      for structure in ["outer", "fields", "circle"] {
        for member in ["id", "second", "behind", "none"] { _ = types?.offset(of: member, in: structure) }
        _ = types?.size(of: structure)
      }
    }
  }
}
