// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// The loads and stores of a block that share an inline cache: those by way of one base register that nothing changes in between.
  /// The first of them makes sure that one page holds all that they access.
  struct AccessGroups {
    struct Group {
      /// Loads alone, or what begins with a store. A page that may be written may also be read.
      var kind: TranslationCache.Table
      /// The bytes that are accessed, relative to the base register.
      var start: Int32
      var end: Int32
      /// The last instruction of the group.
      var last: Int
      /// All of them are of the same bytes.
      var isOneUnit = true
      /// The number of its inline cache, once it has one.
      var number = -1

      var span: Int32 { end - start }
      /// See `InlineCacheNumbers`.
      var cacheClass: Int { isOneUnit ? 0 : Int(ceilLog2(span)) }
      static var classCount: Int { Int(ceilLog2(AccessGroups.spanLimit)) + 1 }
      /// So many bytes from the start of a page on may be the group's first byte.
      var limit: Int32 { Int32(GuestMemory.pageSize) - (1 << Int32(cacheClass)) + 1 }
    }

    /// Fewer bytes are on two pages less often.
    fileprivate static let spanLimit: Int32 = 512

    private(set) var groups: [Group] = []
    /// By instruction: its group, -1 for none.
    private var membership = [Int16](repeating: -1, count: BlockCache.lengthLimit + 1)

    /// - Parameter isCached: whether the access at an index is to have an inline cache.
    init(_ block: Block, isCached: (Int) -> Bool) {
      // By base register: the groups that an access may join.
      var open = [(loads: Int, stores: Int)](repeating: (-1, -1), count: 33)
      for index in 0..<Int(block.pointee.count) {
        let instruction = block.instructions[index]
        if let access = InlineAccess(instruction.opcode) {
          if isCached(index) { join(instruction, access, index, &open[Int(instruction.source1)]) }
          if access.changesInteger { open[Int(instruction.destination)] = (-1, -1) }
        } else if instruction.opcode.changesOneRegister {
          open[Int(instruction.destination)] = (-1, -1)
        } else {
          for register in open.indices { open[register] = (-1, -1) }
        }
      }
    }

    /// The instructions of a block that can have an inline cache.
    static func accesses(of block: Block) -> [Int] {
      (0..<Int(block.pointee.count)).filter { InlineAccess(block.instructions[$0].opcode) != nil }
    }

    /// The number of the group that the access at an index belongs to.
    func group(of index: Int) -> Int? { membership[index] < 0 ? nil : Int(membership[index]) }

    func firstInstruction(of group: Int) -> Int { membership.firstIndex(of: Int16(group))! }

    /// Gives a group its inline cache.
    mutating func setNumber(_ number: Int, group: Int) { groups[group].number = number }

    /// There is no inline cache for a group.
    mutating func remove(group: Int) {
      for index in membership.indices where membership[index] == Int16(group) { membership[index] = -1 }
    }

    private mutating func join(
      _ instruction: DecodedInstruction, _ access: InlineAccess, _ index: Int,
      _ open: inout (loads: Int, stores: Int)
    ) {
      let start = instruction.immediate
      let end = start + Int32(access.size)
      for candidate in access.isStore ? [open.stores] : [open.stores, open.loads] where candidate >= 0 {
        let known = groups[candidate]
        let (lowest, highest) = (min(known.start, start), max(known.end, end))
        guard highest - lowest <= Self.spanLimit else { continue }
        groups[candidate].isOneUnit =
          known.isOneUnit && (known.start, known.end) == (start, end)
        (groups[candidate].start, groups[candidate].end) = (lowest, highest)
        groups[candidate].last = index
        membership[index] = Int16(candidate)
        return
      }
      groups.append(
        Group(kind: access.isStore ? .store : .load, start: start, end: end, last: index))
      membership[index] = Int16(groups.count - 1)
      if access.isStore { open.stores = groups.count - 1 } else { open.loads = groups.count - 1 }
    }
  }

  /// The least logarithm of a power of two that `value`, which is positive, does not exceed.
  private func ceilLog2(_ value: Int32) -> Int32 {
    Int32(Int32.bitWidth - (value - 1).leadingZeroBitCount)
  }

  /// A load or store that can have an inline cache.
  struct InlineAccess {
    var size: Int
    var isStore = false
    /// Its destination is an integer register.
    var changesInteger = false

    init?(_ opcode: Opcode) {
      switch opcode {
      case .lb, .lbu, .lh, .lhu, .lw, .lwu, .ld:
        (size, changesInteger) = (opcode.accessSize, true)
      case .sb, .sh, .sw, .sd: (size, isStore) = (opcode.accessSize, true)
      case .flh: size = 2
      case .flw: size = 4
      case .fld: size = 8
      case .fsh: (size, isStore) = (2, true)
      case .fsw: (size, isStore) = (4, true)
      case .fsd: (size, isStore) = (8, true)
      default: return nil
      }
    }
  }

  extension Opcode {
    /// Does nothing but set its destination, or not even that, unless it leaves the block?
    fileprivate var changesOneRegister: Bool {
      switch self {
      case .lui, .auipc, .jal, .beq, .bne, .blt, .bge, .bltu, .bgeu, .fence: true
      case .flh, .fsh: true
      default:
        (rawValue >= Opcode.addi.rawValue && rawValue <= Opcode.sraw.rawValue)
          || (rawValue >= Opcode.mul.rawValue && rawValue <= Opcode.remuw.rawValue)
          || (rawValue >= Opcode.flw.rawValue && rawValue <= Opcode.fclassD.rawValue)
          || (rawValue >= Opcode.laterFloatingPoint.rawValue && rawValue <= Opcode.bexti.rawValue)
          || (rawValue >= Opcode.binv.rawValue && rawValue <= Opcode.czeroNez.rawValue)
      }
    }
  }
#endif
