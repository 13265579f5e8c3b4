import Emulator

/// The pages that the guest has written since somebody last asked: what a migration sends again.
///
/// All of it happens on the machine's thread.
final class DirtyPages: PageKeeper, @unchecked Sendable {
  // Sendable: touched on the machine's thread alone, within `RunControl.perform`.
  private let memory: GuestMemory
  private var bits: [UInt64]

  init(_ memory: GuestMemory) {
    self.memory = memory
    bits = Array(repeating: 0, count: (memory.pageCount + 63) / 64)
  }

  func keep(page: Int, bytes: UnsafeRawPointer) { bits[page >> 6] |= 1 << UInt64(page & 63) }

  /// Begins to note pages anew; answers those that were noted, ascending.
  func take() -> [Int] {
    var pages: [Int] = []
    for index in bits.indices where bits[index] != 0 {
      var word = bits[index]
      while word != 0 {
        pages.append(index * 64 + word.trailingZeroBitCount)
        word &= word - 1
      }
      bits[index] = 0
    }
    memory.beginKeeping(for: self)
    return pages
  }

  func end() { memory.endKeeping(for: self) }
}
