// SPDX-License-Identifier: Apache-2.0

/// The 64-bit digest that recordings use to tell whether two states are the same.
///
/// It is defined here, byte for byte, and in docs/formats/digests.md; changing it is a change of format. It guards
/// against accident and divergence, not against forgery. Four independent lanes keep the multipliers of a modern
/// processor busy, so that a page costs well under a microsecond.
public enum Digest {
  /// Odd constants with well-spread bits: the first 64 fractional bits of sqrt(2), sqrt(3), sqrt(5), sqrt(7) and
  /// sqrt(11), made odd.
  @usableFromInline static let lane0: UInt64 = 0x6a09_e667_f3bc_c909
  @usableFromInline static let lane1: UInt64 = 0xbb67_ae85_84ca_a73b
  @usableFromInline static let lane2: UInt64 = 0x3c6e_f372_fe94_f82b
  @usableFromInline static let lane3: UInt64 = 0xa54f_f53a_5f1d_36f1
  @usableFromInline static let final: UInt64 = 0x510e_527f_ade6_82d1

  /// The digest of `bytes`, distinct for each `seed`. Any length; the bytes need no alignment.
  public static func of(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
    var a = seed ^ lane0
    var b = seed ^ lane1
    var c = seed ^ lane2
    var d = seed ^ lane3
    var offset = 0
    let count = bytes.count
    while offset + 32 <= count {
      a = mix(a, word(bytes, offset), lane0)
      b = mix(b, word(bytes, offset + 8), lane1)
      c = mix(c, word(bytes, offset + 16), lane2)
      d = mix(d, word(bytes, offset + 24), lane3)
      offset += 32
    }
    while offset + 8 <= count {
      a = mix(a, word(bytes, offset), lane0)
      offset += 8
    }
    var tail: UInt64 = 0
    var shift: UInt64 = 0
    while offset < count {
      tail |= UInt64(bytes[offset]) << shift
      shift += 8
      offset += 1
    }
    b = mix(b, tail, lane1)
    var result = mix(a, UInt64(count), final)
    result = mix(result, b, lane1)
    result = mix(result, c, lane2)
    result = mix(result, d, lane3)
    return mix(result, result >> 32, final)
  }

  public static func of(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
    bytes.withUnsafeBytes { of($0, seed: seed) }
  }

  @inline(__always) private static func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  /// One step: a bijection of `state` for a fixed `word`, and of `word` for a fixed `state`, so that one changed word
  /// always shows. The highest bits of a word reach only the highest bits of the product; folding those down keeps a
  /// single bit of the next word from undoing them.
  @inline(__always) private static func mix(_ state: UInt64, _ word: UInt64, _ factor: UInt64) -> UInt64 {
    var product = (state ^ word) &* factor
    product ^= product >> 32
    return (product << 29 | product >> 35) &+ factor
  }
}
