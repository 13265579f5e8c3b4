/// Compresses memory several times faster than zlib's fastest level, to streams that zlib unpacks.
///
/// Snapshots are compressed while their guest runs, so what counts is the processor time that this takes, and not the last
/// tenth of the size. Hence (RFC 1951): one block with the fixed codes, a table with the latest place of every hash of
/// four bytes, the first match taken, and longer steps where nothing has matched for a while. Distances reach as far as
/// a window of 4 KiB, which is what readers of compressed qcow2 clusters have.
///
/// Not Sendable: its tables and its output are used again by each call.
public final class FastDeflater {
  private static let window = 4096
  private static let hashBits: UInt32 = 12
  private static let shortestMatch = 4
  private static let longestMatch = 258
  /// As many literals are written at once at most; a quarter of a page has then passed without a match.
  private static let longestStep = 16
  /// More than one round of the loop, or what follows it, can write: sixteen literals of 9 bits, then the end.
  private static let slack = 64

  /// A code's bits, first one lowest, below its length.
  private typealias Code = UInt32
  private static let lengthShift: UInt32 = 24

  /// Where each hash was seen last. A place too far away, before there is one.
  private let places: UnsafeMutablePointer<UInt32>
  private static let nowhere: UInt32 = 1 << 31
  /// One a byte.
  private let literals: UnsafeMutablePointer<Code>
  /// One a match's length, with its extra bits.
  private let lengths: UnsafeMutablePointer<Code>
  /// The bits of the codes of distances, five each, without extra bits.
  private let distances: UnsafeMutablePointer<UInt32>
  private var output: UnsafeMutableRawBufferPointer

  public init() {
    places = .allocate(capacity: 1 << Self.hashBits)
    literals = .allocate(capacity: 256)
    lengths = .allocate(capacity: Self.longestMatch + 1)
    distances = .allocate(capacity: 32)
    output = .allocate(byteCount: 0, alignment: 16)
    for byte in 0..<256 { literals[byte] = Self.symbol(byte) }
    for length in 0...Self.longestMatch { lengths[length] = Self.code(ofLength: length) }
    for code in 0..<32 { distances[code] = Self.reversed(UInt32(code), 5) & 31 }
  }

  deinit {
    places.deallocate()
    literals.deallocate()
    lengths.deallocate()
    distances.deallocate()
    output.deallocate()
  }

  /// `input` (at most 1 GiB) as a raw deflate stream, or nil when that takes more than `limit` bytes; also, perhaps, when it
  /// takes almost as many.
  public func deflate(_ input: UnsafeRawBufferPointer, limit: Int) -> [UInt8]? {
    precondition(input.count <= 1 << 30, "one-shot compression is limited to 1 GiB")
    guard limit > Self.slack, let start = input.baseAddress else { return nil }
    if output.count < limit {
      output.deallocate()
      output = .allocate(byteCount: limit, alignment: 16)
    }
    guard let target = output.baseAddress else { return nil }
    places.update(repeating: Self.nowhere, count: 1 << Self.hashBits)

    // The last block, with fixed codes.
    var writer = BitWriter(next: target, bits: 0b011, count: 3)
    let last = target + (limit - Self.slack)
    var at = 0
    var misses = 0
    // Eight bytes can be loaded from wherever a match may begin.
    let end = input.count - 8
    while at < end {
      guard writer.next <= last else { return nil }
      let word = start.loadUnaligned(fromByteOffset: at, as: UInt32.self)
      let hash = Int((word &* 0x9e37_79b1) >> (32 - Self.hashBits))
      let place = Int(places[hash])
      places[hash] = UInt32(truncatingIfNeeded: at)
      let distance = at &- place
      if distance > 0 && distance <= Self.window
        && start.loadUnaligned(fromByteOffset: place, as: UInt32.self) == word
      {
        let length = Self.matchLength(start, place, at, limit: min(Self.longestMatch, input.count &- at))
        put(match: length, distance: distance, &writer)
        at &+= length
        misses = 0
      } else {
        let step = min(1 &+ misses >> 5, Self.longestStep, end &- at)
        for index in at..<at &+ step { put(literal: start, index, &writer) }
        at &+= step
        misses &+= 1
      }
    }
    guard writer.next <= last else { return nil }
    while at < input.count {
      put(literal: start, at, &writer)
      at &+= 1
    }
    writer.put(Self.symbol(256))
    writer.finish()
    return Array(UnsafeRawBufferPointer(start: target, count: writer.next - target))
  }

