// SPDX-License-Identifier: Apache-2.0

/// The options of QEMU 7.2 to 10.0, with one dash or two.
enum OptionTable {
  /// What is done with one.
  enum Treatment {
    /// The translator knows what it means.
    case translated
    /// It means nothing here, and nobody misses it.
    case ignored
    /// Nothing in the guest changes without it.
    case noted(String)
    /// The guest would find something else.
    case missing(String)
    /// It asks for help or for another kind of run, which is not there.
    case wrong(String)
  }

  struct Option {
    let takesValue: Bool
    let treatment: Treatment
  }

  static let all: [String: Option] = {
    var table: [String: Option] = [:]
    func add(_ names: String, value: Bool = true, _ treatment: Treatment = .translated) {
      for name in names.split(separator: " ") {
        table[String(name)] = Option(takesValue: value, treatment: treatment)
      }
    }
    add(
      "M machine cpu m smp bios kernel initrd append dtb drive blockdev device pflash hda hdb hdc hdd cdrom global serial monitor "
        + "chardev mon qmp qmp-pretty gdb icount semihosting-config action accel rtc net netdev nic object boot incoming"
    )
    add("nographic s S snapshot semihosting no-reboot nodefaults enable-kvm", value: false)

    add("display vga k", .ignored)
    add("no-user-config no-hpet no-acpi", value: false, .ignored)
    add("L overcommit compat parallel msg", .ignored)
    add("name", .noted("nobody here asks for a name"))
    add("vnc spice", .noted("there is no screen"))
    add(
      "full-screen alt-grab ctrl-grab no-quit show-cursor sdl curses", value: false,
      .noted("there is no screen"))
    add("rotate", .noted("there is no screen"))
    add("portrait no-frame", value: false, .noted("there is no screen"))
    add("audio audiodev", .noted("there is no sound"))
    add("echr", .noted("Ctrl-A it is"))
    add(
      "d D dfilter trace plugin",
      .noted("there is no such log; 'rrtool inspect' and 'rrtool replay --debug' show what ran"))
    add(
      "singlestep one-insn-per-tb perfmap jitdump enable-sync-profile", value: false,
      .noted("'rrtool help run' has --engine"))
    add("tb-size seed", .noted("is for QEMU itself"))
    add("pidfile runas chroot run-with sandbox async-teardown add-fd", .noted("is for QEMU's process"))
    add("mem-path", .noted("the guest's memory is rrtool's own"))
    add("mem-prealloc only-migratable", value: false, .noted("is for QEMU itself"))
    add("fsdev dump-vmstate", .noted("nothing here uses it"))
    add("no-shutdown", value: false, .noted("a guest that powers off ends"))
    add("watchdog-action", .noted("there is no watchdog"))
    add("daemonize", value: false, .noted("rrtool stays where it is started; your shell has & and nohup"))

    add("virtfs", .missing("there is no virtio-9p"))
    add("usbdevice", .missing("there is no USB"))
    add("usb", value: false, .missing("there is no USB"))
    add("fda fdb mtdblock sd", .missing("the board has no such drive"))
    add("numa", .missing("the board has no NUMA nodes"))
    add("smbios fw_cfg uuid", .missing("fw_cfg has no such item here"))
    add("tpmdev watchdog", .missing("there is no such device"))
    add("option-rom", .missing("there is no PCI, and nothing that reads such a ROM"))
    add("debugcon", .missing("there is no such device"))
    add("shim", .missing("there is no such firmware"))

    add("loadvm", .wrong("QEMU's snapshots cannot be read; rrtool's are for 'rrtool replay --from'"))
    add("readconfig writeconfig", .wrong("give the options themselves"))
    add("set", .wrong("give the property where its device is"))
    add("iscsi", .wrong("images are files of this machine"))
    add(
      "h help version audio-help", value: false,
      .wrong("is about QEMU itself; 'rrtool help qemu' tells what can be given here"))
    return table
  }()
}
