// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// A backing file as an overlay names it.
public struct BackingReference: Equatable, Sendable {
  /// The overlay's path.
  public let overlay: String
  /// The name as the overlay stores it.
  public let name: String
  /// The name as a path: plain relative names start at the overlay's folder, `file:` and `json:` ones at the current one.
  public let path: String
  /// The format that the overlay states for it, or else the name, if any does.
  public let format: ImageFormat?
}

/// What to do about a backing file.
public enum BackingDecision: Equatable, Sendable {
  /// Open this file in its place. A format of nil is refused unless the overlay states one.
  case open(path: String, format: ImageFormat?)
  /// Open nothing; what the overlay does not hold reads as zeros.
  case none
}

/// Opens images and the chains of backing files under them.
///
/// Backing files are only ever opened for reading and only when they are regular files. Their format is never guessed:
/// a guest can write anything into a raw image, including a qcow2 header that names any file of the host.
public struct ImageOpener {
  /// Decides on each backing file; it may veto one by throwing. The default opens what the overlay names.
  public var backingPolicy: (BackingReference) throws(DiskImageError) -> BackingDecision

  /// What is put between an overlay and all that lies under it; by default nothing.
  public var baseWrapper: ((any BlockImage) -> any BlockImage)?

  /// Where the external data file of an image is opened, when somebody knows better than the image itself. Gets the image's path and
  /// where that says its data file is.
  public var dataFilePlace: (_ image: String, _ place: String) -> String = { _, place in place }

  /// More overlays over one another than this are refused.
  static let maximumDepth = 64

  public init(
    backingPolicy: @escaping (BackingReference) throws(DiskImageError) -> BackingDecision = Self.followBacking
  ) {
    self.backingPolicy = backingPolicy
  }

  public static func followBacking(_ reference: BackingReference) throws(DiskImageError) -> BackingDecision {
    .open(path: reference.path, format: reference.format)
  }

  /// Opens an image of either format; nil means to look. `sharing` is for one that is only read.
  package func open(
    _ path: String, format: ImageFormat? = nil, readOnly: Bool = true, sharing: ImageSharing = .any
  ) throws(DiskImageError) -> any BlockImage {
    var opened: Set<HostFiles.Identity> = []
    return try open(path, format: format, readOnly: readOnly, sharing: sharing, opened: &opened)
  }

  /// Opens a qcow2 image, whose snapshots are of interest.
  public func openQcow2(_ path: String, readOnly: Bool = true) throws(DiskImageError) -> Qcow2Image {
    var opened: Set<HostFiles.Identity> = []
    let file = try ImageFile(opening: path, readOnly: readOnly)
    opened.insert(file.identity)
    return try qcow2(file, sharing: .any, opened: &opened)
  }

  private func open(
    _ path: String, format: ImageFormat?, readOnly: Bool, sharing: ImageSharing,
    opened: inout Set<HostFiles.Identity>
  ) throws(DiskImageError) -> any BlockImage {
    let file = try ImageFile(opening: path, readOnly: readOnly, sharing: sharing)
    guard opened.insert(file.identity).inserted else {
      throw DiskImageError(
        .damaged, path: path, problem: "the chain of backing files leads back to this file",
        advice: "set another backing file with 'qemu-img rebase -u'")
    }
    guard opened.count <= Self.maximumDepth else {
      throw DiskImageError(
        .limit, path: path, problem: "more than \(Self.maximumDepth) images lie over one another",
        advice: "merge some of them with 'qemu-img convert' or 'qemu-img commit'")
    }
    switch format ?? ImageFormat.probe(file) {
    case .raw: return try RawImage(file: file)
    case .qcow2: return try qcow2(file, sharing: sharing, opened: &opened)
    }
  }

