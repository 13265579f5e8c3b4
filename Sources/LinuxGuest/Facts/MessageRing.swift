// SPDX-License-Identifier: Apache-2.0

/// The log of kernels since 5.10: descriptors, what is told of each message, and a ring of texts.
///
/// Positions in the ring of texts and numbers of descriptors count on for ever; their lower bits are places. A descriptor is its message's as long as it
/// has its number.
struct MessageRing {
  private let kernel: LinuxKernel
  private let descriptors: KernelObject
  private let texts: KernelObject

  /// No kernel has larger rings.
  private static let bitLimit: UInt64 = 30

  init(_ kernel: LinuxKernel) throws(LinuxGuestError) {
    self.kernel = kernel
    let ring = kernel.object(
      "printk_ringbuffer", at: try kernel.memory.number(at: kernel.address(of: "prb")))
    descriptors = try ring.part("desc_ring", "prb_desc_ring")
    texts = try ring.part("text_data_ring", "prb_data_ring")
  }

  func messages() throws(LinuxGuestError) -> KernelRows<KernelMessage> {
    let countBits = try Self.bits(descriptors.number("count_bits", bytes: 4))
    let table = try descriptors.pointer("descs")
    let details = try descriptors.pointer("infos")
    let (size, detailSize) = (try kernel.size(of: "prb_desc"), try kernel.size(of: "printk_info"))
    var number = try descriptors.pointer("tail_id")
    let last = try descriptors.pointer("head_id")
    var found = KernelRows<KernelMessage>()
    // Numbers have 62 bits, above which is the state of a descriptor.
    let mask = UInt64.max >> 2
    do throws(LinuxGuestError) {
      for _ in 0..<UInt64(1) << countBits {
        let index = number & (1 << countBits - 1)
        let descriptor = kernel.object("prb_desc", at: table &+ index &* size)
        let state = try descriptor.pointer("state_var")
        // Committed, or final: others are being written, or free.
        if state & mask == number & mask, state >> 62 == 1 || state >> 62 == 2 {
          let detail = kernel.object("printk_info", at: details &+ index &* detailSize)
          found.rows += try message(descriptor, detail)
        }
        if number & mask == last & mask { break }
        number &+= 1
      }
    } catch {
      found.problem = error
    }
    return found
  }

  private func message(
    _ descriptor: KernelObject, _ detail: KernelObject
  ) throws(LinuxGuestError) -> [KernelMessage] {
    let block = try descriptor.part("text_blk_lpos", "prb_data_blk_lpos")
    let (begin, end) = (try block.pointer("begin"), try block.pointer("next"))
    let length = try detail.number("text_len", bytes: 2)
    // Texts that found no room have odd places, and so have those of no length.
    let text = begin & 1 == 1 ? length == 0 ? "" : nil : try text(from: begin, to: end, length: length)
    guard let text else { return [] }
    // Behind the length, whatever else is told of the place of things: facility, then flags and level.
    let rest = try kernel.memory.number(at: detail.place("text_len") &+ 2, byteCount: 2)
    return [
      KernelMessage(
        sequence: try detail.pointer("seq"), time: try detail.pointer("ts_nsec"),
        level: LinuxKernel.level(rest >> 8), facility: Int(rest & 0xff), text: text)
    ]
  }

  /// A block is the number of its descriptor and the text. One that would reach over the end of the ring is at its start.
  private func text(from begin: UInt64, to end: UInt64, length: UInt64) throws(LinuxGuestError) -> String? {
    let bits = try Self.bits(texts.number("size_bits", bytes: 4))
    let mask = UInt64(1) << bits - 1
    // How often the ring began anew within the block: never, or once.
    let laps = (end >> bits) &- (begin >> bits)
    guard laps <= 1 else { return nil }
    let isWrapped = laps == 1 && end & mask != 0
    let start = isWrapped ? 0 : begin & mask
    let room = isWrapped ? end & mask : end &- begin
    guard room > 8, room <= mask + 1, start + room <= mask + 1 else { return nil }
    let bytes = kernel.memory.read(
      try texts.pointer("data") &+ start &+ 8, count: Int(min(length, room - 8)))
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func bits(_ number: UInt64) throws(LinuxGuestError) -> UInt64 {
    guard number <= bitLimit else {
      throw LinuxGuestError(
        "its log has a size that cannot be",
        remedy: "give another position: the kernel may not have made it yet")
    }
    return number
  }
}
