// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Tracing

/// The profile as pprof reads it: a compressed message of protocol buffers (`profile.proto` of google/pprof).
extension CallProfile {
  package var pprof: [UInt8] {
    let strings = ["", "instructions", "count"] + names
    let firstName = 3
    var message = Message()
    var kind = Message()
    kind.number(1, 1)  // type: "instructions"
    kind.number(2, 2)  // unit: "count"
    message.message(1, kind)  // sample_type
    forEachStack { stack, count in
      var sample = Message()
      // The innermost first; numbers begin at 1.
      sample.numbers(1, stack.reversed().map { UInt64($0 + 1) })
      sample.numbers(2, [count])
      message.message(2, sample)
    }
    for index in names.indices {
      var line = Message()
      line.number(1, UInt64(index + 1))  // function_id
      var location = Message()
      location.number(1, UInt64(index + 1))
      location.message(4, line)
      message.message(4, location)
      var function = Message()
      function.number(1, UInt64(index + 1))
      function.number(2, UInt64(firstName + index))
      function.number(3, UInt64(firstName + index))
      message.message(5, function)
    }
    message.number(14, 1)  // default_sample_type
    for string in strings { message.bytes(6, Array(string.utf8)) }
    return Zlib.deflate(message.writer.bytes, windowBits: Zlib.gzip)
  }

  /// A message of protocol buffers (wire format: varints and counted bytes, each behind its field's number).
  private struct Message {
    var writer = ByteWriter()

    mutating func number(_ field: UInt64, _ value: UInt64) {
      writer.varint(field << 3)
      writer.varint(value)
    }

    mutating func bytes(_ field: UInt64, _ value: [UInt8]) {
      writer.varint(field << 3 | 2)
      writer.counted(value)
    }

    mutating func message(_ field: UInt64, _ value: Message) { bytes(field, value.writer.bytes) }

    mutating func numbers(_ field: UInt64, _ values: [UInt64]) {
      var packed = ByteWriter()
      for value in values { packed.varint(value) }
      bytes(field, packed.bytes)
    }
  }
}
