// SPDX-License-Identifier: Apache-2.0

/// A place in a kernel's tree of files: an entry of a file system, as it is seen by a mount.
struct KernelPath {
  private var mount: KernelObject
  private var entry: KernelObject

  /// Folders in folders that are followed.
  private static let depthLimit = 4096
  private static let nameLimit = 256

  /// - Parameter path: a `struct path`, whose mount is the part of a `struct mount` that others see.
  init(_ path: KernelObject) throws(LinuxGuestError) {
    let kernel = path.kernel
    let shown = try path.pointer("mnt")
    mount = kernel.object("mount", at: shown &- (try kernel.offset(of: "mnt", in: "mount")))
    entry = kernel.object("dentry", at: try path.pointer("dentry"))
  }

  /// The uppermost folder of what was mounted.
  init(top mount: KernelObject) throws(LinuxGuestError) {
    self.mount = mount
    entry = mount.kernel.object("dentry", at: try mount.part("mnt", "vfsmount").pointer("mnt_root"))
  }

  /// Its name from a root on; nil when it does not lie below that.
  func text(below root: KernelPath) throws(LinuxGuestError) -> String? {
    var place = self
    var names: [String] = []
    for _ in 0..<Self.depthLimit {
      if place.mount.address == root.mount.address, place.entry.address == root.entry.address {
        return "/" + names.reversed().joined(separator: "/")
      }
      let top = try place.mount.part("mnt", "vfsmount").pointer("mnt_root")
      if place.entry.address == top {
        let parent = try place.mount.pointer("mnt_parent")
        guard parent != place.mount.address else { return nil }
        place.entry = try place.entry(at: place.mount.pointer("mnt_mountpoint"))
        place.mount = place.mount.kernel.object("mount", at: parent)
      } else {
        names.append(try place.name())
        let parent = try place.entry.pointer("d_parent")
        guard parent != place.entry.address else { return nil }
        place.entry = place.entry(at: parent)
      }
    }
    return nil
  }

  private func entry(at address: UInt64) -> KernelObject { mount.kernel.object("dentry", at: address) }

  private func name() throws(LinuxGuestError) -> String {
    let name = mount.kernel.object("qstr", at: try entry.place("d_name", "__d_name"))
    return try mount.kernel.memory.text(at: name.pointer("name"), limit: Self.nameLimit)
  }
}
