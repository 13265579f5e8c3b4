// SPDX-License-Identifier: Apache-2.0

/// Which of the machines that rrtool has been over time this one is.
///
/// A recording replays on the machine that it was made on. When a mistake of the machine is mended, guests see the difference,
/// so a recording from before would diverge: it says its revision, and gets the machine as it was, mistakes and all. What is new
/// in a revision is listed at its case; the code that acts otherwise for an older one asks for it by name.
public enum MachineRevision: Int, Sendable, Comparable, CaseIterable {
  /// rrtool 0.1: recordings of formats 1 and 2.
  case first = 1
  /// Devices, firmware and start held against QEMU's board: recordings of format 3.
  case second = 2
  /// The console of the host-target interface, and the PMU of the built-in SBI.
  case third = 3
  /// Flash and fw_cfg.
  case fourth = 4
  /// Types of memory in page tables are on after a reset, where there are such.
  case fifth = 5
  /// A hart that only waits for others gives its turn away.
  case sixth = 6
  /// There may be network cards.
  case seventh = 7

  /// That of every new run.
  public static let current = MachineRevision.seventh

  public static func < (one: MachineRevision, other: MachineRevision) -> Bool {
    one.rawValue < other.rawValue
  }
}

/// What the machine of a revision has and does.
extension MachineRevision {
  // MARK: Harts

  /// Kinds of harts, with more than RV64GC, Zba, Zbb, Zbs and Sstc.
  var hasProcessorModels: Bool { self >= .second }
  /// S and U mode may access everything while no PMP entry is active.
  var isOpenWithoutProtection: Bool { self < .second }
  /// A reservation outlives its hart's turn: an `sc` succeeds when the value stands there again.
  var keepsReservations: Bool { self < .second }
  /// `minstret` counts instructions that trap.
  var retiresTrapping: Bool { self < .second }
  /// A hart that waits for others in a loop, or says so, ends its turn.
  var endsTurnsThatWait: Bool { self >= .sixth }
  /// `menvcfg.PBMTE` is set after a reset of harts with Svpbmt, as on QEMU.
  var startsWithMemoryTypes: Bool { self >= .fifth }

  // MARK: Devices

  /// Devices answer accesses of every size, and everywhere.
  var acceptsAllSizes: Bool { self < .second }
  /// The PLIC looks at the level of its lines: a source pends again at its completion, and when it is enabled.
  var looksAtLevels: Bool { self < .second }
  /// Eight bytes of the real-time clock are its two words.
  var pairsClockWords: Bool { self >= .second }
  /// Virtio as QEMU has it: lenient with drivers, and with 8 bytes as two words.
  var hasLenientVirtio: Bool { self >= .second }
  /// There are flash and fw_cfg.
  var hasFirmwareDevices: Bool { self >= .fourth }
  /// The host-target interface has a console and system calls.
  var hasHostInterface: Bool { self >= .third }

  // MARK: Firmware

  /// The built-in SBI hands over as OpenSBI does.
  var handsOverAsOpenSBI: Bool { self >= .second }
  /// It has the PMU extension.
  var hasPerformanceCounters: Bool { self >= .third }
}
