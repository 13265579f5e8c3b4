// SPDX-License-Identifier: Apache-2.0

/// How far the translator has come with a block. What is rarely run is not worth thought: a block is translated plainly first,
/// then, when it has run often within few instructions, with a look at what its loads and stores do, and then for good.
struct TranslationStage {
  enum Code: UInt8 {
    case none
    /// Every access looks its page up.
    case plain
    /// The same, and for each access it is counted how often it went to another page than before.
    case profiled
    /// Accesses that stay on their page have inline caches.
    case cached
  }

  var code = Code.none
  /// The number of what counts its runs (`TranslatorTables`), or -1.
  var counter: Int32 = -1
  /// Instructions that its hart had executed when that began to count.
  var start: UInt64 = 0
  /// So many instructions its hart executed from one run to the next, the last time that anybody looked.
  var distance: UInt64 = 0
  /// How often its accesses were looked at.
  var profileCount: UInt8 = 0
  /// Where the profile of its accesses begins.
  var profile: Int32 = 0
  /// One bit an instruction: accesses that an inline cache did not do for.
  var uncached: UInt64 = 0
}
