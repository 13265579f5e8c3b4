import Emulator
import RecordReplay
import Testing

@Suite struct FrozenMemoryTests {
  /// One thread takes pages while another stores to all of them, over and over: what is taken is what was there when
  /// they were frozen.
  @Test(arguments: [UInt64(1), 2, 3]) func pagesAreTakenAsTheyWere(seed: UInt64) async {
    let pageCount = 512
    let memory = GuestMemory(base: 0x8000_0000, size: UInt64(pageCount * GuestMemory.pageSize))
    let frozen = FrozenMemory(memory)
    var random = seed
    func next() -> UInt64 {
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return random >> 33
    }
    for round in 0..<20 {
      for page in 0..<pageCount {
        memory.store(
          UInt64(page) << 32 | UInt64(round), at: memory.base + UInt64(page * GuestMemory.pageSize))
      }
      // Some pages only; the others must not be kept.
      let ranges = [0..<pageCount / 4, pageCount / 2..<pageCount]
      frozen.freeze(ranges)
      let taken = TakenPages()
      let thread = HostThread {
        for range in ranges {
          for page in range { taken.take(page, from: frozen) }
        }
      }
      for _ in 0..<2000 {
        let page = next() % UInt64(pageCount)
        memory.store(~0 as UInt64, at: memory.base + page * UInt64(GuestMemory.pageSize))
      }
      thread.join()
      for range in ranges {
        for page in range {
          #expect(taken.words[page] == UInt64(page) << 32 | UInt64(round), "seed \(seed), round \(round)")
        }
      }
    }
    frozen.finish()
  }

  /// The first words of pages, filled in by one thread and read after it was joined.
  private final class TakenPages: @unchecked Sendable {
    var words: [Int: UInt64] = [:]
    private var buffer = [UInt64](repeating: 0, count: GuestMemory.pageSize / 8)

    func take(_ page: Int, from frozen: FrozenMemory) {
      buffer.withUnsafeMutableBytes { bytes in
        // A page's worth of words has an address.
        frozen.take(page, into: bytes.baseAddress!)
      }
      words[page] = buffer[0]
    }
  }
}