  private func qcow2(
    _ file: ImageFile, sharing: ImageSharing, opened: inout Set<HostFiles.Identity>
  ) throws(DiskImageError) -> Qcow2Image {
    let header = try Qcow2Header(reading: file)
    let data = try dataFile(of: file, header, sharing: sharing)
    guard let name = header.backingFile else {
      return try Qcow2Image(file: file, data: data, header: header, backing: nil)
    }
    // A policy may know better; only a name that is used must make sense.
    let parsed = Result { () throws(DiskImageError) in try ImageName(parsing: name, in: file.path) }
    let named = (try? parsed.get()) ?? ImageName(path: name, format: nil, isPlain: true)
    let reference = BackingReference(
      overlay: file.path, name: name,
      path: named.isPlain ? Self.resolve(name, against: file.path) : named.path,
      format: try Self.format(named: header.backingFormat, overlay: file.path) ?? named.format)
    guard case .open(let path, let chosen) = try backingPolicy(reference) else {
      return try Qcow2Image(file: file, data: data, header: header, backing: nil)
    }
    if path == reference.path {
      _ = try parsed.get()
      if named.isPlain { try Self.checkIsFileName(name, overlay: file.path) }
    }
    guard let format = chosen ?? reference.format else {
      throw DiskImageError(
        .refused, path: file.path, problem: "it does not say what format its backing file '\(name)' has",
        advice: "state it with 'qemu-img rebase -u -b FILE -F FORMAT'")
    }
    let isTop = opened.count == 1
    var backing: any BlockImage
    do throws(DiskImageError) {
      backing = try open(path, format: format, readOnly: true, sharing: .stable, opened: &opened)
    } catch {
      throw DiskImageError(
        error.kind, path: error.path, problem: "backing file of \(file.path): \(error.problem)",
        advice: error.advice)
    }
    if isTop, let baseWrapper { backing = baseWrapper(backing) }
    return try Qcow2Image(file: file, data: data, header: header, backing: backing)
  }

  /// Opens the external data file of an image, for reading only, as what has one is not written here.
  ///
  /// QEMU takes a relative name from the current folder, unlike that of a backing file (7.2 and 10.0). An image that was carried
  /// together with its data file is found here too: beside it.
  private func dataFile(
    of file: ImageFile, _ header: Qcow2Header, sharing: ImageSharing
  ) throws(DiskImageError) -> ImageFile? {
    let places = try Self.dataFilePlaces(of: file, header)
    guard let first = places.first else { return nil }
    let path = dataFilePlace(file.path, places.first { access($0, F_OK) == 0 } ?? first)
    let data: ImageFile
    do throws(DiskImageError) {
      data = try ImageFile(opening: path, readOnly: true, sharing: sharing)
    } catch {
      throw DiskImageError(
        error.kind, path: error.path, problem: "external data file of \(file.path): \(error.problem)",
        advice: error.advice)
    }
    guard data.identity != file.identity else {
      throw .damaged(file.path, "it is its own external data file")
    }
    return data
  }

  /// Where the external data file of the qcow2 image at `path` could be, the first place first. Empty when it has none.
  public static func dataFilePlaces(of path: String) throws(DiskImageError) -> [String] {
    let file = try ImageFile(opening: path, readOnly: true)
    return try dataFilePlaces(of: file, Qcow2Header(reading: file))
  }

  private static func dataFilePlaces(
    of file: ImageFile, _ header: Qcow2Header
  ) throws(DiskImageError) -> [String] {
    guard header.geometry.hasExternalData, let text = header.dataFile else { return [] }
    let name = try ImageName(parsing: text, in: file.path)
    if name.isPlain { try checkIsFileName(text, overlay: file.path) }
    guard name.format != .qcow2 else {
      throw .unsupported(file.path, "an external data file of format 'qcow2'")
    }
    guard name.isPlain else { return [name.path] }
    let beside = resolve(name.path, against: file.path)
    return beside == name.path ? [name.path] : [name.path, beside]
  }

  /// A relative name starts at the overlay's folder, whatever the current folder is.
  static func resolve(_ name: String, against overlay: String) -> String {
    guard !name.hasPrefix("/"), let slash = overlay.lastIndex(of: "/") else { return name }
    return String(overlay[...slash]) + name
  }

  private static func format(named name: String?, overlay: String) throws(DiskImageError) -> ImageFormat? {
    guard let name else { return nil }
    guard let format = ImageFormat(rawValue: name) else {
      throw .unsupported(overlay, "a backing file of format '\(name)'")
    }
    return format
  }

  /// QEMU reads `json:...` and `protocol:...` as something else than the name of a file.
  static func checkIsFileName(_ name: String, overlay: String) throws(DiskImageError) {
    let beforeSlash = name.prefix { $0 != "/" }
    if name.isEmpty || beforeSlash.contains(":") {
      throw .unsupported(overlay, "a file that is not a local one ('\(name)')")
    }
    if name.contains("\0") { throw .damaged(overlay, "the name of its backing file holds a zero byte") }
  }
}
