// SPDX-License-Identifier: Apache-2.0

/// Why a file is not the executable or kernel it should be.
package enum ImageFormatError: Error, Equatable, Sendable {
  /// `part` needs `needed` bytes of the file and `available` are there.
  case truncated(part: String, needed: UInt64, available: UInt64)
  /// A well-formed file of a kind that this machine does not run; `use` says what would run.
  case unsupported(what: String, use: String)
  /// The file contradicts itself.
  case inconsistent(what: String)
  /// Compressed data that do not unpack; `what` is what the decompressor says.
  case damagedCompression(what: String)
  /// Compressed data that unpack to more than `limit` bytes.
  case unpacksBeyond(limit: UInt64)

  /// What is wrong and what to do, as the end of a line "kernel: ...".
  package var reason: String {
    switch self {
    case .truncated(let part, let needed, let available):
      "truncated: \(part) needs \(needed) bytes and \(available) are there; copy or build the file again"
    case .unsupported(let what, let use): "\(what); use \(use)"
    case .inconsistent(let what): "damaged: \(what); copy or build the file again"
    case .damagedCompression(let what):
      "its compressed payload is damaged (\(what)); copy or build the file again"
    case .unpacksBeyond(let limit):
      "its compressed payload unpacks to more than \(readableSize(limit)); give the guest more --memory"
    }
  }
}

/// A size as people read it, rounded up to a tenth of its unit.
func readableSize(_ bytes: UInt64) -> String {
  let units = ["KiB", "MiB", "GiB", "TiB"]
  guard bytes >= 1024 else { return "\(bytes) bytes" }
  var shift: UInt64 = 10
  var unit = 0
  while unit + 1 < units.count, bytes >> (shift + 10) > 0 {
    shift += 10
    unit += 1
  }
  var whole = bytes >> shift
  let rest = bytes & ((1 << shift) - 1)
  // Dividing first keeps the product small: shift is at most 40.
  var tenths = (rest * 10 + (1 << shift) - 1) >> shift
  if tenths == 10 { (whole, tenths) = (whole + 1, 0) }
  return tenths == 0 ? "\(whole) \(units[unit])" : "\(whole).\(tenths) \(units[unit])"
}

func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
