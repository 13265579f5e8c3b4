#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The terminal on standard input, taken over for the guest's console and given back.
final class Terminal {
  private let descriptor: Int32
  private var saved: termios

  static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  /// Takes over: every key goes to the guest at once, and unseen, except Ctrl-C, which still ends the run. Nil when
  /// `descriptor` is no terminal.
  init?(takingOver descriptor: Int32) {
    var settings = termios()
    guard tcgetattr(descriptor, &settings) == 0 else { return nil }
    self.descriptor = descriptor
    saved = settings
    settings.c_iflag &= ~tcflag_t(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON)
    settings.c_lflag &= ~tcflag_t(ECHO | ECHONL | ICANON | IEXTEN)
    withUnsafeMutableBytes(of: &settings.c_cc) { keys in
      // Ctrl-Z and Ctrl-\ are the guest's; stopping or killing us here would leave the terminal as it is now.
      for key in [VSUSP, VQUIT] { keys[Int(key)] = 0 }
      keys[Int(VMIN)] = 1
      keys[Int(VTIME)] = 0
    }
    guard tcsetattr(descriptor, TCSANOW, &settings) == 0 else { return nil }
  }

  /// Puts the terminal back as it was.
  func giveBack() { tcsetattr(descriptor, TCSADRAIN, &saved) }
}

/// Finds what the user means for rrtool among the keys for the guest: Ctrl-A and one more, as in QEMU.
struct EscapeKeys {
  enum Command: Equatable {
    case help
    case exit
  }

  private static let controlA: UInt8 = 1
  private var isEscaped = false

  static let help = """
    \r
    Ctrl-A h       this help\r
    Ctrl-A x       end the run\r
    Ctrl-A Ctrl-A  send Ctrl-A\r

    """

  /// What of `bytes` is for the guest, and what is for rrtool.
  mutating func filter(_ bytes: some Sequence<UInt8>) -> (input: [UInt8], commands: [Command]) {
    var input: [UInt8] = []
    var commands: [Command] = []
    for byte in bytes {
      guard isEscaped else {
        if byte == Self.controlA { isEscaped = true } else { input.append(byte) }
        continue
      }
      isEscaped = false
      switch byte {
      case Self.controlA: input.append(byte)
      case UInt8(ascii: "x"): commands.append(.exit)
      case UInt8(ascii: "h"), UInt8(ascii: "?"): commands.append(.help)
      default: break
      }
    }
    return (input, commands)
  }
}
