// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import DiskImage
import Glibc
import HostSystem

/// A recording that goes when the process does, in a folder that nobody else can enter: a packed one that is looked into, or one of a run
/// of which nothing is to be kept. Whoever is killed leaves it for the next one.
///
/// Sendable: it does not change.
public final class TemporaryRecording: Sendable {
  static let prefix = "rrtool-packed-"

  public let packed: String
  /// Where its files are.
  public let path: String
  private let parent: String
  /// Held for its lock, which says that the folder is in use.
  private let folder: OpenFolder

  /// Makes the folder: where temporary files go.
  ///
  /// - Parameter purpose: what it is for, in the message that there is none.
  public init(of packed: String, purpose: String = "unpack into") throws(Failure) {
    self.packed = packed
    let place = TemporaryFile.defaultFolder
    Self.removeLeftovers(in: place)
    var template = Array("\(place)/\(Self.prefix)\(getpid())-XXXXXX".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { buffer -> String? in
      // A template is not empty.
      mkdtemp(buffer.baseAddress!).map { String(cString: $0) }
    }
    guard let made else {
      var failure = Failure.system(errno, path: place, doing: "cannot make a folder to \(purpose)")
      failure.remedy = "name another folder with TMPDIR"
      throw failure
    }
    parent = made
    guard let folder = OpenFolder(made), folder.lock() else {
      rmdir(made)
      throw .system(errno, path: place, doing: "cannot open the folder to \(purpose)")
    }
    self.folder = folder
    let name = HostFiles.lastName(of: packed)
    let stem =
      name.hasSuffix(Recording.packedSuffix) ? String(name.dropLast(Recording.packedSuffix.count)) : name
    path = made + "/" + (stem.isEmpty || stem.utf8.count > 100 ? "recording" : stem) + Recording.folderSuffix
  }

  /// Fills it, and opens what is there.
  public func unpack(onlyLog: Bool, progress: Recording.PackProgress) throws(Failure) -> Recording {
    var recording = try Recording.unpack(packed, to: path, force: false, onlyLog: onlyLog, progress: progress)
    recording.packedPath = packed
    return recording
  }

  /// Removes all of it, as far as it is there. Nobody may write into it any more.
  public func remove() { Self.remove(parent) }

  /// A folder of folders of files. What cannot be removed is in nobody's way.
  private static func remove(_ path: String) {
    for name in (try? HostFiles.names(in: path)) ?? [] {
      // What is a link is removed and not followed.
      if unlink(path + "/" + name) != 0 { try? HostFiles.removeFlatFolder(path + "/" + name) }
    }
    rmdir(path)
  }

  /// Removes the folders of processes that are no more.
  private static func removeLeftovers(in place: String) {
    for name in (try? HostFiles.names(in: place)) ?? [] where name.hasPrefix(prefix) {
      let words = name.dropFirst(prefix.count).split(separator: "-")
      guard words.count == 2, let process = pid_t(words[0]), process > 0, kill(process, 0) != 0,
        errno == ESRCH
      else { continue }
      let path = place + "/" + name
      var status = stat()
      guard let folder = OpenFolder(path), fstat(folder.descriptor, &status) == 0, status.st_uid == geteuid(),
        folder.lock()
      else { continue }
      remove(path)
    }
  }
}

extension Recording {
  /// The manifest of the packed recording at `path`, and nothing else of it: what comes before is passed over.
  public static func manifest(ofPacked path: String) throws(Failure) -> RecordingManifest {
    let reader = try PackReader(path)
    while let header = try reader.next() {
      guard header.kind == .file, header.name.hasSuffix("/" + manifestName) else { continue }
      guard header.size <= manifestLimit else {
        throw reader.damaged("has a \(manifestName) of \(header.size) bytes")
      }
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(header.size), alignment: 16)
      defer { buffer.deallocate() }
      var done = 0
      while done < buffer.count {
        done += try reader.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...]))
      }
      return try decode(Array(buffer), file: "\(path) (\(manifestName))")
    }
    throw reader.damaged("has no \(manifestName): it is no packed recording")
  }
}
