// SPDX-License-Identifier: Apache-2.0

/// The inline caches of one context of a hart, in raw memory: for a place of translated code that loads or stores, the page that it
/// found last.
///
/// A table of translations is looked up by address, and the address has to be there before anything can begin. What a place of
/// code wants is found by the place instead, beside the address, and most places stay on one page for long. An entry also
/// serves all accesses of a block that go through the same base register, if the page holds them all.
///
/// Entries are copies of the translation cache's, and must go whenever one that they may be copies of goes.
struct InlineCaches {
  /// What an entry consists of. Each is an array.
  enum Field: Int {
    /// Virtual address of the page; `TranslationCache.noPage` in an empty entry.
    case page
    /// How many places from the page's start on are good for the first byte; 0 in an empty entry.
    case limit
    /// Host address less virtual address, modulo 2^64.
    case distance
  }

  /// Of each kind, loads and stores. Places that share an entry disturb each other, and nothing worse.
  static let entryCount = 512
  private static let fieldByteCount = entryCount * 8
  private static let kindByteCount = 3 * fieldByteCount

  /// At the start: for each place in a page of page-table entries, whether an entry may have come from one there.
  static let originCount = 512
  /// Then a byte each for loads and stores: are there any entries?
  static let areUsedOffset = originCount
  private static let entriesOffset = originCount + 64
  static let byteCount = entriesOffset + 2 * kindByteCount

  /// From the start, the place of a field of an entry.
  static func offset(_ kind: TranslationCache.Table, _ field: Field, _ number: Int) -> Int {
    entriesOffset + kind.rawValue * kindByteCount + field.rawValue * fieldByteCount + number * 8
  }

  let base: UnsafeMutableRawPointer

  /// The page-table entry at a physical address changes.
  func drop(entry: UInt64, mayBeLarge: Bool) {
    let place = Int(entry >> 3) & (Self.originCount - 1)
    if mayBeLarge || base.load(fromByteOffset: place, as: UInt8.self) != 0 { removeAll() }
  }

  func removeAll() {
    guard areUsed(.load) || areUsed(.store) else { return }
    remove(.load)
    remove(.store)
    base.initializeMemory(as: UInt8.self, repeating: 0, count: Self.originCount)
  }

  func removeStores() {
    if areUsed(.store) { remove(.store) }
  }

  /// To what a hart begins with, whatever stands there.
  func reset() {
    base.initializeMemory(as: UInt8.self, repeating: 0, count: Self.originCount)
    remove(.load)
    remove(.store)
  }

  private func areUsed(_ kind: TranslationCache.Table) -> Bool {
    base.load(fromByteOffset: Self.areUsedOffset + kind.rawValue, as: UInt8.self) != 0
  }

  private func remove(_ kind: TranslationCache.Table) {
    (base + Self.offset(kind, .page, 0)).initializeMemory(
      as: UInt8.self, repeating: 0xff, count: Self.fieldByteCount)
    (base + Self.offset(kind, .limit, 0)).initializeMemory(
      as: UInt8.self, repeating: 0, count: Self.fieldByteCount)
    base.storeBytes(of: 0, toByteOffset: Self.areUsedOffset + kind.rawValue, as: UInt8.self)
  }
}
