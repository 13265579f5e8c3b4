// SPDX-License-Identifier: Apache-2.0

import Foundation
import LinuxGuest
import Symbols
import TestSupport
import Testing

/// What a kernel says of its own structures, beside what its debugging information says.
@Suite(.enabled(if: Vmlinux.isThere, "there is no vmlinux: fixtures/debian/make-debug-symbols gets it"))
struct LayoutTests {
  /// All that readers ask, of the newest kernels' names.
  private static let members = [
    "task_struct": [
      "tasks", "thread_node", "signal", "pid", "tgid", "real_parent", "comm", "__state", "exit_state",
      "flags",
      "on_cpu", "mm", "thread_info", "nsproxy", "fs",
    ],
    "thread_info": ["cpu"], "signal_struct": ["thread_head"], "mm_struct": ["total_vm"],
    "module": ["state", "list", "name", "mem", "refcnt", "source_list", "kallsyms"],
    "module_memory": ["base", "size"], "module_use": ["source_list", "source"],
    "mod_kallsyms": ["symtab", "num_symtab", "strtab", "typetab"],
    "printk_ringbuffer": ["desc_ring", "text_data_ring"],
    "prb_desc_ring": ["count_bits", "descs", "infos", "head_id", "tail_id"],
    "prb_data_ring": ["size_bits", "data"],
    "prb_desc": ["state_var", "text_blk_lpos"], "prb_data_blk_lpos": ["begin", "next"],
    "printk_info": ["seq", "ts_nsec", "text_len"],
    "nsproxy": ["mnt_ns"], "fs_struct": ["root"], "path": ["mnt", "dentry"], "mnt_namespace": ["mounts"],
    "mount": ["mnt", "mnt_parent", "mnt_mountpoint", "mnt_node", "mnt_devname", "mnt_id"],
    "vfsmount": ["mnt_root", "mnt_sb", "mnt_flags"], "super_block": ["s_type", "s_flags", "s_subtype"],
    "file_system_type": ["name"], "dentry": ["d_parent", "d_name"], "qstr": ["name"],
    "rb_root": ["rb_node"], "rb_node": ["rb_left", "rb_right"],
  ]

  @Test func bothSayTheSame() throws {
    let look = try runProgram(["readelf", "-SW", Vmlinux.path])
    // "[21] .BTF PROGBITS address offset size".
    let line = try #require(look.lines.first { $0.contains(" .BTF ") })
    let words = try #require(line.split(separator: "]").last).split(separator: " ")
    let (offset, size) = (try #require(Int(words[3], radix: 16)), try #require(Int(words[4], radix: 16)))
    let file = try FileHandle(forReadingFrom: URL(filePath: Vmlinux.path))
    try file.seek(toOffset: UInt64(offset))
    let bytes = try #require(try file.read(upToCount: size))
    let own = try #require(BTFLayouts(Array(bytes)))
    let debugFile = try #require(try DebugFile(path: Vmlinux.path))
    for (structure, members) in Self.members {
      #expect(
        own.size(of: structure) != nil && own.size(of: structure) == debugFile.size(of: structure),
        "\(structure)")
      for member in members {
        let place = own.offset(of: member, in: structure)
        #expect(
          place != nil && place == debugFile.offset(of: member, in: structure), "\(structure).\(member)")
      }
    }
  }
}

private enum Vmlinux {
  static let path = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../.scratch/debian/vmlinux").standardizedFileURL.path
  static var isThere: Bool { FileManager.default.fileExists(atPath: path) }
}
