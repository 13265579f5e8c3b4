// SPDX-License-Identifier: Apache-2.0

import Emulator
import TestSupport

/// A guest of loops that load and store by way of several registers, on pages that lie scattered in memory: what translated
/// code remembers of pages, from one access to the next and from one round to the next, is put to the test.
///
/// It runs in S mode with Sv39. Pointers move, onto other pages too, accesses are misaligned and cross pages here and there, and
/// now and then a page-table entry is stored anew in the midst of it.
struct LoopGuest {
  static let memorySize: UInt64 = 2 << 20
  private static let pages = 32
  private static let window: UInt64 = 0x4000_0000
  private static let root = ramBase + 0x8_0000
  private static let leaves = root + 0x2000
  private static let frames = ramBase + 0x10_0000
  /// Registers that translated code keeps in the host's and such that it does not.
  private static let pointers = [8, 9, 10, 12, 16, 17, 18, 19, 27, 28]
  private static let values = [5, 6, 11, 13, 14, 15, 20, 21]
  private static let counter = 22
  /// Points at page-table entries.
  private static let entries = 23

  let program: [UInt8]
  private let regions: [BootPlan.Region]

  init(seed: UInt64, loops: Int) {
    var random = SeededGenerator(seed: seed)
    typealias I = Instruction
    typealias C = ControlRegister
    var program = Assembly()
    program.loadAddress(5, "end")
    program.emit(I.csrw(C.mtvec, 5))
    program.set(C.pmpaddr0, ~0 >> 10)
    program.set(C.pmpcfg0, 0x1f)
    program.set(C.satp, 8 << 60 | Self.root >> 12)
    program.set(C.mstatus, 1 << 11 | 3 << 13)
    program.loadAddress(5, "start")
    program.emit(I.csrw(C.mepc, 5), I.mret)
    program.align(4)
    program.label("end")
    program.jump("end")
    program.label("start")
    for number in 0..<loops { Self.append(loop: number, to: &program, &random) }
    program.emit(I.ecall)
    precondition(program.bytes.count < 0x8_0000)
    self.program = program.assembled()

    let order = (0..<Self.pages).shuffled(using: &random)
    var table: [Int: UInt64] = [:]
    for (index, frame) in order.enumerated() {
      // Some have their A and D set by the first access.
      let flags: UInt64 = Int.random(in: 0..<4, using: &random) == 0 ? 0x07 : 0xc7
      table[index] = (Self.frames + UInt64(frame) << 12) >> 2 | flags
    }
    // Behind the others: the table itself.
    table[Self.pages] = Self.leaves >> 2 | 0xc7
    regions = [
      pageTable(at: Self.root, [1: (Self.root + 0x1000) >> 2 | 1, 2: ramBase >> 2 | 0xcf]),
      pageTable(at: Self.root + 0x1000, [0: Self.leaves >> 2 | 1]), pageTable(at: Self.leaves, table),
      BootPlan.Region(
        address: Self.frames,
        bytes: (0..<Self.pages * 4096).map { _ in UInt8.random(in: 0...255, using: &random) }),
    ]
  }

  func machine(engine: Machine.Engine) -> Machine {
    makeMachine(program: program, extra: regions, memorySize: Self.memorySize, engine: engine)
  }

  private static func append(loop: Int, to program: inout Assembly, _ random: inout SeededGenerator) {
    typealias I = Instruction
    func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }
    for pointer in pointers {
      // Mostly in the middle of a page, where a few bytes to either side are on it too.
      let place = number(0..<5) == 0 ? number(0..<4096) : number(64..<500) * 8
      program.load(pointer, window + UInt64(number(2..<pages - 2)) << 12 | UInt64(place))
    }
    program.load(entries, window + UInt64(pages) << 12 | UInt64(number(0..<pages) * 8))
    program.load(counter, UInt64(number(3..<24)))
    program.label("loop\(loop)")
    for _ in 0..<number(4..<28) {
      let pointer = pointers[number(0..<pointers.count)]
      let value = values[number(0..<values.count)]
      let offset = number(0..<8) == 0 ? number(-600..<600) : number(-12..<12) * 8
      switch number(0..<32) {
      case 0: program.emit(I.addi(pointer, pointer, number(-4..<5) * 8))
      case 1:
        // To the next page and back in the round after.
        program.load(7, 0x1000)
        program.emit(I.xor(pointer, pointer, 7))
      case 2: program.emit(I.ld(7, entries), I.sd(7, entries))
      case 3: program.emit(I.add(value, value, values[number(0..<values.count)]))
      case 4: program.emit(I.typeI(0x07, UInt32(number(2..<4)), number(0..<4), pointer, offset))
      case 5: program.emit(I.typeS(0x27, UInt32(number(2..<4)), pointer, number(0..<4), offset))
      case 6: program.emit(I.andi(7, pointer, -4), I.amoaddW(value, value, 7))
      case 7..<20: program.emit(I.typeI(0x03, UInt32(number(0..<7)), value, pointer, offset))
      default: program.emit(I.typeS(0x23, UInt32(number(0..<4)), pointer, value, offset))
      }
    }
    program.emit(I.addi(counter, counter, -1))
    program.branch(.notEqual, counter, 0, "loop\(loop)")
  }
}
