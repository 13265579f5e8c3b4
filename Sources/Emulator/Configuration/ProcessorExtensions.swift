// SPDX-License-Identifier: Apache-2.0

/// What a hart has beyond RV64GC with Zba, Zbb, Zbs, Sstc and the modes M, S and U, which every hart has.
///
/// The decoder, the CSRs, the walk of page tables and the device tree ask it; none of them on a hot path. Names are the
/// specification's. One that implies another is given together with it.
public struct ProcessorExtensions: OptionSet, Sendable {
  public let rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  private static func bit(_ number: UInt64) -> ProcessorExtensions { Self(rawValue: 1 << number) }

  // MARK: Instructions

  public static let zicbom = bit(0)
  public static let zicboz = bit(1)
  /// Prefetches are hints: without it they do as much.
  public static let zicbop = bit(2)
  public static let zbc = bit(3)
  public static let zicond = bit(4)
  public static let zcb = bit(5)
  public static let zawrs = bit(6)
  public static let zimop = bit(7)
  public static let zcmop = bit(8)
  public static let zacas = bit(9)
  public static let zabha = bit(10)
  /// Hints too.
  public static let zihintntl = bit(11)
  public static let zfhmin = bit(12)
  public static let zfh = bit(13)
  public static let zfa = bit(14)

  // MARK: Translation

  public static let svinval = bit(24)
  public static let svnapot = bit(25)
  public static let svpbmt = bit(26)
  /// `menvcfg.ADUE` can be set, and is at the start: then harts set A and D bits. Without it they never do (Svade).
  public static let svadu = bit(27)
  public static let sv48 = bit(28)

  // MARK: Control and status registers

  public static let sscofpmf = bit(32)
  /// `misa` has the letter that stands for Zba, Zbb and Zbs together.
  public static let b = bit(33)

  /// What machines of the first revision have.
  static let firstRevision: ProcessorExtensions = [.svadu, .sv48]
}
