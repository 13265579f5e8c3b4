// SPDX-License-Identifier: Apache-2.0

import LinuxGuest
import Testing

/// Modules and mounts of a kernel that a test has made.
@Suite struct ModuleAndMountTests {
  private let made = MadeKernel()

  private func makeModules() -> [Int] {
    made.declare(
      "module", ("state", 0), ("list", 8), ("name", 0x18), ("mem", 0x50), ("refcnt", 0x140),
      ("source_list", 0x148), ("kallsyms", 0x158))
    made.declare("module_memory", ("base", 0), ("size", 8), size: 32)
    made.declare("module_use", ("source_list", 0), ("source", 0x20))
    made.declare("mod_kallsyms", ("symtab", 0), ("num_symtab", 8), ("strtab", 0x10), ("typetab", 0x18))
    let modules = [made.room(), made.room()]
    let head = made.room()
    made.names["modules"] = TestMemory.address(head)
    made.link([head] + modules.map { $0 + 8 })
    for (index, module) in modules.enumerated() {
      made.set("module", "name", at: module, ["user", "library"][index])
      made.set("module", "refcnt", at: module, UInt64([1, 3][index]), bytes: 4)
      made.memory.write(0xffff_ffff_0100_0000 + UInt64(index) << 16, at: module + 0x50)
      for piece in 0..<7 { made.memory.write(0x1000, bytes: 4, at: module + 0x50 + 32 * piece + 8) }
      made.link([module + 0x148])
    }
    let use = made.room()
    made.link([modules[1] + 0x148, use])
    made.set("module_use", "source", at: use, TestMemory.address(modules[0]))
    return modules
  }

  @Test func modulesAndTheirUsersAreListed() throws {
    _ = makeModules()
    let found = try made.kernel().modules()
    #expect(found.problem == nil)
    #expect(found.rows.map(\.name) == ["user", "library"] && found.rows.map(\.state) == ["live", "live"])
    #expect(found.rows.map(\.users) == [[], ["user"]] && found.rows.map(\.useCount) == [0, 2])
    #expect(found.rows.map(\.byteCount) == [7 * 0x1000, 7 * 0x1000])
    #expect(found.rows.map(\.address) == [0xffff_ffff_0100_0000, 0xffff_ffff_0101_0000])
  }

