// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The terminal on standard input, taken over for the guest's console and given back.
final class Terminal {
  private let descriptor: Int32
  private var saved: termios

  static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  /// Columns of the terminal on standard output.
  static var width: Int {
    var size = winsize()
    return ioctl(1, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
  }

  /// Takes over: every key comes at once, and unseen; Ctrl-C too, as only who reads them knows whether Ctrl-A came before it. Nil when
  /// `descriptor` is no terminal.
  init?(takingOver descriptor: Int32) {
    var settings = termios()
    guard tcgetattr(descriptor, &settings) == 0 else { return nil }
    self.descriptor = descriptor
    saved = settings
    settings.c_iflag &= ~tcflag_t(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON)
    settings.c_lflag &= ~tcflag_t(ECHO | ECHONL | ICANON | IEXTEN | ISIG)
    withUnsafeMutableBytes(of: &settings.c_cc) { keys in
      // Ctrl-Z and Ctrl-\ are the guest's; stopping or killing us here would leave the terminal as it is now.
      for key in [VSUSP, VQUIT] { keys[Int(key)] = 0 }
      keys[Int(VMIN)] = 1
      keys[Int(VTIME)] = 0
    }
    guard tcsetattr(descriptor, TCSANOW, &settings) == 0 else { return nil }
  }

  /// Whether the terminal itself makes a signal of Ctrl-C: for a time in which nobody reads the keys.
  var sendsInterrupts = false {
    didSet {
      guard sendsInterrupts != oldValue else { return }
      var settings = termios()
      guard tcgetattr(descriptor, &settings) == 0 else { return }
      if sendsInterrupts { settings.c_lflag |= tcflag_t(ISIG) } else { settings.c_lflag &= ~tcflag_t(ISIG) }
      tcsetattr(descriptor, TCSANOW, &settings)
    }
  }

  /// Does what the terminal would have done at Ctrl-C: who runs in front gets a signal.
  func interrupt() {
    if tcgetpgrp(descriptor) == getpgrp() { kill(0, SIGINT) } else { kill(getpid(), SIGINT) }
  }

  /// Puts the terminal back as it was.
  func giveBack() { tcsetattr(descriptor, TCSADRAIN, &saved) }
}
