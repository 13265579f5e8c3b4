// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// What a Debian guest's memory tells of its kernel, beside what the guest itself says of it on its console.
@Suite struct LinuxViewTests {
  private static let folder = DebianSymbols.folder

  /// The guest's first process: it says what there is, each list between two marks, while others wait.
  private static let program = """
    #!/bin/busybox sh
    /bin/busybox --install -s /bin
    export PATH=/bin
    mount -t proc proc /proc
    mount -t devtmpfs devtmpfs /dev
    mkdir -p /box/inner
    mount -t tmpfs -o ro,nosuid,nodev,noexec box /box
    mount -t tmpfs -o noatime inner /box
    for module in virtio_mmio virtio_blk virtio-rng; do insmod "/modules/$module.ko"; done
    echo '<4>somebody: said this' >/dev/kmsg
    sleep 1000 &
    list() { echo "BEGIN-$1"; shift; "$@"; echo END; }
    symbols() { grep '\\[' /proc/kallsyms | grep -v ' [.$]'; }
    list modules cat /proc/modules
    list mounts cat /proc/mounts
    list symbols symbols
    list dmesg dmesg -r
    list tasks ps -o pid,ppid,vsz,stat,comm
    echo STOP-HERE
    poweroff -f

    """

  /// The recording, its console's lists, and where the last of them had been said.
  private struct Guest {
    let scratch: Scratch
    let lists: [String: [String]]
    let position: String

    func show(_ view: String) throws -> [[String: Any]] {
      let shown = try scratch.rrtool(
        ["inspect", scratch.path("linux.rr"), view, "--at", position, "--format", "json"])
      try #require(shown.status == 0 && shown.errors.isEmpty, "\(shown.errors)")
      let document = try JSONSerialization.jsonObject(with: Data(shown.output)) as? [String: Any]
      return try #require(document?[view] as? [[String: Any]])
    }
  }

