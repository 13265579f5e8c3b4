// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The virtio entropy device (virtio specification 1.2, section 5.4): one queue whose buffers it fills.
package final class VirtioEntropy: VirtioDevice {
  /// Most bytes that one request brings; a driver asks again for more.
  package static let requestLimit = 65536

  package let name = "virtio-rng"
  package let deviceID: UInt32 = 4
  package let features: UInt64 = 0
  package let queueCount = 1
  package let configuration: [UInt8] = []
  private unowned let board: any Board

  package init(board: any Board) { self.board = board }

  package func process(queue index: Int, on transport: VirtioTransport) {
    for _ in 0..<VirtQueue.batchLimit {
      guard let chain = transport.nextRequest(queue: index) else { break }
      let count = min(chain.writableCount, Self.requestLimit)
      if count > 0 {
        chain.writable.write(board.gate.readEntropy(count: count, at: board.now), to: board.memory)
      }
      transport.putRequest(queue: index, head: chain.head, writtenCount: count)
    }
    transport.signalUsed(queue: index)
  }

  package func reset() {}
  package func save(to writer: inout ByteWriter) {}
  package func restore(from reader: inout ByteReader) throws(ByteCodingError) {}
}
