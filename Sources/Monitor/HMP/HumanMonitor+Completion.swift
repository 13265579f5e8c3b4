// SPDX-License-Identifier: Apache-2.0

import HostSystem

/// What may stand in place of the last word of a line.
public struct Completion: Equatable, Sendable {
  /// Where the word to be completed begins: characters from the line's start.
  public var start: Int
  /// What it may become, sorted. One that ends in a space or a slash is complete so far.
  public var candidates: [String]

  public init(start: Int, candidates: [String]) {
    self.start = start
    self.candidates = candidates
  }
}

extension HumanMonitor {
  /// At most so many candidates are answered: a folder may hold millions of files.
  private static let candidateLimit = 1000

  /// How `line`, which the user has typed so far, may go on.
  public func complete(_ line: String) -> Completion {
    let start = line.lastIndex { $0 == " " }.map { line.index(after: $0) } ?? line.startIndex
    let word = String(line[start...])
    let words = line[..<start].split(separator: " ").map(String.init)
    let all = candidates(for: word, after: words).filter { $0.hasPrefix(word) }
    return Completion(
      start: line.distance(from: line.startIndex, to: start),
      candidates: Array(all.sorted().prefix(Self.candidateLimit)))
  }

  private func candidates(for word: String, after words: [String]) -> [String] {
    guard let first = words.first else {
      return HumanCommand.all.flatMap(\.names).map { $0 + " " }
    }
    guard let command = HumanCommand.find(first) else { return [] }
    if word.hasPrefix("-") {
      return command.parameters.compactMap { parameter in
        guard case .flag(let flag) = parameter.kind else { return nil }
        return flag + " "
      }
    }
    let given = words.dropFirst().filter { !$0.hasPrefix("-") }.count
    let places = command.parameters.filter { parameter in
      if case .flag = parameter.kind { return false }
      return true
    }
    guard given < places.count else { return [] }
    switch places[given].kind {
    case .file: return Self.files(word)
    case .snapshot, .position: return snapshotNames
    case .command: return HumanCommand.all.flatMap(\.names).map { $0 + " " }
    case .subject: return InfoSubject.all.map { $0.name + " " }
    case .parameter: return ["downtime-limit ", "max-bandwidth "]
    case .flag, .word, .expression, .format: return []
    }
  }

  /// None when the run has no snapshots, or cannot have any.
  private var snapshotNames: [String] {
    do throws(MonitorError) {
      return try target.listSnapshots().map { $0.name + " " }
    } catch {
      return []
    }
  }

  /// Files of the host whose path begins like this; folders end in a slash.
  private static func files(_ word: String) -> [String] {
    // A migration's destination names a file behind a scheme.
    if let colon = word.firstIndex(of: ":"), ["file", "unix"].contains(word[..<colon]) {
      let scheme = word[...colon]
      return files(String(word[word.index(after: colon)...])).map { scheme + $0 }
    }
    let folder = word.lastIndex(of: "/").map { String(word[...$0]) } ?? ""
    let prefix = word.dropFirst(folder.count)
    do throws(Failure) {
      return try HostFiles.names(in: folder.isEmpty ? "." : folder)
        .filter { $0.hasPrefix(prefix) && (!$0.hasPrefix(".") || prefix.hasPrefix(".")) }
        .prefix(candidateLimit)
        .map { folder + $0 + (HostFiles.kind(of: folder + $0) == .folder ? "/" : " ") }
    } catch {
      return []
    }
  }
}
