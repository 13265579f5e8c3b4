// SPDX-License-Identifier: Apache-2.0

import Emulator
import Testing

/// What random programs are made of, and the machine that runs them beside ours.
struct Repertoire: Sendable, CustomTestStringConvertible {
  var testDescription: String
  /// What the other machine has beyond RV64GC, Zba, Zbb and Zbs.
  var extensions: ProcessorExtensions
  /// The hart of ours that programs run on.
  var processor: ProcessorModel
  /// The other machine is of the same model, of QEMU 10: it has no more and no less than ours.
  var isModel = false

  /// What QEMU 7.2 has too.
  static let base = Repertoire(testDescription: "base", extensions: [], processor: .rv64)
  static let halves = Repertoire(
    testDescription: "halves", extensions: [.zfhmin, .zfh], processor: .max)
  static func model(_ processor: ProcessorModel) -> Repertoire {
    Repertoire(
      testDescription: processor.rawValue, extensions: processor.extensions, processor: processor,
      isModel: true)
  }
}

/// `menvcfg` and `senvcfg`: what S and U mode may do to blocks of caches, and how page tables are read.
struct RandomEnvironment {
  let machine: Int
  let supervisor: Int
  /// QEMU 7.2 has no senvcfg that would matter.
  let hasSupervisor: Bool

  static let typesMemory = 1 << 62

  init(_ random: inout RandomInstructions) {
    hasSupervisor = random.repertoire.isModel
    guard hasSupervisor else {
      // ADUE: the hardware sets accessed and dirty bits. QEMU 7.2 has no such bit and always does.
      (machine, supervisor) = (1 << 61, 0)
      return
    }
    func blocks(_ random: inout RandomInstructions) -> Int {
      // CBIE, CBCFE, CBZE
      (random.oneIn(3) ? Int(random.bits(2)) : 3) << 4 | (random.oneIn(4) ? 0 : 1 << 6)
        | (random.oneIn(4) ? 0 : 1 << 7)
    }
    machine = blocks(&random) | (random.oneIn(3) ? 0 : 1 << 61) | (random.oneIn(3) ? 0 : Self.typesMemory)
    supervisor = blocks(&random)
  }
}
