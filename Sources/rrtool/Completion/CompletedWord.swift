// SPDX-License-Identifier: Apache-2.0

import HostSystem
import RecordingStore

/// The beginning of a name that is to be completed.
struct CompletedWord {
  /// With its slash, as it was typed; empty for the current one.
  private let folder: String
  private let showsHidden: Bool

  init(_ prefix: String) {
    let slash = prefix.lastIndex(of: "/").map { prefix.index(after: $0) } ?? prefix.startIndex
    folder = String(prefix[..<slash])
    showsHidden = prefix[slash...].hasPrefix(".")
  }

  /// Recordings that it may be: in the folder that was typed so far, and the folders there, where others may be; without one, those of
  /// the default folder as well.
  func recordings(alsoPacked: Bool = true) -> [String] {
    var (found, folders): ([String], [String]) = ([], [])
    for name in names() {
      let path = folder + name
      switch HostFiles.kind(of: path) {
      case .folder? where Recording.exists(at: path): found.append(path)
      case .folder?: folders.append(path + "/")
      case .regular? where alsoPacked && name.hasSuffix(Recording.packedSuffix): found.append(path)
      default: break
      }
    }
    if folder.isEmpty {
      let traces = TraceFolder()
      let others =
        ((try? traces.recordings()) ?? []) + (alsoPacked ? (try? traces.packedRecordings()) ?? [] : [])
      for name in others.map(HostFiles.lastName) where !found.contains(name) { found.append(name) }
    }
    return found + folders
  }

  /// All files that it may be, and folders.
  func files() -> [String] {
    names().map { name in folder + name + (HostFiles.kind(of: folder + name) == .folder ? "/" : "") }
  }

  private func names() -> [String] {
    let names = (try? HostFiles.names(in: folder.isEmpty ? "." : folder)) ?? []
    return names.filter { showsHidden || !$0.hasPrefix(".") }.sorted()
  }
}
