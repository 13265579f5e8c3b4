// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// The folder where recordings go when nobody says where, and the link there to the latest one, as rr has it.
public struct TraceFolder: Sendable {
  public static let latestName = "latest-trace"

  public let path: String

  /// `$RRTOOL_TRACE_DIR`, else `rrtool` in the XDG data folder.
  public init(environment: (String) -> String?) {
    func value(_ name: String) -> String? { environment(name).flatMap { $0.isEmpty ? nil : $0 } }
    if let folder = value("RRTOOL_TRACE_DIR") {
      path = folder
    } else if let data = value("XDG_DATA_HOME"), data.hasPrefix("/") {
      path = data + "/rrtool"
    } else {
      // Without $HOME, as in a service, it is where the user database says; never the folder that happens to be the current one.
      path = (value("HOME") ?? Self.homeFolder ?? "") + "/.local/share/rrtool"
    }
  }

  public init(path: String) { self.path = path }

  public init() {
    self.init { name in getenv(name).map { String(cString: $0) } }
  }

  private static var homeFolder: String? {
    guard let entry = getpwuid(getuid()), let folder = entry.pointee.pw_dir else { return nil }
    let path = String(cString: folder)
    return path.hasPrefix("/") ? path : nil
  }

  /// A path in this folder that is not taken: GUEST-0.rr, GUEST-1.rr, ...
  public func unusedPath(guest: String) -> String {
    var number = 0
    while true {
      let candidate = "\(path)/\(guest)-\(number)\(Recording.folderSuffix)"
      if HostFiles.kind(of: candidate) == nil { return candidate }
      number += 1
    }
  }

  /// The recording that was made last.
  public func latest() throws(Failure) -> String {
    let link = path + "/" + Self.latestName
    guard let recording = HostFiles.resolved(link) else {
      let isDangling = HostFiles.linkTarget(link) != nil
      throw Failure(
        .file, link, isDangling ? "the latest recording is no longer there" : "there is no recording yet",
        remedy: "name a recording, or make one with 'rrtool record'")
    }
    return recording
  }

  /// Remembers `recording` as the latest one.
  public func setLatest(_ recording: String) throws(Failure) {
    try HostFiles.makeFolders(path)
    try HostFiles.replaceLink(path + "/" + Self.latestName, target: HostFiles.absolute(recording))
  }

  /// The recordings in this folder, by name.
  public func recordings() throws(Failure) -> [String] {
    guard HostFiles.kind(of: path) == .folder else { return [] }
    return try HostFiles.names(in: path).map { path + "/" + $0 }
      .filter { HostFiles.linkTarget($0) == nil && Recording.exists(at: $0) }
  }

  /// Removes what killed recorders and packers left here.
  public func removeLeftovers() {
    RecordingFolder.removeLeftovers(in: path)
    PartialFiles.removeLeftovers(in: path)
  }

  /// The packed recordings in this folder, by name.
  public func packedRecordings() throws(Failure) -> [String] {
    guard HostFiles.kind(of: path) == .folder else { return [] }
    return try HostFiles.names(in: path).map { path + "/" + $0 }
      .filter { $0.hasSuffix(Recording.packedSuffix) && Recording.isPacked(at: $0) }
  }

  /// Where a recording that the user named is: as it is, or with ".rr" added, here or in this folder, or else a packed one likewise;
  /// with no name, the latest one.
  public func locate(_ name: String?) throws(Failure) -> String {
    guard let name else { return try latest() }
    func candidates(_ suffix: String) -> [String] {
      let here = [name, name + suffix]
      return name.contains("/") ? here : here + here.map { "\(path)/\($0)" }
    }
    return candidates(Recording.folderSuffix).first { Recording.exists(at: $0) }
      ?? candidates(Recording.packedSuffix).first { Recording.isPacked(at: $0) } ?? name
  }
}
