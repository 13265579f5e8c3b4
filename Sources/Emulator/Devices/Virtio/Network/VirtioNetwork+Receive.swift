// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Frames from the wire to the driver.
extension VirtioNetwork {
  /// The driver need not check the checksum: it is right.
  private static let isIntact: UInt8 = 2

  /// What becomes of a frame that comes now.
  package var room: FrameRoom {
    guard isLinkUp, transport.isLive, transport.isReady(queue: Queue.receive) else { return .closed }
    return transport.availableCount(queue: Queue.receive) == 0 ? .full : .open
  }

  /// A frame has come in. One that the driver does not want, or has too little room for, is lost.
  package func receive(_ frame: [UInt8]) {
    guard room == .open, frame.count >= NetworkFrame.headerSize, filter.passes(frame, to: address),
      let buffers = buffers(for: frame.count)
    else { return }
    var bytes = header(of: frame, bufferCount: buffers.count)
    bytes += frame
    var done = 0
    for buffer in buffers {
      let count = min(bytes.count - done, buffer.writableCount)
      buffer.writable.write(Array(bytes[done..<done + count]), to: board.memory)
      transport.putRequest(queue: Queue.receive, head: buffer.head, writtenCount: count)
      done += count
    }
    transport.signalUsed(queue: Queue.receive)
  }

  /// Takes buffers for a frame and its header: several only for a driver that merges them. Nil when there are too few, or one is
  /// of no use: none is taken then.
  private func buffers(for byteCount: Int) -> [DescriptorChain]? {
    let needed = headerSize + byteCount
    guard accepted(Feature.mergeableBuffers) else {
      return transport.takeRequests(queue: Queue.receive, writableCount: needed, countLimit: 1)
    }
    return transport.takeRequests(
      queue: Queue.receive, writableCount: needed, countLimit: VirtQueue.maximumSize)
  }

  private func header(of frame: [UInt8], bufferCount: Int) -> [UInt8] {
    var header = [UInt8](repeating: 0, count: headerSize)
    if accepted(Feature.guestChecksum), guestOffloads & Feature.guestChecksum != 0,
      let segment = TransportSegment(in: frame), segment.isIntact(in: frame)
    {
      header[0] = Self.isIntact
    }
    if header.count >= 12 {
      header[10] = UInt8(truncatingIfNeeded: bufferCount)
      header[11] = UInt8(truncatingIfNeeded: bufferCount >> 8)
    }
    return header
  }
}
