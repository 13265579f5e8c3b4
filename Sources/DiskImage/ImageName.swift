// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Glibc

/// A name of an image as QEMU takes them: the plain name of a file, `file:NAME`, or `json:{...}`, which can say the format
/// as well. Only local files are known; whatever else a name asks for is refused, never passed over.
public struct ImageName: Equatable, Sendable {
  /// The file's name.
  public let path: String
  /// The format that the name states.
  public let format: ImageFormat?
  /// Whether it is a plain name, which starts at the folder of the image that gives it. The others start at the current
  /// folder, as in QEMU.
  public let isPlain: Bool

  /// - Parameter image: whose header gives the name, or what stands for it in messages.
  public init(parsing name: String, in image: String) throws(DiskImageError) {
    if name.contains("\0") { throw .damaged(image, "the name of a file holds a zero byte") }
    if name.hasPrefix("json:") {
      self = try Description(name, in: image).name
    } else if name.hasPrefix("file:") {
      self.init(path: String(name.dropFirst("file:".count)), format: nil, isPlain: false)
    } else {
      self.init(path: name, format: nil, isPlain: true)
    }
    if path.isEmpty { throw Self.refusal(image, "the name '\(name)' names no file") }
  }

  init(path: String, format: ImageFormat?, isPlain: Bool) {
    self.path = path
    self.format = format
    self.isPlain = isPlain
  }

  /// What QEMU would take for a protocol before a colon: everything but `file` and `json`, which are known.
  static func protocolName(of name: String) -> String? {
    let beforeSlash = name.prefix { $0 != "/" }
    return beforeSlash.firstIndex(of: ":").map { String(beforeSlash[..<$0]) }
  }

  /// A name that a user gave. A file whose name has a colon is a file.
  public init(givenByUser name: String) throws(DiskImageError) {
    try self.init(parsing: name, in: name)
    if isPlain, let kind = Self.protocolName(of: name), access(name, F_OK) != 0 {
      throw Self.refusal(name, "neither a file nor a name that is known: there is no driver '\(kind)' here")
    }
  }

  fileprivate static func refusal(_ image: String, _ problem: String) -> DiskImageError {
    DiskImageError(.unsupported, path: image, problem: problem, advice: "name a local file")
  }
}

/// The options of a `json:` name, nested ones written with dots, as QEMU takes either.
private struct Description {
  let name: ImageName

  /// Options that change how QEMU goes about reading a file and not what is read.
  private static let irrelevant: Set<String> = [
    "node-name", "read-only", "auto-read-only", "discard", "detect-zeroes", "force-share", "cache.direct",
    "cache.no-flush", "aio", "aio-max-batch", "locking", "drop-cache", "x-check-cache-dropped",
  ]

  init(_ text: String, in image: String) throws(DiskImageError) {
    var options: [String: JSONValue] = [:]
    let value: JSONValue
    do throws(JSONError) {
      value = try JSONParser.parse(String(text.dropFirst("json:".count)))
    } catch {
      throw ImageName.refusal(image, "the name '\(text)' is no JSON: \(error.problem)")
    }
    guard case .object = value else { throw ImageName.refusal(image, "the name '\(text)' is no JSON object") }
    Self.flatten(value, "", into: &options)
    func take(_ key: String) throws(DiskImageError) -> String? {
      guard let value = options.removeValue(forKey: key) else { return nil }
      guard let string = value.string else {
        throw ImageName.refusal(image, "'\(key)' in the name '\(text)' is no string")
      }
      return string
    }
    let driver = try take("driver")
    var format: ImageFormat?
    var path: String?
    switch driver {
    case "file":
      // The file as it is, whatever is in it.
      format = .raw
      path = try take("filename")
    case "raw", "qcow2", nil:
      format = driver.flatMap(ImageFormat.init(rawValue:))
      if let inner = try take("file.driver"), inner != "file" {
        throw ImageName.refusal(image, "the name asks for the driver '\(inner)', which is not known here")
      }
      if options["file"] != nil {
        throw ImageName.refusal(image, "the name refers to a node of QEMU's with 'file', and not to a file")
      }
      path = try take("file.filename")
    case let driver?:
      throw ImageName.refusal(image, "the name asks for the driver '\(driver)', which is not known here")
    }
    let rest = options.keys.filter { key in
      let inner = key.hasPrefix("file.") ? String(key.dropFirst("file.".count)) : key
      return !Self.irrelevant.contains(inner)
    }
    if let key = rest.min() {
      throw ImageName.refusal(image, "the name has the option '\(key)', which is not known here")
    }
    guard let path else { throw ImageName.refusal(image, "the name '\(text)' names no file") }
    let plain = path.hasPrefix("file:") ? String(path.dropFirst("file:".count)) : path
    name = ImageName(path: plain, format: format, isPlain: false)
  }

  /// The parser bounds the depth.
  private static func flatten(_ value: JSONValue, _ prefix: String, into options: inout [String: JSONValue]) {
    guard case .object(let members) = value else {
      options[prefix] = value
      return
    }
    for member in members {
      flatten(member.value, prefix.isEmpty ? member.name : "\(prefix).\(member.name)", into: &options)
    }
  }
}
