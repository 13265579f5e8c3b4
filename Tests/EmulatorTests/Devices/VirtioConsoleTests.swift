// SPDX-License-Identifier: Apache-2.0

import Emulator
import Testing

/// The console device: what is typed goes to whoever has room for it, and what is printed comes out.
@Suite struct VirtioConsoleTests {
  let board = DeviceTestBoard()
  let serialPort: SerialPort
  let console: VirtioConsole
  let transport: VirtioTransport
  private let buffers = VirtioTestDriver.buffers

  init() {
    serialPort = SerialPort(board: board)
    console = VirtioConsole(board: board, serialPort: serialPort)
    transport = VirtioTransport(board: board, slot: 6, device: console)
  }

  private func type(_ text: String) {
    serialPort.receive(Array(text.utf8))
    console.bringInput()
  }

  private func text(_ offset: UInt64, _ count: Int) -> String {
    String(decoding: board.memory.read(at: buffers + offset, count: count) ?? [], as: UTF8.self)
  }

  @Test func identity() {
    #expect(transport.read32(0x08) == 3)
    #expect(transport.read32(0x104) == 1, "one port")
    transport.write32(0x30, 2)
    #expect(transport.read32(0x34) == 0, "two queues")
  }

  @Test func inputFillsTheBuffersThatThereAre() {
    let driver = VirtioTestDriver(board: board, transport: transport, queue: 0)
    driver.start()
    type("early")
    #expect(driver.usedIndex == 0 && serialPort.hasInput)
    for index in 0..<3 {
      driver.setChain([(buffers + UInt64(index) * 16, 4, true)], first: index)
      driver.makeAvailable(index)
    }
    driver.notify()
    #expect(driver.usedIndex == 2 && driver.used(0) == [0, 4] && driver.used(1) == [1, 1])
    #expect(text(0, 4) == "earl" && text(16, 1) == "y")
    #expect(driver.acknowledge() && !serialPort.hasInput)
    type("on")
    #expect(driver.usedIndex == 3 && driver.used(2) == [2, 2] && text(32, 2) == "on")
    #expect(driver.acknowledge())
    // No buffer is left: it waits where the serial port's driver finds it.
    type("more")
    #expect(driver.usedIndex == 3 && serialPort.read(offset: 0, size: 1) == UInt64(UInt8(ascii: "m")))
  }

  @Test func inputStaysWithTheSerialPortWithoutADriver() {
    type("a")
    #expect(serialPort.read(offset: 0, size: 1) == UInt64(UInt8(ascii: "a")))
    let driver = VirtioTestDriver(board: board, transport: transport, queue: 0)
    driver.start()
    driver.setChain([(buffers, 16, true)])
    driver.makeAvailable(0)
    driver.notify()
    #expect(driver.usedIndex == 0)
    transport.write32(0x70, 0)
    type("b")
    #expect(serialPort.read(offset: 0, size: 1) == UInt64(UInt8(ascii: "b")))
  }

  /// Requests in pieces, and longer than what is printed at a time.
  @Test func outputIsPrinted() {
    let driver = VirtioTestDriver(board: board, transport: transport, queue: 1)
    driver.start()
    let long = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    board.memory.write(Array("hello".utf8), at: buffers)
    board.memory.write(long, at: buffers + 0x1000)
    driver.setChain([(buffers, 2, false), (buffers + 2, 3, false)])
    driver.setChain([(buffers + 0x1000, long.count, false)], first: 2)
    driver.makeAvailable(0)
    driver.makeAvailable(2)
    driver.notify()
    #expect(board.testGate.output == Array("hello".utf8) + long)
    #expect(driver.usedIndex == 2 && driver.used(0) == [0, 0] && driver.used(1) == [2, 0])
    #expect(driver.acknowledge())
  }

  /// A buffer to receive that has no room, and one to print that has nothing.
  @Test func buffersOfTheWrongKind() {
    let driver = VirtioTestDriver(board: board, transport: transport, queue: 0)
    driver.start()
    driver.setChain([(buffers, 4, false)])
    driver.makeAvailable(0)
    type("x")
    #expect(driver.usedIndex == 1 && driver.used(0) == [0, 0] && serialPort.hasInput)
    let printer = VirtioTestDriver(board: board, transport: transport, queue: 1)
    printer.start()
    printer.setChain([(buffers, 4, true)])
    printer.makeAvailable(0)
    printer.notify()
    #expect(printer.usedIndex == 1 && board.testGate.output.isEmpty)
  }
}
