// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The virtio console device (virtio specification 1.2, section 5.3): one port, of no size that it tells.
///
/// It shares the guest's console with the serial port. What is typed waits at the serial port, and goes to a driver of this device
/// as soon as that has given a buffer for it; so firmware that knows the serial port alone is spoken to there, and a kernel that
/// then takes this device is spoken to here.
package final class VirtioConsole: VirtioDevice {
  private enum Queue {
    static let receive = 0
    static let transmit = 1
  }

  /// Bytes that are brought or printed at a time.
  private static let chunk = 4096

  package let name = "virtio-console"
  package let deviceID: UInt32 = 3
  package let features: UInt64 = 0
  package let queueCount = 2
  /// Columns and rows, which nobody knows, and how many ports there are.
  package let configuration: [UInt8] = [0, 0, 0, 0, 1, 0, 0, 0]
  private unowned let board: any Board
  private let serialPort: SerialPort
  private unowned var transport: VirtioTransport!

  package init(board: any Board, serialPort: SerialPort) {
    self.board = board
    self.serialPort = serialPort
  }

  package func plug(into transport: VirtioTransport) { self.transport = transport }

  package func process(queue index: Int, on transport: VirtioTransport) {
    if index == Queue.receive { bringInput() } else { printRequests() }
  }

  /// Gives the driver what was typed, as far as it has room for it.
  package func bringInput() {
    var hasBrought = false
    while serialPort.hasInput, let chain = transport.nextRequest(queue: Queue.receive) {
      let bytes = serialPort.takeInput(count: min(chain.writableCount, Self.chunk))
      chain.writable.write(bytes, to: board.memory)
      transport.putRequest(queue: Queue.receive, head: chain.head, writtenCount: bytes.count)
      hasBrought = true
    }
    if hasBrought { transport.signalUsed(queue: Queue.receive) }
  }

  private func printRequests() {
    for _ in 0..<VirtQueue.batchLimit {
      guard let chain = transport.nextRequest(queue: Queue.transmit) else { break }
      let moment = board.now
      for offset in stride(from: 0, to: chain.readableCount, by: Self.chunk) {
        let count = min(Self.chunk, chain.readableCount - offset)
        for byte in chain.readable.read(offset: offset, count: count, from: board.memory) {
          board.gate.consoleOutput(byte, at: moment)
        }
      }
      transport.putRequest(queue: Queue.transmit, head: chain.head, writtenCount: 0)
    }
    transport.signalUsed(queue: Queue.transmit)
  }

  // What it has is the serial port's and the queues'.
  package func reset() {}
  package func save(to writer: inout ByteWriter) {}
  package func restore(from reader: inout ByteReader) throws(ByteCodingError) {}
}