  /// Labels of compilers, and what is defined elsewhere, are left out.
  @Test func namesOfModulesAreListed() throws {
    let module = makeModules()[0]
    let (tables, table, letters) = (made.room(), made.room(), made.room())
    made.set("module", "kallsyms", at: module, TestMemory.address(tables))
    let names = made.room()
    made.memory.write("\0probe\0.L1\0value\0outside\0".utf8, at: names)
    for (index, value) in [
      TestMemory.address(table), 5, TestMemory.address(names), TestMemory.address(letters),
    ]
    .enumerated() {
      made.memory.write(value, at: tables + 8 * index)
    }
    for (index, (name, section)) in [(0, 0), (1, 1), (7, 1), (11, 2), (17, 0)].enumerated() {
      made.memory.write(UInt64(name), bytes: 4, at: table + 24 * index)
      made.memory.write(UInt64(section), bytes: 2, at: table + 24 * index + 6)
      made.memory.write(0xffff_ffff_0100_0000 + UInt64(index), at: table + 24 * index + 8)
    }
    made.memory.write(" ttdU".utf8, at: letters)
    let symbols = try made.kernel().moduleSymbols()
    #expect(
      symbols.rows == [
        KernelSymbol(address: 0xffff_ffff_0100_0001, kind: UInt8(ascii: "t"), name: "probe", module: "user"),
        KernelSymbol(address: 0xffff_ffff_0100_0003, kind: UInt8(ascii: "d"), name: "value", module: "user"),
      ])
    // More than there is memory for.
    made.set("mod_kallsyms", "num_symtab", at: tables, UInt64(UInt32.max), bytes: 4)
    #expect(try made.kernel().moduleSymbols().rows.count < 1 << 20)
  }

  /// A root, something on its folder /mnt/data, and what is not below the process's root.
  @Test(arguments: [true, false]) func mountsAreListedFromTheProcesssRoot(isTree: Bool) throws {
    made.declare(
      "task_struct", ("tasks", 0x10), ("thread_node", 0x20), ("signal", 0x30), ("pid", 0x38), ("tgid", 0x3c),
      ("real_parent", 0x40), ("comm", 0x48), ("state", 0x58), ("exit_state", 0x5c), ("flags", 0x60),
      ("mm", 0x68), ("nsproxy", 0x70), ("fs", 0x78))
    made.declare("nsproxy", ("mnt_ns", 8))
    made.declare("fs_struct", ("root", 0x10))
    made.declare("mnt_namespace", (isTree ? "mounts" : "list", 0x18))
    made.declare(
      "mount", ("mnt_parent", 0), ("mnt_mountpoint", 8), ("mnt", 0x10),
      (isTree ? "mnt_node" : "mnt_list", 0x30),
      ("mnt_devname", 0x50), ("mnt_id", 0x58))
    made.declare("vfsmount", ("mnt_root", 0), ("mnt_sb", 8), ("mnt_flags", 0x10))
    made.declare("super_block", ("s_type", 0), ("s_flags", 8))
    made.declare("file_system_type", ("name", 0))
    made.declare("dentry", ("d_parent", 0), ("d_name", 8))
    let (first, task) = (made.room(), made.room())
    made.names["init_task"] = TestMemory.address(first)
    made.link([first + 0x10, task + 0x10])
    made.set("task_struct", "pid", at: task, 1, bytes: 4)
    let (spaces, space, files) = (made.room(), made.room(), made.room())
    made.set("task_struct", "nsproxy", at: task, TestMemory.address(spaces))
    made.set("task_struct", "fs", at: task, TestMemory.address(files))
    made.set("nsproxy", "mnt_ns", at: spaces, TestMemory.address(space))
    func folder(_ name: String, in parent: Int?) -> Int {
      let place = made.room()
      made.memory.write(TestMemory.address(parent ?? place), at: place)
      made.memory.write(made.text(name), at: place + 16)
      return place
    }
    let hidden = folder("/", in: nil)
    let root = folder("/", in: nil)
    let data = folder("data", in: folder("mnt", in: root))
    let disk = folder("/", in: nil)
    let mounts = (0..<3).map { _ in made.room() }
    for (index, mount) in mounts.enumerated() {
      // The hidden one holds all; the root's is on it, the disk's on the root's.
      made.memory.write(TestMemory.address(mounts[max(index - 1, 0)]), at: mount)
      made.memory.write(TestMemory.address([hidden, hidden, data][index]), at: mount + 8)
      made.memory.write(TestMemory.address([hidden, root, disk][index]), at: mount + 0x10)
      let (block, type) = (made.room(), made.room())
      made.memory.write(TestMemory.address(block), at: mount + 0x18)
      made.memory.write(UInt64([0, 0, 0x6a][index]), bytes: 4, at: mount + 0x20)
      made.memory.write(TestMemory.address(type), at: block)
      made.memory.write(UInt64([0, 0x10, 0][index]), at: block + 8)
      made.memory.write(made.text(["rootfs", "tmpfs", "ext4"][index]), at: type)
      made.memory.write(made.text(["none", "none", "/dev/vda"][index]), at: mount + 0x50)
      made.memory.write(UInt64(20 + index), bytes: 4, at: mount + 0x58)
    }
    made.memory.write(TestMemory.address(mounts[1] + 0x10), at: files + 0x10)
    made.memory.write(TestMemory.address(root), at: files + 0x18)
    if isTree {
      made.memory.write(TestMemory.address(mounts[1] + 0x30), at: space + 0x18)
      made.memory.write(TestMemory.address(mounts[0] + 0x30), at: mounts[1] + 0x30)
      made.memory.write(TestMemory.address(mounts[2] + 0x30), at: mounts[1] + 0x38)
    } else {
      made.link([space + 0x18] + mounts.map { $0 + 0x30 })
    }

    let found = try made.kernel().mounts(ofProcess: 1)
    #expect(found.problem == nil)
    #expect(found.rows.map(\.path) == ["/", "/mnt/data"] && found.rows.map(\.type) == ["tmpfs", "ext4"])
    #expect(found.rows.map(\.source) == ["none", "/dev/vda"] && found.rows.map(\.identifier) == [21, 22])
    #expect(found.rows.map(\.parent) == [20, 21])
    #expect(found.rows.map(\.options) == [["rw", "sync"], ["ro", "nodev", "noatime", "relatime"]])
    let none = #expect(throws: LinuxGuestError.self) { try made.kernel().mounts(ofProcess: 99) }
    #expect(none?.problem == "there is no process 99 there that sees files")
    if isTree {
      made.memory.write(TestMemory.address(mounts[1] + 0x30), at: mounts[1] + 0x30)
      #expect(try made.kernel().mounts(ofProcess: 1).problem?.problem == "a tree of the kernel's has no end")
    }
  }
}
