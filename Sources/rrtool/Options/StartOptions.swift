// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Execution
import HostSystem

/// The options that say what a guest is told of its machine when it starts.
struct StartOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A device tree for the guest in place of the machine's own; command line and initial RAM disk are put into it.",
      valueName: "file"), completion: .file())
  var dtb: String?

  @Option(
    help: ArgumentHelp(
      "Write the device tree that the guest would find to a file, and do not start it.", valueName: "file"),
    completion: .file())
  var dumpDtb: String?

  @Option(
    help: ArgumentHelp(
      "The random numbers in the device tree's rng-seed: 2 to 128 hexadecimal digits, or off. Drawn from the host unless given, "
        + "and recorded.", valueName: "hex"), completion: .list(["off"]))
  var rngSeed: String?

  /// Puts into `guest` what they say.
  func apply(to guest: inout Guest) throws(Failure) {
    if let dtb { try guest.load(.dtb, from: dtb) }
    switch rngSeed {
    case nil: if dtb == nil { guest.drawRandomSeed() }
    case "off"?: break
    case let digits?:
      guard dtb == nil else {
        throw Failure(
          .usage, "--rng-seed \(digits)", "has no place in a device tree that is given",
          remedy: "leave it out, and put the property into the tree")
      }
      guest.images.randomSeed = try Self.bytes(of: digits)
    }
    if guest.asksForPCI { say("no PCI here; use virtio-mmio (--drive is one)") }
  }

  private static func bytes(of digits: String) throws(Failure) -> [UInt8] {
    let values = digits.utf8.map { Character(UnicodeScalar($0)).hexDigitValue }
    guard values.count % 2 == 0, (2...128).contains(values.count), values.allSatisfy({ $0 != nil }) else {
      throw Failure(
        .usage, "--rng-seed \(digits)", "is not 2 to 128 hexadecimal digits, two a byte",
        remedy: "give 64 of them, or off")
    }
    let nibbles = values.map { UInt8($0 ?? 0) }
    return stride(from: 0, to: nibbles.count, by: 2).map { nibbles[$0] << 4 | nibbles[$0 + 1] }
  }

  /// With --dump-dtb: writes the tree and answers that there is nothing more to do.
  func dump(of guest: Guest) throws(Failure) -> Bool {
    guard let dumpDtb else { return false }
    guard HostFiles.kind(of: dumpDtb) == nil else {
      throw Failure(.exists, dumpDtb, "exists already", remedy: "name another file, or remove that first")
    }
    try HostFiles.replace(dumpDtb, with: try guest.deviceTree())
    say("device tree written to \(dumpDtb)")
    return true
  }
}
