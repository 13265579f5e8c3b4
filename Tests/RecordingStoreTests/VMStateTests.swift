// SPDX-License-Identifier: Apache-2.0

import Emulator
import HostSystem
import RecordingStore
import Testing

@Suite struct VMStateTests {
  private let state = VMState(
    moment: Moment(position: 12345, time: 99_999), machine: Array("the machine".utf8), digests: [1, .max, 3],
    nextEvent: 300, matchedOutput: 4,
    pending: [.init(drive: 0, id: 7, data: [1, 2, 3]), .init(drive: 1, id: 8, data: [])])

  @Test func comesBack() throws {
    #expect(try VMState(decoding: state.encoded(), file: "f", snapshot: "s") == state)
  }

  @Test func everyChangedByteIsFound() {
    let bytes = state.encoded()
    for index in bytes.indices {
      var damaged = bytes
      damaged[index] ^= 0x41
      #expect(throws: Failure.self, "byte \(index)") {
        try VMState(decoding: damaged, file: "f", snapshot: "s")
      }
    }
  }

  @Test func everyTruncationIsFound() {
    let bytes = state.encoded()
    for count in 0..<bytes.count {
      #expect(throws: Failure.self, "\(count) bytes") {
        try VMState(decoding: Array(bytes[..<count]), file: "f", snapshot: "s")
      }
    }
  }

  @Test func aNewerVersionIsNamed() {
    var bytes = state.encoded()
    bytes[8] = 9
    let failure = #expect(throws: Failure.self) { try VMState(decoding: bytes, file: "f", snapshot: "s") }
    #expect(failure?.kind == .newerFormat)
    #expect(failure?.problem.contains("9") == true)
  }
}
