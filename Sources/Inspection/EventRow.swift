// SPDX-License-Identifier: Apache-2.0

import Execution
import ReplayLog

/// An event as the values of a row. Every event has all columns; what its kind does not have is empty.
struct EventRow {
  static let columns = [
    Column("number", "Event"), Column("position", "Position"), Column("time_ns", "Guest time (s)"),
    Column("kind", "Kind"), Column("text", "What"), Column("byte_count", nil),
    Column("data", nil, holdsData: true), Column("data_bytes", nil), Column("drive", nil),
    Column("request", nil),
    Column("operation", nil), Column("sector", nil), Column("sector_count", nil), Column("succeeded", nil),
    Column("data_digest", nil), Column("wall_clock_ns", nil), Column("source", nil), Column("reason", nil),
    Column("exit_status", nil), Column("name", nil), Column("digests", nil),
    Column("interface", nil), Column("link_up", nil),
  ]

  private let event: LogEvent
  private var data: [UInt8]?
  private var drive: Int?
  private var request: UInt64?
  private var operation: String?
  private var sector: UInt64?
  private var sectorCount: UInt64?
  private var succeeded: Bool?
  private var dataDigest: UInt64?
  private var wallClock: UInt64?
  private var source: LogSource?
  private var reason: String?
  private var status: UInt32?
  private var name: String?
  private var digests: [String]?
  private var interface: Int?
  private var isUp: Bool?

  init(_ event: LogEvent, digestComponents: [String]) {
    self.event = event
    switch event.payload {
    case .consoleInput(let data), .consoleOutput(let data), .entropyRead(let data),
      .unrecognized(_, let data):
      self.data = data
    case .blockRequest(let request):
      drive = request.drive
      self.request = request.id
      operation = request.operation.name
      if request.operation != .flush {
        sector = request.sector
        sectorCount = request.sectorCount
      }
      if request.operation == .write { dataDigest = request.dataDigest }
    case .blockCompletion(let completion):
      drive = completion.drive
      request = completion.id
      succeeded = completion.succeeded
      dataDigest = completion.dataDigest
    case .frameInput(let frame), .frameOutput(let frame):
      interface = frame.interface
      switch frame.content {
      case .bytes(let bytes): data = bytes
      case .digest(let digest, _): dataDigest = digest
      }
    case .linkChange(let interface, let isUp):
      self.interface = interface
      self.isUp = isUp
    case .clockRead(let nanoseconds): wallClock = nanoseconds
    case .reset(let source): self.source = source
    case .powerOff(let source, let status):
      self.source = source
      self.status = status
    case .digest(let values):
      digests = zip(digestComponents, values).map { "\($0)=\($1.hexadecimal)" }
    case .end(let end):
      reason = end.name
      if case .poweredOff(let status) = end { self.status = status }
    case .snapshot(let name): self.name = name
    case .note(let text): data = Array(text.utf8)
    }
  }

  var values: [FieldValue] {
    [
      .integer(event.number), .integer(event.position), .time(event.time), .text(event.payload.kindName),
      .text(event.payload.description), .integer(UInt64(event.byteCount)), data.map { .data($0) } ?? .none,
      FieldValue(data.map { UInt64($0.count) }), FieldValue(drive.map { UInt64($0) }), FieldValue(request),
      FieldValue(operation), FieldValue(sector), FieldValue(sectorCount), FieldValue(succeeded),
      dataDigest.map { .digest($0) } ?? .none, FieldValue(wallClock),
      FieldValue(source.map { $0 == .host ? "host" : "guest" }), FieldValue(reason),
      FieldValue(status.map { UInt64($0) }), FieldValue(name), digests.map { .list($0) } ?? .none,
      FieldValue(interface.map { UInt64($0) }), FieldValue(isUp),
    ]
  }
}
