// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// What went wrong, as a user needs to hear it: what it is about, what is wrong with it, and what to do.
///
/// Every failure that reaches the command line is one of these, and is shown as one line. A replay that diverged is
/// no failure of this kind but a `Divergence`.
public struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Kind: Equatable, Sendable {
    /// The request itself makes no sense; exit status 64.
    case usage
    /// A file is missing, cannot be read or written, or is of the wrong kind.
    case file
    /// Bytes are not what they should be: cut off, damaged, foreign.
    case damaged
    /// Made by a newer format than this tool knows.
    case newerFormat
    /// A base image is no longer what it was when the recording was made.
    case baseChanged
    /// The output is there already.
    case exists
    /// Something else is going on that must be over first.
    case busy
    /// Somebody did not want it any more.
    case cancelled
    /// The host refused something in the middle of the work: a full disk, an I/O error.
    case host
  }

  public var kind: Kind
  /// The file, option or part that it is about.
  public var subject: String
  public var problem: String
  /// What the user can do about it.
  public var remedy: String

  public init(_ kind: Kind, _ subject: String, _ problem: String, remedy: String) {
    self.kind = kind
    self.subject = subject
    self.problem = problem
    self.remedy = remedy
  }

  /// One line, with nothing in it that a terminal would take for a command.
  public var description: String { "\(subject): \(problem); \(remedy)".printable }
}
