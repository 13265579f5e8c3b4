// SPDX-License-Identifier: Apache-2.0

import ReplayLog
import TestSupport

/// A header and events that a recorder could have written, made up from a seed.
struct RandomLog {
  var header: ReplayLogHeader
  var events: [(payload: LogPayload, moment: LogMoment)] = []

  init(seed: UInt64, eventCount: Int, dataLimit: Int = 200) {
    var random = SeededGenerator(seed: seed)
    let shift = Int.random(in: 0...10, using: &random)
    let start = UInt64.random(in: 0...1 << 40, using: &random)
    header = ReplayLogHeader(
      shift: shift, driveCount: Int.random(in: 1...8, using: &random),
      digestComponents: (0..<Int.random(in: 0...4, using: &random)).map { "hart\($0)" },
      start: LogMoment(position: start, time: start << UInt64(shift)),
      properties: [.init(key: "machine", value: "virt, \"\(seed)\" = ünï")])
    var position = start
    var idle: UInt64 = 0
    for _ in 0..<eventCount {
      if Int.random(in: 0..<4, using: &random) != 0 {
        position += UInt64.random(in: 0...1 << UInt64.random(in: 0...22, using: &random), using: &random)
      }
      if Int.random(in: 0..<8, using: &random) == 0 { idle += UInt64.random(in: 0...1 << 30, using: &random) }
      events.append(
        (
          Self.payload(header, dataLimit: dataLimit, using: &random),
          LogMoment(position: position, time: (position << UInt64(shift)) + idle)
        ))
    }
  }

  func write(to path: String, memberSpan: UInt64 = ReplayLogWriter.defaultMemberSpan, closing: Bool = true)
    throws
  {
    let writer = try ReplayLogWriter(creating: path, header: header, memberSpan: memberSpan)
    for event in events { try writer.append(event.payload, at: event.moment) }
    if closing { try writer.close() } else { try writer.drain() }
  }

  private static func payload(
    _ header: ReplayLogHeader, dataLimit: Int, using random: inout SeededGenerator
  ) -> LogPayload {
    func number(_ random: inout SeededGenerator) -> UInt64 {
      UInt64.random(in: 0...UInt64.max >> UInt64.random(in: 0..<64, using: &random), using: &random)
    }
    func data(_ random: inout SeededGenerator) -> [UInt8] {
      (0..<Int.random(in: 0...dataLimit, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
      }
    }
    let drive = Int.random(in: 0..<header.driveCount, using: &random)
    switch Int.random(in: 0..<16, using: &random) {
    case 12:
      return .frameInput(
        LogFrame(interface: Int.random(in: 0..<256, using: &random), content: .bytes(data(&random))))
    case 13:
      let count = Int.random(in: 0...LogPayload.dataLimit, using: &random)
      return .frameOutput(
        LogFrame(
          interface: Int.random(in: 0..<4, using: &random),
          content: Bool.random(using: &random)
            ? .bytes(data(&random)) : .digest(random.next(), byteCount: count)))
    case 14:
      return .linkChange(interface: Int.random(in: 0..<4, using: &random), isUp: Bool.random(using: &random))
    case 0: return .consoleInput(data(&random))
    case 1: return .consoleOutput(data(&random))
    case 2:
      let operation = LogBlockRequest.Operation.allCases.randomElement(using: &random) ?? .read
      return .blockRequest(
        LogBlockRequest(
          drive: drive, id: number(&random), operation: operation, sector: number(&random),
          sectorCount: number(&random), dataDigest: operation == .write ? random.next() : 0))
    case 3:
      return .blockCompletion(
        LogBlockCompletion(
          drive: drive, id: number(&random), succeeded: Bool.random(using: &random),
          dataDigest: Bool.random(using: &random) ? random.next() : nil))
    case 4: return .clockRead(nanoseconds: random.next())
    case 5: return .entropyRead(data(&random))
    case 6: return .reset(Bool.random(using: &random) ? .guest : .host)
    case 7:
      return .powerOff(
        Bool.random(using: &random) ? .guest : .host, status: UInt32(truncatingIfNeeded: random.next()))
    case 8: return .digest(header.digestComponents.map { _ in random.next() })
    case 9: return .end(.poweredOff(status: UInt32(truncatingIfNeeded: random.next())))
    case 10: return .end([.interrupted, .limit, .stalled, .failed].randomElement(using: &random) ?? .limit)
    case 11: return .snapshot(name: "snapshot \(random.next()) é")
    default: return .note("remark\n\(random.next())")
    }
  }
}
