// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// What the host's processor can do beyond the x86-64 of 2003, asked of itself (Intel 64 and IA-32 manual, volume 2,
  /// CPUID and XGETBV).
  struct HostFeatures {
    /// lzcnt, tzcnt and popcnt. On a processor without them the first two mean something else, so it is vital to know.
    let countsBits: Bool
    /// Products of polynomials over two elements, of 64 bits.
    let multipliesCarryless: Bool
    /// Fused multiply-add in AVX registers, which the operating system must save too.
    let fusesMultiplyAdd: Bool

    /// `code` is memory to write a few instructions to and execute; nothing stays there.
    init(using code: UnsafeMutablePointer<UInt8>) {
      let highest = Self.identify(0x8000_0000, code).eax
      let basic = Self.identify(1, code)
      let structured = Self.identify(0, code).eax >= 7 ? Self.identify(7, code).ebx : 0
      let extended = highest >= 0x8000_0001 ? Self.identify(0x8000_0001, code).ecx : 0
      countsBits = basic.ecx >> 23 & 1 != 0 && structured >> 3 & 1 != 0 && extended >> 5 & 1 != 0
      multipliesCarryless = basic.ecx >> 1 & 1 != 0
      let hasVectors = basic.ecx >> 27 & 1 != 0 && basic.ecx >> 28 & 1 != 0
      fusesMultiplyAdd =
        hasVectors && basic.ecx >> 12 & 1 != 0 && Self.savedState(code) & 6 == 6
    }

    private struct Registers {
      var eax: UInt32 = 0
      var ebx: UInt32 = 0
      var ecx: UInt32 = 0
      var edx: UInt32 = 0
    }

    private static func identify(_ leaf: UInt32, _ code: UnsafeMutablePointer<UInt8>) -> Registers {
      let function: [UInt8] = [
        0x53,  // push rbx
        0x89, 0xf8,  // mov eax, edi
        0x31, 0xc9,  // xor ecx, ecx
        0x0f, 0xa2,  // cpuid
        0x89, 0x06,  // mov [rsi], eax
        0x89, 0x5e, 0x04,  // mov [rsi + 4], ebx
        0x89, 0x4e, 0x08,  // mov [rsi + 8], ecx
        0x89, 0x56, 0x0c,  // mov [rsi + 12], edx
        0x5b,  // pop rbx
        0xc3,  // ret
      ]
      code.update(from: function, count: function.count)
      typealias Identify = @convention(c) (UInt32, UnsafeMutableRawPointer) -> Void
      var registers = Registers()
      // The bytes above are a function of this type by the platform's calling convention.
      let identify = unsafeBitCast(UnsafeRawPointer(code), to: Identify.self)
      withUnsafeMutableBytes(of: &registers) { bytes in
        // Not empty: a struct of four words.
        if let start = bytes.baseAddress { identify(leaf, start) }
      }
      return registers
    }

    /// The register state that the operating system saves.
    private static func savedState(_ code: UnsafeMutablePointer<UInt8>) -> UInt32 {
      let function: [UInt8] = [
        0x31, 0xc9,  // xor ecx, ecx
        0x0f, 0x01, 0xd0,  // xgetbv
        0xc3,  // ret
      ]
      code.update(from: function, count: function.count)
      typealias Read = @convention(c) () -> UInt32
      // As above.
      return unsafeBitCast(UnsafeRawPointer(code), to: Read.self)()
    }
  }
#endif
