// SPDX-License-Identifier: Apache-2.0

extension LinuxKernel {
  /// More than any kernel has.
  private static var logLimit: UInt64 { 1 << 30 }

  /// The log of kernels before 5.10: records one behind the other, the first one's place, and that of the next to come.
  func recordsInARow() throws(LinuxGuestError) -> KernelRows<KernelMessage> {
    let log = try memory.number(at: address(of: "log_buf"))
    let size = min(try memory.number(at: address(of: "log_buf_len"), byteCount: 4), Self.logLimit)
    var place = try memory.number(at: address(of: "log_first_idx"), byteCount: 4)
    let end = try memory.number(at: address(of: "log_next_idx"), byteCount: 4)
    var sequence =
      try optionalAddress(of: "log_first_seq").map { (place) throws(LinuxGuestError) in
        try memory.number(at: place)
      } ?? 0
    let header = try self.size(of: "printk_log")
    var found = KernelRows<KernelMessage>()
    var left = size
    do throws(LinuxGuestError) {
      while place != end, place < size {
        let record = object("printk_log", at: log &+ place)
        let length = try record.number("len", bytes: 2)
        // An empty one says that the next is at the start.
        guard length > 0, place > 0 || length <= left else {
          if place == 0 { break }
          place = 0
          continue
        }
        guard length >= header, length <= left else {
          throw LinuxGuestError(
            "its log has a record of \(length) bytes that cannot be", remedy: "give another position")
        }
        let count = min(try record.number("text_len", bytes: 2), length - header)
        // Behind three lengths of two bytes: facility, then flags and level.
        let rest = try memory.number(at: record.place("len") &+ 6, byteCount: 2)
        found.rows.append(
          KernelMessage(
            sequence: sequence, time: try record.pointer("ts_nsec"), level: Self.level(rest >> 8),
            facility: Int(rest & 0xff),
            text: String(
              decoding: memory.read(record.address &+ header, count: Int(count)), as: UTF8.self)))
        sequence &+= 1
        left -= length
        place += length
      }
    } catch {
      found.problem = error
    }
    return found
  }
}
