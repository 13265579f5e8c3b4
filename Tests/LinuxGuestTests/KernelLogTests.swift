// SPDX-License-Identifier: Apache-2.0

import LinuxGuest
import Testing

/// Logs of both kinds, made by hand.
@Suite struct KernelLogTests {
  private let made = MadeKernel()

  /// A ring of 8 descriptors and 128 bytes of text, of which descriptors 11 to 15 are in use.
  private func makeRing() -> (descriptors: Int, texts: Int) {
    made.declare("printk_ringbuffer", ("desc_ring", 0), ("text_data_ring", 0x40))
    made.declare(
      "prb_desc_ring", ("count_bits", 0), ("descs", 8), ("infos", 0x10), ("head_id", 0x18), ("tail_id", 0x20))
    made.declare("prb_data_ring", ("size_bits", 0), ("data", 8))
    made.declare("prb_desc", ("state_var", 0), ("text_blk_lpos", 8), size: 24)
    made.declare("prb_data_blk_lpos", ("begin", 0), ("next", 8))
    made.declare("printk_info", ("seq", 0), ("ts_nsec", 8), ("text_len", 16), size: 32)
    let (pointer, ring, descriptors) = (made.room(), made.room(), made.room(8 * 24))
    let (details, texts) = (made.room(8 * 32), made.room(128))
    made.names["prb"] = TestMemory.address(pointer)
    made.memory.write(TestMemory.address(ring), at: pointer)
    made.set("prb_desc_ring", "count_bits", at: ring, 3, bytes: 4)
    made.set("prb_desc_ring", "descs", at: ring, TestMemory.address(descriptors))
    made.set("prb_desc_ring", "infos", at: ring, TestMemory.address(details))
    made.set("prb_desc_ring", "tail_id", at: ring, 11)
    made.set("prb_desc_ring", "head_id", at: ring, 15)
    made.set("prb_data_ring", "size_bits", at: ring + 0x40, 7, bytes: 4)
    made.set("prb_data_ring", "data", at: ring + 0x40, TestMemory.address(texts))
    // Finished, one that is being written, committed, one without a text, one whose text is at the start.
    let rows: [(state: UInt64, begin: UInt64, end: UInt64, text: String)] = [
      (2, 128 * 5 + 8, 128 * 5 + 24, "first"), (0, 128 * 5 + 24, 128 * 5 + 40, "secret"),
      (1, 128 * 5 + 40, 128 * 5 + 64, "sec\nond"), (2, 3, 3, ""), (2, 128 * 5 + 120, 128 * 6 + 16, "third"),
    ]
    for (index, row) in rows.enumerated() {
      let number = 11 + index
      let descriptor = descriptors + number % 8 * 24
      made.memory.write(row.state << 62 | UInt64(number), at: descriptor)
      made.memory.write(row.begin, at: descriptor + 8)
      made.memory.write(row.end, at: descriptor + 16)
      let detail = details + number % 8 * 32
      made.memory.write(UInt64(100 + index), at: detail)
      made.memory.write(UInt64(1_000 * index), at: detail + 8)
      made.memory.write(UInt64(row.text.utf8.count), bytes: 2, at: detail + 16)
      // Facility, then five bits of flags and three of level.
      made.memory.write(UInt64(index) | UInt64(index << 5 | 0x1f) << 8, bytes: 2, at: detail + 18)
      let start = index == 4 ? 0 : Int(row.begin % 128)
      made.memory.write(row.text.utf8, at: texts + start + 8)
    }
    return (descriptors, texts)
  }

  @Test func theRingIsRead() throws {
    _ = makeRing()
    let found = try made.kernel().messages()
    #expect(found.problem == nil)
    #expect(found.rows.map(\.text) == ["first", "sec\nond", "", "third"])
    #expect(found.rows.map(\.sequence) == [100, 102, 103, 104])
    #expect(found.rows.map(\.time) == [0, 2_000, 3_000, 4_000])
    #expect(found.rows.map(\.level) == [0, 2, 3, 4] && found.rows.map(\.facility) == [0, 2, 3, 4])
  }

  /// Numbers that lead out of the rings are no messages.
  @Test func aRingOfNonsenseIsNotBelieved() throws {
    let (descriptors, _) = makeRing()
    let first = descriptors + 11 % 8 * 24
    for (begin, end) in [
      (0, UInt64.max), (UInt64.max - 1, 0), (128, 128), (1 << 63, 1 << 62), (640, 640 + 4),
    ] {
      made.memory.write(begin, at: first + 8)
      made.memory.write(end, at: first + 16)
      #expect(try made.kernel().messages().rows.map(\.text) == ["sec\nond", "", "third"], "\(begin) \(end)")
    }
    made.memory.write(UInt64.max, at: Int(made.names["prb"]! - TestMemory.kernel))
    #expect(throws: LinuxGuestError.self) { try made.kernel().messages() }
  }

  /// Before 5.10: records in a row, the end of the buffer said by an empty one.
  @Test func recordsInARowAreRead() throws {
    made.declare("printk_log", ("ts_nsec", 0), ("len", 8), ("text_len", 10), size: 16)
    let (log, numbers) = (made.room(256), made.room())
    for (index, (name, value)) in [
      ("log_buf", TestMemory.address(log)), ("log_buf_len", 128), ("log_first_idx", 64), ("log_next_idx", 32),
      ("log_first_seq", 9),
    ].enumerated() {
      made.memory.write(value, at: numbers + 8 * index)
      made.names[name] = TestMemory.address(numbers + 8 * index)
    }
    for (place, text) in [(64, "one"), (0, "two")] {
      made.memory.write(UInt64(place), at: log + place)
      made.memory.write(32, bytes: 2, at: log + place + 8)
      made.memory.write(UInt64(text.utf8.count), bytes: 2, at: log + place + 10)
      made.memory.write(6 << 13, bytes: 2, at: log + place + 14)
      made.memory.write(text.utf8, at: log + place + 16)
    }
    let found = try made.kernel().messages()
    #expect(found.rows.map(\.text) == ["one", "two"] && found.rows.map(\.sequence) == [9, 10])
    #expect(found.rows.map(\.level) == [6, 6] && found.rows.map(\.time) == [64, 0])
    made.memory.write(5, bytes: 2, at: log + 8)
    let cut = try made.kernel().messages()
    #expect(cut.rows.map(\.text) == ["one"] && cut.problem != nil)
    // Nothing but empty records.
    made.memory.write([UInt8](repeating: 0, count: 128), at: log)
    #expect(try made.kernel().messages().rows.isEmpty)
  }
}
