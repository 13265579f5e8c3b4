// SPDX-License-Identifier: Apache-2.0

/// What all options mean together.
extension Translator {
  /// A value behind its option, also one that looks like an option.
  private func word(_ option: String, _ value: String) -> [String] {
    value.hasPrefix("-") ? ["\(option)=\(value)"] : [option, value]
  }

  mutating func guestWords(_ verb: Translation.Verb) -> [String] {
    if refusals.isEmpty { refuseNothing() }
    if files["kernel"] == nil, !request.ownWords.contains(where: { $0.hasPrefix("--kernel") }) {
      if kernelCommandLine != nil { refuse("-append", "there is no kernel that it is for") }
      if files["initrd"] != nil { refuse("-initrd", "there is no kernel that it is for") }
    }
    var words: [String] = []
    if let bios = files["bios"] {
      if Self.isOwnFirmware(bios) {
        note("-bios \(bios)", "that is QEMU's own; the built-in SBI does its work")
      } else {
        words += word("--bios", bios)
      }
    }
    for name in ["kernel", "initrd", "dtb"] {
      if let file = files[name] { words += word("--" + name, file) }
    }
    if let text = kernelCommandLine, !text.isEmpty { words += word("--append", text) }
    words += word("--memory", MemorySize.describe(memory))
    if let hartCount, hartCount > 1 { words += word("--smp", String(hartCount)) }
    if let processor, processor != "rv64" { words += word("--cpu", processor) }

    let attached = attachDevices()
    if attached.hasMappedDevices, hasLegacyVirtio { words += ["--virtio", "legacy"] }
    for drive in attached.drives { words += word("--drive", drive.words) }
    words += flashWords()
    words += attached.network
    if attached.console != nil { words.append("--virtio-console") }
    if hasSemihosting { words.append("--semihosting") }
    if powersOffAtReset { words.append("--no-reboot") }
    words += serialWords(virtioConsole: attached.console)
    words += controlWords()
    words += pauseWords()
    if counting.isAutomatic { note("-icount shift=auto", "the shift is 3 where nothing is said") }
    words += counting.words(verb)
    if let treeTarget { words += word("--dump-dtb", treeTarget) }
    if verb == .record {
      // QEMU writes over an old one without a question.
      if let recording = counting.recording { words += word("-o", recording) + ["--force"] }
      if let file = counting.file, let recording = counting.recording, file != recording {
        note("-icount rrfile=\(file)", "the recording is the folder \(recording)")
      }
    } else if counting.file != nil || counting.snapshot != nil {
      refuse("-icount", "rrfile and rrsnapshot are nothing without rr=record or rr=replay")
    }
    if !isSnapshot, attached.drives.contains(where: { !$0.isReadOnly && !$0.isSnapshot }) {
      note(
        "-drive",
        verb == .record
          ? "images stay as they are, as with -snapshot: what the guest writes is in the recording"
          : "images stay as they are, as with -snapshot: what the guest writes is gone afterwards")
    }
    return words
  }

  /// Lines with which QEMU would start what nobody means.
  private mutating func refuseNothing() {
    if !hasMachine, !request.impliesBoard {
      refuse("-machine", "without it QEMU's board is spike; give -machine virt")
    }
    let bios = files["bios"] ?? "default"
    guard bios == "default" || bios == "none" || Self.isOwnFirmware(bios), files["kernel"] == nil,
      flashNodes.isEmpty,
      !drives.contains(where: { $0.interface == "pflash" }), treeTarget == nil,
      !request.ownWords.contains(where: {
        ["--bios", "--kernel", "--pflash"].contains($0.prefix { $0 != "=" })
      })
    else { return }
    refuse("-kernel", "there is nothing to start; give -kernel, -bios or -pflash")
  }

  private static func isOwnFirmware(_ name: String) -> Bool {
    name.split(separator: "/").last?.hasPrefix("opensbi-riscv64-generic-fw_") ?? false
  }

  mutating func replayWords() -> [String] {
    var words = counting.recording.map { [$0] } ?? []
    if let snapshot = counting.snapshot { words += word("--from", snapshot) }
    words += controlWords()
    words += debuggerWords()
    return words
  }
}
