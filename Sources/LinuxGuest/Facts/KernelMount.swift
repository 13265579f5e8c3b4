// SPDX-License-Identifier: Apache-2.0

/// A file system that a process sees in its tree of files.
package struct KernelMount: Sendable {
  package var identifier: UInt64
  package var parent: UInt64
  /// What was mounted: a device, or any word.
  package var source: String
  /// Where, from the process's root.
  package var path: String
  package var type: String
  /// As far as the kernel itself knows them: those of the file system's own are its secret.
  package var options: [String]
}

extension LinuxKernel {
  /// What a process sees, in the kernel's order.
  ///
  /// - Parameter process: by its identifier; nil when it is gone.
  package func mounts(
    ofProcess process: UInt64
  ) throws(LinuxGuestError) -> KernelRows<KernelMount> {
    let tasks = try tasks()
    guard let task = tasks.rows.first(where: { $0.identifier == process }),
      let spaces = try object("task_struct", at: task.address).target("nsproxy", "nsproxy"),
      let files = try object("task_struct", at: task.address).target("fs", "fs_struct")
    else {
      throw LinuxGuestError(
        "there is no process \(process) there that sees files",
        remedy: "give the pid of one, by --pid, that 'inspect tasks' shows at that position")
    }
    guard let space = try spaces.target("mnt_ns", "mnt_namespace") else { return KernelRows() }
    let root = try KernelPath(files.part("root", "path"))
    func row(_ mount: KernelObject) throws(LinuxGuestError) -> [KernelMount] {
      guard let path = try KernelPath(top: mount).text(below: root) else { return [] }
      return [try self.mount(mount, at: path)]
    }
    // Since 6.8 they are a tree, before a list.
    guard knows("mounts", in: "mnt_namespace") else {
      return try rows(listAt: space.place("list"), of: "mount", by: "mnt_list", row)
    }
    return try rows(
      treeAt: space.part("mounts", "rb_root").pointer("rb_node"), of: "mount", by: "mnt_node", row)
  }

  private static var wordLimit: Int { 4096 }

  private func mount(_ mount: KernelObject, at path: String) throws(LinuxGuestError) -> KernelMount {
    let shown = try mount.part("mnt", "vfsmount")
    let flags = try shown.number("mnt_flags", bytes: 4)
    guard let block = try shown.target("mnt_sb", "super_block"),
      let system = try block.target("s_type", "file_system_type")
    else {
      throw LinuxGuestError(
        "a mount has no file system",
        remedy: "give another position: the kernel may have been about to change it")
    }
    var type = try memory.text(at: system.pointer("name"), limit: Self.wordLimit)
    if let subtype = try? block.pointer("s_subtype"), subtype != 0 {
      type += "." + (try memory.text(at: subtype, limit: Self.wordLimit))
    }
    let name = try mount.pointer("mnt_devname")
    return KernelMount(
      identifier: try mount.number("mnt_id", bytes: 4),
      parent: try mount.target("mnt_parent", "mount")?.number("mnt_id", bytes: 4) ?? 0,
      source: name == 0 ? "none" : try memory.text(at: name, limit: Self.wordLimit), path: path, type: type,
      options: KernelMount.options(flags, try block.pointer("s_flags")))
  }
}

extension KernelMount {
  /// In the words and the order of /proc/mounts.
  static func options(_ flags: UInt64, _ systemFlags: UInt64) -> [String] {
    func words(_ flags: UInt64, _ words: [(UInt64, String)]) -> [String] {
      words.filter { flags & $0.0 != 0 }.map(\.1)
    }
    return [flags & 0x40 != 0 || systemFlags & 1 != 0 ? "ro" : "rw"]
      + words(systemFlags, [(0x10, "sync"), (0x80, "dirsync"), (0x40, "mand"), (1 << 25, "lazytime")])
      + words(
        flags,
        [
          (1, "nosuid"), (2, "nodev"), (4, "noexec"), (8, "noatime"), (0x10, "nodiratime"),
          (0x20, "relatime"), (0x80, "nosymfollow"),
        ])
  }
}