  /// How many bytes at `place` and `at`, which begin with the same four, are equal.
  @inline(__always)
  private static func matchLength(_ start: UnsafeRawPointer, _ place: Int, _ at: Int, limit: Int) -> Int {
    var length = shortestMatch
    while length &+ 8 <= limit {
      let difference =
        start.loadUnaligned(fromByteOffset: place &+ length, as: UInt64.self)
        ^ start.loadUnaligned(fromByteOffset: at &+ length, as: UInt64.self)
      if difference != 0 {
        return length &+ UInt64(littleEndian: difference).trailingZeroBitCount >> 3
      }
      length &+= 8
    }
    while length < limit,
      start.load(fromByteOffset: place &+ length, as: UInt8.self)
        == start.load(fromByteOffset: at &+ length, as: UInt8.self)
    { length &+= 1 }
    return length
  }

  @inline(__always)
  private func put(literal start: UnsafeRawPointer, _ index: Int, _ writer: inout BitWriter) {
    writer.put(literals[Int(start.load(fromByteOffset: index, as: UInt8.self))])
  }

  @inline(__always)
  private func put(match length: Int, distance: Int, _ writer: inout BitWriter) {
    writer.put(lengths[length])
    // Section 3.2.5: from 5 on, codes go in pairs for each power of two, and the rest of the number follows.
    let number = UInt32(truncatingIfNeeded: distance &- 1)
    if number < 4 {
      writer.put(distances[Int(number)], width: 5)
      return
    }
    let extra = 30 &- UInt32(truncatingIfNeeded: number.leadingZeroBitCount)
    let code = extra &* 2 &+ number >> extra
    let rest = number & (1 << extra &- 1)
    writer.put(distances[Int(code)] | rest << 5, width: 5 &+ extra)
  }

  // MARK: Codes

  /// Section 3.2.6: the fixed code of a literal, of the end (256) or of a length.
  private static func symbol(_ symbol: Int) -> Code {
    let number = UInt32(symbol)
    return switch symbol {
    case ..<144: reversed(0x30 + number, 8)
    case ..<256: reversed(0x190 + number - 144, 9)
    case ..<280: reversed(number - 256, 7)
    default: reversed(0xc0 + number - 280, 8)
    }
  }

  /// Section 3.2.5: four codes for each power of two, with extra bits from 11 on; 258 has a code of its own.
  private static func code(ofLength length: Int) -> Code {
    guard length >= 3 else { return 0 }
    if length == longestMatch { return symbol(285) }
    let number = length - 3
    if number < 8 { return symbol(257 + number) }
    let extra = number.bitWidth - 3 - number.leadingZeroBitCount
    let code = symbol(257 + extra * 4 + number >> extra)
    let width = code >> lengthShift
    let rest = UInt32(number & (1 << extra - 1))
    return (code & (1 << lengthShift - 1)) | rest << width | (width + UInt32(extra)) << lengthShift
  }

  /// Codes are packed with their first bit lowest, other numbers with their last.
  private static func reversed(_ code: UInt32, _ width: UInt32) -> Code {
    var result: UInt32 = 0
    for bit in 0..<width where code >> bit & 1 != 0 { result |= 1 << (width - 1 - bit) }
    return result | width << lengthShift
  }

  /// Bits on their way out; fewer than eight are kept between two calls.
  private struct BitWriter {
    var next: UnsafeMutableRawPointer
    var bits: UInt64
    var count: UInt64

    @inline(__always)
    mutating func put(_ code: Code) {
      put(code & (1 << FastDeflater.lengthShift &- 1), width: code >> FastDeflater.lengthShift)
    }

    /// Writes eight bytes, of which those that are full count.
    @inline(__always)
    mutating func put(_ value: UInt32, width: UInt32) {
      bits |= UInt64(value) &<< count
      count &+= UInt64(width)
      next.storeBytes(of: bits.littleEndian, as: UInt64.self)
      next += Int(count &>> 3)
      bits &>>= count & ~7
      count &= 7
    }

    mutating func finish() {
      if count > 0 { next += 1 }
    }
  }
}
