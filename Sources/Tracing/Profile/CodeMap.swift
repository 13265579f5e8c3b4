// SPDX-License-Identifier: Apache-2.0

import HostSystem

/// Which function an address of code belongs to.
///
/// Functions have numbers. Where no symbol reaches, code of each mode is one function; without any symbols, each address that is
/// called is one.
package struct CodeMap: ~Copyable {
  /// A stretch of code that belongs to one function, and what has no name behind it, to none.
  struct Stretch: BitwiseCopyable {
    var start: UInt64
    /// Behind its last byte; 0 for the end of all addresses.
    var end: UInt64
    /// -1 where it is nobody's.
    var function: Int32

    @inline(__always)
    func contains(_ address: UInt64) -> Bool { address &- start < end &- start }
  }

  private struct Known: BitwiseCopyable {
    var address: UInt64
    var stretch: Stretch
  }

  /// Functions without a name: code of a mode.
  private static let modeNames = ["[user]", "[supervisor]", "[machine]"]
  private static let knownCount = 8192

  /// By number.
  package private(set) var names: [String]
  /// Ascending, one behind the other from address 0 on.
  private var stretches: [Stretch] = []
  /// Without symbols: the functions by their first addresses.
  private var targets: [UInt64: Int32] = [:]
  /// Stretches that were asked for, by address.
  private let known = HostTable<Known>(count: CodeMap.knownCount)

  /// - Parameter places: the symbols of code, in any order.
  package init(_ places: [NamedCode]) {
    names = Self.modeNames
    let counts = Dictionary(
      places.lazy.filter { Self.whole($0.name) == nil }.map { ($0.name, 1) }, uniquingKeysWith: +)
    var numbers: [String: Int32] = [:]
    var end: UInt64 = 0
    for place in NamedCode.disjoint(places) {
      if place.address > end { stretches.append(Stretch(start: end, end: place.address, function: -1)) }
      end = place.address + place.byteCount
      var name = place.name
      if let whole = Self.whole(name), counts[whole] == 1 {
        name = whole
      } else if counts[name, default: 1] > 1 {
        // Several functions of one name.
        name += "@\(String(place.address, radix: 16))"
      }
      let number = numbers[name] ?? Int32(names.count)
      if numbers[name] == nil {
        numbers[name] = number
        names.append(name)
      }
      stretches.append(Stretch(start: place.address, end: end, function: number))
    }
    // Without symbols all is one stretch.
    stretches.append(Stretch(start: end, end: stretches.isEmpty ? .max : 0, function: -1))
  }

  /// Of a part of a function that GCC has put elsewhere, and that is branched to ("name.cold"): the function's name. What Clang calls
  /// "name.cold.1" is called, and a function of its own.
  private static func whole(_ name: String) -> String? {
    name.hasSuffix(".cold") ? String(name.dropLast(5)) : nil
  }

  /// There are no symbols.
  var isEmpty: Bool { stretches.count == 1 }

  /// The stretch that an address lies in, and the function that a hart in a mode executes there.
  @inline(__always)
  mutating func find(_ address: UInt64, privilege: UInt64) -> Stretch {
    let slot = known.entries + Int(truncatingIfNeeded: address >> 1) & (Self.knownCount - 1)
    var stretch = slot.pointee.stretch
    if slot.pointee.address != address || stretch.start == stretch.end {
      stretch = search(address)
      slot.pointee = Known(address: address, stretch: stretch)
    }
    if stretch.function < 0 { stretch.function = Int32(min(privilege, 2)) }
    return stretch
  }

  /// Nobody's: see `modeNames`.
  func isUnnamed(_ function: Int32) -> Bool { function < Self.modeNames.count }

  /// What is called at an address: its function.
  mutating func callee(_ target: UInt64, privilege: UInt64) -> Stretch {
    guard isEmpty else { return find(target, privilege: privilege) }
    let number: Int32
    if let known = targets[target] {
      number = known
    } else {
      number = Int32(names.count)
      names.append("0x\(String(target, radix: 16))")
      targets[target] = number
    }
    return Stretch(start: 0, end: .max, function: number)
  }

  @inline(never)
  private func search(_ address: UInt64) -> Stretch {
    var (low, high) = (0, stretches.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if stretches[middle].start <= address { low = middle } else { high = middle }
    }
    return stretches[low]
  }
}