  private func record() throws -> Guest {
    let scratch = try Scratch()
    try #require(
      FileManager.default.fileExists(atPath: Self.folder.appending(path: ".built-from").path),
      "the Debian guest is missing: run 'make test', or fixtures/debian/make-guest")
    let archive = try scratch.file("init.cpio", Initramfs.archive(init: Array(Self.program.utf8)))
    let initrd = scratch.path("initrd")
    let made = try scratch.run([
      "sh", "-c", "(cat \"$1\"; gzip -c \"$2\") > \"$3\"", "sh",
      Self.folder.appending(path: "initrd-shell.gz").path, archive, initrd,
    ])
    try #require(made.status == 0, "\(made.errors)")
    let recorded = try scratch.rrtool(
      [
        "record", "-o", scratch.path("linux.rr"), "--memory", "512M", "--smp", "2", "--kernel",
        Self.folder.appending(path: "vmlinuz").path, "--initrd", initrd, "--append", "console=ttyS0 quiet",
        "--max-instructions", "8_000_000_000",
      ], seconds: 600)
    try #require(recorded.status == 0 && recorded.text.contains("STOP-HERE"), "\(recorded.errors)")
    var lists: [String: [String]] = [:]
    var name: String?
    for line in recorded.lines {
      if line.hasPrefix("BEGIN-") {
        name = String(line.dropFirst(6))
      } else if line == "END" {
        name = nil
      } else if let name {
        lists[name, default: []].append(line)
      }
    }
    let console = try scratch.rrtool("inspect", scratch.path("linux.rr"), "console", "--format", "csv")
    let end = try #require(console.lines.first { $0.contains("STOP-HERE") })
    return Guest(
      scratch: scratch, lists: lists, position: String(try #require(end.split(separator: ",").first)))
  }

  @Test func theGuestItselfSaysTheSame() throws {
    let guest = try record()
    try compareTasks(guest)
    try compareLog(guest)
    try compareModules(guest)
    try compareMounts(guest)
    try compareSymbols(guest)
    try namesFromTheGuestServeTheViews(guest)
    try reportsAreAsTheirPagesSay(guest)
  }

  private func compareTasks(_ guest: Guest) throws {
    let tasks = try guest.show("tasks")
    let byNumber = Dictionary(
      uniqueKeysWithValues: tasks.compactMap { row in
        (row["pid"] as? Int).map { ($0, row) }
      })
    var count = 0
    for line in try #require(guest.lists["tasks"]).dropFirst() {
      let words = line.split(separator: " ").map(String.init)
      let pid = try #require(Int(words[0]), "\(line)")
      // It has ended meanwhile.
      if words.last == "ps" { continue }
      let task = try #require(byNumber[pid], "\(line)")
      #expect(task["parent"] as? Int == Int(words[1]), "\(line): \(task)")
      #expect((task["virtual_bytes"] as? Int ?? 0) / 1024 == Int(words[2]), "\(line): \(task)")
      #expect(task["is_kernel"] as? Bool == (words[2] == "0"), "\(line): \(task)")
      let name = try #require(task["name"] as? String)
      // What a worker has to do stands behind its name, for `ps`.
      #expect(words[4...].joined(separator: " ").hasPrefix(name.split(separator: "-")[0]), "\(line): \(task)")
      count += 1
    }
    #expect(count > 30 && tasks.count - count < 5, "\(tasks.count)")
    let sleeper = tasks.first { $0["name"] as? String == "sleep" }
    #expect(sleeper?["state"] as? String == "sleeping" && sleeper?["parent"] as? Int == 1)
    // The first process writes; the other hart may have nothing to do.
    #expect(
      tasks.contains { $0["pid"] as? Int == 1 && $0["hart"] != nil && $0["state"] as? String == "running" })
  }

  private func compareLog(_ guest: Guest) throws {
    let levels = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"]
    let lines = try guest.show("dmesg").flatMap { row -> [String] in
      let time = try #require(row["kernel_time_ns"] as? Int)
      let level = try #require(levels.firstIndex(of: row["level"] as? String ?? ""))
      let facility = try #require(row["facility"] as? Int)
      let prefix = String(
        format: "<%d>[%5d.%06d] ", facility << 3 | level, time / 1_000_000_000, time / 1000 % 1_000_000)
      return (row["text"] as? String ?? "").split(separator: "\n", omittingEmptySubsequences: false)
        .map { prefix + $0 }
    }
    let said = try #require(guest.lists["dmesg"])
    #expect(said.count > 150)
    #expect(Array(lines.prefix(said.count)) == said)
    #expect(lines.contains { $0.hasPrefix("<12>") && $0.hasSuffix("] somebody: said this") })
  }

  private func compareModules(_ guest: Guest) throws {
    let modules = try guest.show("modules").map { row in
      let users = row["used_by"] as? [String] ?? []
      return [
        row["name"] as? String ?? "", String(row["byte_count"] as? Int ?? -1),
        String(row["use_count"] as? Int ?? -1), users.isEmpty ? "-" : users.map { $0 + "," }.joined(), "Live",
        "0x" + String(repeating: "0", count: 18 - (row["address"] as? String ?? "").count)
          + (row["address"] as? String ?? "").dropFirst(2),
      ].joined(separator: " ")
    }
    let said = try #require(guest.lists["modules"])
    #expect(modules == said.map { $0.split(separator: " ").prefix(6).joined(separator: " ") })
    #expect(modules.count == 3)
  }

  private func compareMounts(_ guest: Guest) throws {
    let lines = try #require(guest.lists["mounts"])
    let said = lines.map { $0.split(separator: " ").map(String.init) }
    let mounts = try guest.show("mounts")
    #expect(mounts.count == said.count && mounts.count >= 5)
    for (mount, words) in zip(mounts, said) {
      #expect(
        [mount["source"], mount["path"], mount["type"]].map { $0 as? String } == words.prefix(3).map { $0 })
      // Those of the file system's own follow.
      #expect(words[3].hasPrefix(mount["options"] as? String ?? "?"), "\(mount) \(words)")
    }
    let gone = try guest.scratch.rrtool(
      "inspect", guest.scratch.path("linux.rr"), "mounts", "--pid", "99999", "--at", guest.position)
    #expect(gone.status == 64 && gone.errors.contains("there is no process 99999"), "\(gone.errors)")
  }

  private func compareSymbols(_ guest: Guest) throws {
    let scratch = guest.scratch
    let file = scratch.path("names.symbols")
    let made = try scratch.rrtool(
      "symbols", "linux", scratch.path("linux.rr"), "-o", file, "--at", guest.position)
    #expect(made.status == 0 && made.errors.contains("Linux version 6."), "\(made.errors)")
    #expect(made.errors.contains(" symbols of the kernel, ") && made.errors.contains(" of its modules (3)"))
    func names(_ path: String) throws -> Set<String> {
      Set(
        try scratch.run(["nm", path]).lines.map { line in
          let words = line.split(separator: " ")
          return "\(words[0]) \(words[words.count - 1])"
        })
    }
    let found = try names(file)
    let lines = try #require(guest.lists["symbols"])
    let ofModules = Set(
      lines.map { line in
        let words = line.split(whereSeparator: { " \t".contains($0) })
        return "\(words[0]) \(words[2])"
      })
    #expect(ofModules.count > 50 && found.filter { !$0.hasPrefix("ffffffff8") } == ofModules)
    if DebianSymbols.isThere {
      #expect(try names(DebianSymbols.file.path) == found.filter { $0.hasPrefix("ffffffff8") })
    }
    let again = try scratch.rrtool("symbols", "linux", scratch.path("linux.rr"), "-o", file)
    #expect(again.status != 0 && again.errors.contains("--force"), "\(again.errors)")
  }

  /// The file is known to be of this kernel, and what is written to no file serves as well.
  private func namesFromTheGuestServeTheViews(_ guest: Guest) throws {
    let scratch = guest.scratch
    for symbols in [scratch.path("names.symbols"), "linux"] {
      let shown = try scratch.rrtool(
        "inspect", scratch.path("linux.rr"), "backtrace", "--at", guest.position, "--symbols", symbols)
      #expect(shown.status == 0 && shown.errors.isEmpty, "\(shown.errors)")
      #expect(shown.text.contains("+0x"), "\(shown.text)")
    }
    let refused = try scratch.rrtool("pack", scratch.path("linux.rr"), "--symbols", "linux")
    #expect(refused.status == 64 && refused.errors.contains("'rrtool symbols linux'"), "\(refused.errors)")
  }

  /// Fields are those of the pages, of docs/inspect.md and of the schemas.
  private func reportsAreAsTheirPagesSay(_ guest: Guest) throws {
    let documented = Set(try Documentation("docs/inspect.md").codeSpans)
    for view in ["tasks", "dmesg", "modules", "mounts"] {
      let names = try guest.show(view).reduce(into: Set<String>()) { $0.formUnion($1.keys) }
      let page = try guest.scratch.rrtool("help", "inspect", view).text
      let words = Set(page.split { !($0.isLetter || $0.isNumber || "_-".contains($0)) }.map(String.init))
      #expect(names.subtracting(words) == [] && names.subtracting(documented) == [], "\(view)")
      let schema = try JSONSerialization.jsonObject(
        with: Data(contentsOf: Place.project.appending(path: "docs/formats/\(view).schema.json")))
      let items = (((schema as? [String: Any])?["properties"] as? [String: Any])?[view] as? [String: Any])?[
        "items"]
      let properties = (items as? [String: Any])?["properties"] as? [String: Any] ?? [:]
      #expect(names.subtracting(properties.keys) == [], "\(view)")
    }
  }

  /// A guest without Linux, and one that has not come so far.
  @Test func whatIsNoLinuxIsToldSo() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("hello"), "--memory", "16M")
    for view in ["tasks", "dmesg", "modules", "mounts"] {
      let shown = try scratch.rrtool("inspect", scratch.path("run.rr"), view)
      #expect(shown.status == 64 && shown.lines.isEmpty, "\(shown.text)")
      #expect(shown.errors.hasPrefix("rrtool: \(view): at position "), "\(shown.errors)")
      #expect(shown.errors.contains("no Linux kernel is found in memory; "), "\(shown.errors)")
    }
    let named = try scratch.rrtool("symbols", "linux", scratch.path("run.rr"), "-o", scratch.path("x"))
    #expect(named.status == 64 && named.errors.contains("no Linux kernel is found"), "\(named.errors)")
    #expect(!FileManager.default.fileExists(atPath: scratch.path("x")))
  }
}
