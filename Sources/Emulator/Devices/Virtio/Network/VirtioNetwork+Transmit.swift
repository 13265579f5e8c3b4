// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Frames from the driver to the wire.
extension VirtioNetwork {
  /// The header and the longest piece of TCP that a driver may give to be cut, with room for the headers before it.
  private static let requestLimit = 12 + 65_536 + 128

  func transmit() {
    for _ in 0..<VirtQueue.batchLimit {
      guard let chain = transport.nextRequest(queue: Queue.transmit) else { break }
      guard chain.readableCount >= headerSize else { return transport.fail() }
      send(chain)
      transport.putRequest(queue: Queue.transmit, head: chain.head, writtenCount: 0)
    }
    transport.signalUsed(queue: Queue.transmit)
  }

  /// What cannot go over a wire is lost.
  private func send(_ chain: DescriptorChain) {
    guard isLinkUp, chain.readableCount <= Self.requestLimit else { return }
    var bytes = chain.readable.read(count: chain.readableCount, from: board.memory)
    let offload = offload(bytes)
    bytes.removeFirst(headerSize)
    let moment = board.now
    for frame in offload.frames(of: bytes) where NetworkFrame.isPossible(byteCount: frame.count) {
      board.gate.frameOutput(NetworkFrame(interface: interface, bytes: frame), at: moment)
    }
  }

  /// What the header says, as far as the driver may say it.
  private func offload(_ bytes: [UInt8]) -> TransmitOffload {
    var offload = TransmitOffload()
    guard accepted(Feature.checksum) else { return offload }
    func word(_ offset: Int) -> Int { Int(bytes[offset]) | Int(bytes[offset + 1]) << 8 }
    offload.flags = bytes[0]
    offload.checksumStart = word(6)
    offload.checksumOffset = word(8)
    if accepted(Feature.segmentsTCPOverIPv4 | Feature.segmentsTCPOverIPv6) {
      offload.cut = bytes[1]
      offload.pieceSize = word(4)
    }
    return offload
  }
}
