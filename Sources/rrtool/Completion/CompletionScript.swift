// SPDX-License-Identifier: Apache-2.0

/// The parser's scripts for shells.
enum CompletionScript {
  private static let bashMark = "#!/bin/bash\n"

  /// bash parts words at `=`, and has the script asked for what is behind `file=` alone: where that has nothing to say, bash is to offer
  /// files. It reads the script and never starts it, so that the first line has no meaning. Other texts stay as they are.
  static func improved(_ text: String) -> String {
    guard text.hasPrefix(bashMark) else { return text }
    return String(text.dropFirst(bashMark.count))
      .replacing("\ncomplete -o filenames -F ", with: "\ncomplete -o filenames -o bashdefault -o default -F ")
  }
}
