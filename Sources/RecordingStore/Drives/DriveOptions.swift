// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import DiskImage
import HostSystem

/// What `--drive` asks for.
public struct DriveOptions: Equatable, Sendable {
  public enum Overlay: Equatable, Sendable {
    /// In the recording's folder.
    case automatic
    /// `overlay=FILE`.
    case file(String)
    /// `overlay=none`: the image itself is written.
    case none
  }

  /// What the drive holds at the start.
  public enum Source: Equatable, Sendable {
    case file(String, format: ImageFormat?)
    /// So many zero bytes.
    case blank(size: Int)

    var isFile: Bool { if case .file = self { true } else { false } }
  }

  public var source: Source
  public var overlay: Overlay
  public var readOnly: Bool
  /// Whether what is read of the image is kept in the recording, so that this needs no image.
  public var copyOnRead: Bool

  public init(
    source: Source, overlay: Overlay = .automatic, readOnly: Bool = false, copyOnRead: Bool = false
  ) {
    self.source = source
    self.overlay = overlay
    self.readOnly = readOnly
    self.copyOnRead = copyOnRead
  }

  /// Reads `file=F[,format=raw|qcow2][,overlay=F|none][,readonly=on|off][,copy-on-read=on|off]`. Two commas stand for one in a
  /// value. F may be written as `file:NAME` and `json:{...}`, as QEMU takes it.
  public init(parsing text: String) throws(Failure) {
    func refuse(_ problem: String) -> Failure {
      Failure(
        .usage, "--drive \(text)", problem,
        remedy:
          "write file=FILE[,format=raw|qcow2][,overlay=FILE|none][,readonly=on|off][,copy-on-read=on|off]")
    }
    var values: [String: String] = [:]
    for (key, value) in try OptionList.parse(text, option: "--drive") {
      guard values.updateValue(value, forKey: key) == nil else { throw refuse("gives '\(key)' twice") }
    }
    guard let file = values.removeValue(forKey: "file"), !file.isEmpty else { throw refuse("names no file") }
    var format: ImageFormat?
    if let name = values.removeValue(forKey: "format") {
      guard let known = ImageFormat(rawValue: name) else {
        throw refuse("'\(name)' is no format that rrtool knows")
      }
      format = known
    }
    let name = try withImageFailures { () throws(DiskImageError) in try ImageName(givenByUser: file) }
    if let format, let stated = name.format, format != stated {
      throw refuse("says '\(format.rawValue)', and the name of its file '\(stated.rawValue)'")
    }
    source = .file(name.path, format: format ?? name.format)
    switch values.removeValue(forKey: "overlay") {
    case nil: overlay = .automatic
    case "none"?: overlay = .none
    case ""?: throw refuse("names no overlay")
    case let name?: overlay = .file(name)
    }
    func flag(_ key: String) throws(Failure) -> Bool {
      switch values.removeValue(forKey: key) {
      case nil, "off"?: return false
      case "on"?: return true
      case let value?: throw refuse("\(key) is on or off, not '\(value)'")
      }
    }
    readOnly = try flag("readonly")
    copyOnRead = try flag("copy-on-read")
    if let key = values.keys.min() { throw refuse("'\(key)' is not an option of a drive") }
    if copyOnRead, overlay == .none {
      throw refuse("with overlay=none nothing lies under what is written, and nothing is to be copied")
    }
    if readOnly, overlay != .automatic { throw refuse("a drive that is only read has no overlay") }
  }
}

/// Options of the form `key=value,key=value`, as QEMU writes them.
public enum OptionList {
  /// The same with a word without a value in front: `KIND[,key=value]`.
  package static func parseKind(
    _ text: String, option: String
  ) throws(Failure) -> (kind: String, properties: [(key: String, value: String)]) {
    let kind = CommaList.fields(of: text).first ?? ""
    guard !kind.isEmpty, !kind.contains("=") else {
      throw Failure(
        .usage, "\(option) \(text)", "does not begin with what it is", remedy: "see 'rrtool help record'")
    }
    // Commas in the kind are doubled in the text, and there is no kind that has any.
    let rest = text.dropFirst(kind.count + 1)
    return (kind, rest.isEmpty ? [] : try parse(String(rest), option: "\(option) \(kind),"))
  }

  public static func parse(_ text: String, option: String) throws(Failure) -> [(key: String, value: String)] {
    var result: [(key: String, value: String)] = []
    for field in CommaList.fields(of: text) {
      guard let equals = field.firstIndex(of: "="), equals != field.startIndex else {
        throw Failure(
          .usage, "\(option) \(text)", "'\(field)' is not of the form key=value",
          remedy: "see 'rrtool help record'")
      }
      result.append((String(field[..<equals]), String(field[field.index(after: equals)...])))
    }
    return result
  }
}
