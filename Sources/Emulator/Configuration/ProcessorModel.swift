// SPDX-License-Identifier: Apache-2.0

/// The kinds of harts that a machine can be made of, named as QEMU 10 names them.
///
/// They have what theirs have there, less what docs/guest-machine.md lists.
public enum ProcessorModel: String, Sendable, CaseIterable {
  /// What QEMU gives when no one asks for anything.
  case rv64
  /// The profile RVA22S64 and nothing that it leaves open but Sstc.
  case rva22s64
  /// All there is.
  case max

  public var extensions: ProcessorExtensions {
    switch self {
    case .rv64:
      [.zicbom, .zicboz, .zicbop, .zbc, .zawrs, .zihintntl, .zfa, .svadu, .sv48]
    case .rva22s64:
      [.zicbom, .zicboz, .zicbop, .zfhmin, .svinval, .svpbmt, .b]
    case .max:
      [
        .zicbom, .zicboz, .zicbop, .zbc, .zicond, .zcb, .zawrs, .zimop, .zcmop, .zacas, .zabha, .zihintntl,
        .zfhmin, .zfh, .zfa, .svinval, .svnapot, .svpbmt, .svadu, .sv48, .sscofpmf, .b,
      ]
    }
  }
}
