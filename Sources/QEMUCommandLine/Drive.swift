// SPDX-License-Identifier: Apache-2.0

/// A disk or a bank of flash, as `-drive`, `-hda` and `-blockdev` tell of it.
struct Drive {
  /// The words that it comes from.
  var option: String
  /// `none`, `virtio`, `pflash`; nil: what the board takes by itself.
  var interface: String?
  var id: String?
  var file: String
  var format: String?
  var isReadOnly = false
  var isSnapshot = false
  /// Which bank of flash.
  var unit: Int?
  /// The drive that this one passes on.
  var image: String?

  /// What `--drive` is to say.
  var words: String {
    "file=" + Properties.escape(file) + (format.map { ",format=" + $0 } ?? "")
      + (isReadOnly ? ",readonly=on" : "")
  }
}

/// Drives and the nodes of `-blockdev`.
extension Translator {
  /// A drive that goes where the board puts drives.
  mutating func addDisk(_ file: String, option: String, readOnly: Bool = false) {
    drives.append(Drive(option: option, file: file, isReadOnly: readOnly))
  }

  mutating func addDrive(_ value: String, _ text: String) throws(WordProblem) {
    var properties = try Properties(value)
    var drive = Drive(option: text, file: "")
    drive.interface = properties.take("if")
    drive.id = properties.take("id") ?? properties.take("node-name")
    drive.image = properties.take("image")
    if properties.take("media") == "cdrom" { drive.isReadOnly = true }
    drive.isSnapshot = try properties.takeFlag("snapshot") ?? false
    drive.unit = (properties.take("unit") ?? properties.take("index")).flatMap { Int($0) }
    _ = properties.take("bus")
    try read(&properties, into: &drive)
    guard !drive.file.isEmpty || drive.image != nil else { throw WordProblem("names no file") }
    switch drive.interface {
    case nil, "none", "virtio", "pflash": drives.append(drive)
    default: miss(text, "the board has no such drive; if=none with -device virtio-blk-device is there")
    }
  }

  mutating func addNode(_ value: String) throws(WordProblem) {
    var properties = try Properties(value, implied: "driver")
    guard let name = properties.take("node-name") else { throw WordProblem("has no node-name") }
    nodes[name] = properties
  }

  /// File, format and access, whatever way they are told.
  private func read(_ properties: inout Properties, into drive: inout Drive, depth: Int = 0)
    throws(WordProblem)
  {
    let driver = properties.take("driver")
    var format = properties.take("format") ?? driver
    if let name = format, !["raw", "qcow2"].contains(name) {
      guard ["file", "host_device", "blkreplay"].contains(name) else {
        throw WordProblem("'\(name)' is no format that rrtool knows")
      }
      // A file alone is taken as it is.
      format = driver == nil || name == "blkreplay" ? nil : "raw"
    }
    if let file = properties.take("filename") ?? properties.take("file.filename")
      ?? properties.take("file.file.filename")
    {
      drive.file = file
    } else if let file = properties.take("file") {
      guard var node = nodes[file], depth < 8 else {
        drive.file = file
        drive.format = format
        try readRest(&properties, into: &drive)
        return
      }
      // A node of -blockdev, whose own format lies under this one.
      try read(&node, into: &drive, depth: depth + 1)
    }
    drive.format = format ?? drive.format
    try readRest(&properties, into: &drive)
  }

  private func readRest(_ properties: inout Properties, into drive: inout Drive) throws(WordProblem) {
    if try properties.takeFlag("readonly", "read-only") == true { drive.isReadOnly = true }
    // How QEMU gets at the file changes nothing for the guest.
    let harmless = [
      "cache", "aio", "discard", "detect-zeroes", "werror", "rerror", "copy-on-read", "auto-read-only",
      "locking", "file.", "cache.",
      "throttling", "bps", "iops", "group", "stats-", "lazy-refcounts", "l2-cache", "refcount-cache",
      "pass-discard", "force-share",
      "overlap-check", "node-name", "read-zeroes",
    ]
    for field in properties.fields where !harmless.contains(where: field.key.hasPrefix) {
      throw WordProblem("'\(field.key)' is not known here")
    }
  }

  /// The drive or node of a name, with what it passes on.
  func medium(_ name: String, option: String, depth: Int = 0) throws(WordProblem) -> Drive? {
    if var node = nodes[name] {
      var drive = Drive(option: option, file: "")
      drive.image = node.take("image")
      try read(&node, into: &drive)
      guard let image = drive.image, depth < 8 else { return drive }
      return try medium(image, option: option, depth: depth + 1)
    }
    guard let drive = drives.last(where: { $0.id == name }) else { return nil }
    guard let image = drive.image, depth < 8 else { return drive }
    return try medium(image, option: option, depth: depth + 1)
  }

  mutating func flashWords() -> [String] {
    var banks: [Int: Drive] = [:]
    for (unit, name) in flashNodes.sorted(by: { $0.key < $1.key }) {
      let option = "-machine pflash\(unit)=\(name)"
      do throws(WordProblem) {
        guard let drive = try medium(name, option: option) else { throw WordProblem("there is no such node") }
        banks[unit] = drive
      } catch {
        refuse(option, error.text)
      }
    }
    for drive in drives where drive.interface == "pflash" {
      let unit = drive.unit ?? (banks[0] == nil ? 0 : 1)
      if banks.updateValue(drive, forKey: unit) != nil {
        refuse(drive.option, "bank \(unit) of flash has a file already")
      }
    }
    for (unit, drive) in banks where unit > 1 { refuse(drive.option, "there are two banks of flash") }
    if banks[0] == nil, let second = banks[1] {
      miss(second.option, "the first bank of flash has to have a file too")
    }
    var words: [String] = []
    for unit in 0...1 {
      guard let drive = banks[unit] else { continue }
      if let format = drive.format, format != "raw" { miss(drive.option, "what flash holds is a raw file") }
      words += ["--pflash", Properties.escape(drive.file) + (drive.isReadOnly ? ",readonly=on" : "")]
    }
    return words
  }
}
