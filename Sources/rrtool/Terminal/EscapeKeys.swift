// SPDX-License-Identifier: Apache-2.0

/// Finds what the user means for rrtool among the keys for the guest: Ctrl-A and one more, as in QEMU.
struct EscapeKeys {
  enum Command: Equatable {
    case help
    case exit
    /// Ctrl-C that is rrtool's.
    case interrupt
    /// To the monitor, or back to the guest.
    case monitor
  }

  enum Item: Equatable {
    case input([UInt8])
    case command(Command)
  }

  private static let controlA: UInt8 = 1
  private static let controlC: UInt8 = 3
  /// The next key is the second one: it is taken as it is, Ctrl-C too.
  private var isEscaped = false
  /// Ctrl-C ends the run; else it is the guest's, as any key.
  private let keepsInterrupts: Bool

  init(keepsInterrupts: Bool) { self.keepsInterrupts = keepsInterrupts }

  static let help = """
    \r
    Ctrl-A h       this help\r
    Ctrl-A x       end the run\r
    Ctrl-A c       to the monitor, and back\r
    Ctrl-A Ctrl-A  send Ctrl-A to the guest\r
    Ctrl-A Ctrl-C  send Ctrl-C to the guest\r

    """

  /// What is in `bytes`, in its order.
  mutating func items(in bytes: some Sequence<UInt8>) -> [Item] {
    var items: [Item] = []
    for byte in bytes {
      let isSecond = isEscaped
      isEscaped = !isSecond && byte == Self.controlA
      if isEscaped { continue }
      switch byte {
      case UInt8(ascii: "x") where isSecond: items.append(.command(.exit))
      case UInt8(ascii: "h") where isSecond, UInt8(ascii: "?") where isSecond: items.append(.command(.help))
      case UInt8(ascii: "c") where isSecond: items.append(.command(.monitor))
      case Self.controlC where keepsInterrupts && !isSecond: items.append(.command(.interrupt))
      case _ where isSecond && byte != Self.controlA && byte != Self.controlC: break
      default:
        if case .input(let earlier)? = items.last {
          items[items.count - 1] = .input(earlier + [byte])
        } else {
          items.append(.input([byte]))
        }
      }
    }
    return items
  }
}
