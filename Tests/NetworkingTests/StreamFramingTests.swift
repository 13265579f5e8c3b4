// SPDX-License-Identifier: Apache-2.0

import Networking
import TestSupport
import Testing

@Suite struct StreamFramingTests {
  @Test(arguments: [1, 2, 3, 7, 64, 100_000]) func framesComeOutHoweverTheStreamIsCut(pieceSize: Int) {
    var random = SeededGenerator(seed: UInt64(pieceSize))
    let frames = [0, 1, 14, 60, 1514, 69_632, 42].map { count in
      (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
    let stream = frames.flatMap { StreamFraming.head(of: $0) + $0 }
    var framing = StreamFraming()
    var found: [[UInt8]] = []
    for start in stride(from: 0, to: stream.count, by: pieceSize) {
      guard let more = framing.take(stream[start..<min(start + pieceSize, stream.count)]) else {
        Issue.record("it was refused")
        return
      }
      found += more
    }
    #expect(found == frames)
  }

  @Test func aLengthThatNoFrameHasEndsIt() {
    for head in [[0xff, 0xff, 0xff, 0xff], [0, 1, 0x10, 1], [0x47, 0x45, 0x54, 0x20]] as [[UInt8]] {
      var framing = StreamFraming()
      #expect(framing.take(head[...]) == nil)
    }
  }

  /// Whatever a peer sends, it neither traps nor keeps more than a frame.
  @Test func garbage() {
    var random = SeededGenerator(seed: 5)
    for _ in 0..<2_000 {
      var framing = StreamFraming()
      for _ in 0..<20 {
        var bytes = (0..<Int.random(in: 0...64, using: &random)).map { _ in
          UInt8.random(in: 0...255, using: &random)
        }
        if Bool.random(using: &random), !bytes.isEmpty { bytes[0] = 0 }
        guard framing.take(bytes[...]) != nil else { break }
      }
    }
  }
}
