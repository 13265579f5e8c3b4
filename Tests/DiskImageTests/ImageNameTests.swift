// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Foundation
import TestSupport
import Testing

/// `file:` and `json:`, as QEMU takes them for local files.
@Suite struct ImageNameTests {
  @Test(
    arguments: [
      ("disk.raw", "disk.raw", nil), ("/a/b:c", "/a/b:c", nil), ("file:disk.raw", "disk.raw", nil),
      ("file:/a/b", "/a/b", nil),
      (#"json:{"driver":"qcow2","file":{"driver":"file","filename":"a/b"}}"#, "a/b", ImageFormat.qcow2),
      (#"json:{"driver":"raw","file.driver":"file","file.filename":"x"}"#, "x", .raw),
      (
        #"json:{"file":{"filename":"file:x"},"driver":"raw","read-only":true,"cache":{"direct":false}}"#, "x",
        .raw
      ),
      (#"json:{"file.filename":"x"}"#, "x", nil), (#"json:{"driver":"file","filename":"x"}"#, "x", .raw),
    ] as [(String, String, ImageFormat?)])
  func namesOfLocalFiles(_ name: String, path: String, format: ImageFormat?) throws {
    let read = try ImageName(parsing: name, in: "image")
    #expect(read.path == path && read.format == format)
  }

  @Test(arguments: [
    (#"json:{"driver":"nbd","host":"x"}"#, "driver 'nbd'"),
    (#"json:{"driver":"qcow2","file":{"driver":"https","url":"x"}}"#, "driver 'https'"),
    (#"json:{"driver":"raw","file":{"driver":"qcow2","file":{"filename":"x"}}}"#, "driver 'qcow2'"),
    (#"json:{"driver":"raw","offset":512,"file.filename":"x"}"#, "'offset'"),
    (#"json:{"driver":"qcow2","file.filename":"x","backing":{"driver":"raw"}}"#, "'backing.driver'"),
    (#"json:{"driver":"qcow2","file":"node"}"#, "node"), (#"json:{"driver":"qcow2"}"#, "names no file"),
    (#"json:{"driver":"qcow2","file":{"filename":7}}"#, "no string"), ("json:", "no JSON"),
    ("json:{", "no JSON"),
    ("json:[]", "no JSON object"), ("file:", "names no file"),
    ("json:" + String(repeating: #"{"file":"#, count: 100_000), "deeper"),
  ]) func refusesOthersByName(_ name: String, word: String) {
    let error = diskError { _ = try ImageName(parsing: name, in: "image") }
    #expect(error?.description.contains(word) == true, "\(error?.description.prefix(300) ?? "")")
  }

  @Test func aGivenNameMayHaveAColon() throws {
    let folder = TemporaryFolder()
    let path = folder.write("a:b", [1])
    #expect(try ImageName(givenByUser: path).path == path)
    #expect(
      diskError { _ = try ImageName(givenByUser: "nbd://host/x") }?.description.contains("'nbd'") == true)
    #expect(try ImageName(givenByUser: "not-there").path == "not-there")
  }

  /// Relative ones start at the current folder, which is none of the test's: absolute ones here.
  @Test func backingNamesOfQemusForms() throws {
    let folder = TemporaryFolder()
    let raw = QemuCompatibilityTests.sample(seed: 31)
    let base = folder.write("base.raw", raw)
    try tool("qemu-img", "convert", "-f", "raw", "-O", "qcow2", base, folder.file("base.qcow2"))
    let names: [(String, String)] = [
      ("file:\(base)", "raw"),
      (#"json:{"driver":"raw","file":{"driver":"file","filename":"\#(base)"}}"#, "raw"),
      (
        #"json:{"driver":"qcow2","file.driver":"file","file.filename":"\#(folder.file("base.qcow2"))"}"#,
        "qcow2"
      ),
    ]
    for (name, format) in names {
      let path = folder.file("top.qcow2")
      let made = try tool("qemu-img", "create", "-f", "qcow2", "-b", name, "-F", format, path)
      try #require(made.status == 0, "\(made.output)")
      let image = try ImageOpener().openQcow2(path)
      #expect(try image.read(at: 0, count: image.size) == raw)
    }
    // No format but the name's, and a driver that is none of ours.
    let path = folder.file("top.qcow2")
    try tool("qemu-img", "rebase", "-u", "-b", names[2].0, "-F", "", path)
    #expect(try ImageOpener().openQcow2(path).read(at: 0, count: 512) == Array(raw.prefix(512)))
    try tool(
      "qemu-img", "rebase", "-u", "-b", #"json:{"driver":"nbd","host":"localhost"}"#, "-F", "raw", path)
    let error = diskError { _ = try ImageOpener().openQcow2(path) }
    #expect(error?.problem.contains("driver 'nbd'") == true, "\(error?.description ?? "")")
  }
}
