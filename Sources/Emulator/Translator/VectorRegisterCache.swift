// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// The vector registers of x86-64, with their numbers.
  enum VectorRegister: UInt8 {
    case xmm0, xmm1, xmm2, xmm3, xmm4, xmm5, xmm6, xmm7
    case xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15

    /// As an operand. There are as many general-purpose registers, and operands name both kinds by number.
    var operand: HostOperand { .register(HostRegister(rawValue: rawValue)!) }
  }

  /// Which floating-point registers of the guest stand in vector registers, at the place of a block that is being emitted.
  ///
  /// They are copies: every result is written to the hart's memory as well, at once. So wherever a block is left there is
  /// nothing to put away, and a copy that a call has destroyed is loaded again. A block begins with no copies, and so must
  /// every place of it that can be reached in two ways.
  ///
  /// `xmm0` and `xmm1` hold nothing from one guest instruction to the next.
  struct VectorRegisterCache {
    /// What a copy is good for.
    enum Form {
      /// All 64 bits.
      case double
      /// The lower 32 bits; the register is known to be NaN-boxed.
      case single
    }

    struct Copy {
      var guest: UInt8
      var form: Form
      var host: VectorRegister
    }

    /// The longest unused first.
    private(set) var copies: [Copy] = []
    private var free: [VectorRegister] = Self.all

    private static let all: [VectorRegister] = (2...15).map {
      // A vector register has each of these numbers.
      VectorRegister(rawValue: $0)!
    }

    mutating func forget() {
      copies.removeAll(keepingCapacity: true)
      free = Self.all
    }

    /// The copy of a guest register, if there is one of this form; or of any form.
    mutating func find(_ guest: UInt8, _ form: Form?) -> VectorRegister? {
      guard let index = copies.firstIndex(where: { $0.guest == guest }) else { return nil }
      guard form == nil || copies[index].form == form else { return nil }
      let copy = copies.remove(at: index)
      copies.append(copy)
      return copy.host
    }

    /// A place for a copy that is about to be made, instead of what was copied there. It is none that the last three calls
    /// have answered.
    mutating func claim(_ guest: UInt8, _ form: Form) -> VectorRegister {
      let host: VectorRegister
      if let index = copies.firstIndex(where: { $0.guest == guest }) {
        host = copies.remove(at: index).host
      } else if let unused = free.popLast() {
        host = unused
      } else {
        host = copies.removeFirst().host
      }
      copies.append(Copy(guest: guest, form: form, host: host))
      return host
    }
  }
#endif
