// SPDX-License-Identifier: Apache-2.0

import Foundation
import ReplayLog

/// A folder of its own for a test; removed afterwards.
final class Scratch {
  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("rrtool-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  func write(_ bytes: some Collection<UInt8>, to name: String) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
    return path(name)
  }
}

func contents(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

/// Every event of the log, through a cursor.
func readAll(_ reader: ReplayLogReader) throws(ReplayLogError) -> [LogEvent] {
  let cursor = reader.makeCursor()
  var events: [LogEvent] = []
  while let event = try cursor.next() { events.append(event) }
  return events
}

/// What `decode_log.py` prints for an event.
func line(_ event: LogEvent) -> String {
  func hex(_ bytes: some Sequence<UInt8>) -> String { bytes.map { String(format: "%02x", $0) }.joined() }
  let detail =
    switch event.payload {
    case .consoleInput(let data), .consoleOutput(let data), .entropyRead(let data): hex(data)
    case .blockRequest(let request):
      "\(request.drive) \(request.id) \(request.operation.rawValue) \(request.sector) \(request.sectorCount) "
        + "\(request.dataDigest)"
    case .blockCompletion(let completion):
      "\(completion.drive) \(completion.id) \(completion.succeeded ? 1 : 0) "
        + (completion.dataDigest.map(String.init) ?? "none")
    case .frameInput(let frame), .frameOutput(let frame):
      switch frame.content {
      case .bytes(let bytes): "\(frame.interface) 0 " + hex(bytes)
      case .digest(let digest, let byteCount): "\(frame.interface) 1 \(byteCount) \(digest)"
      }
    case .linkChange(let interface, let isUp): "\(interface) \(isUp ? 1 : 0)"
    case .clockRead(let nanoseconds): "\(nanoseconds)"
    case .reset(let source): "\(source.rawValue)"
    case .powerOff(let source, let status): "\(source.rawValue) \(status)"
    case .digest(let values): values.map(String.init).joined(separator: " ")
    case .end(.poweredOff(let status)): "0 \(status)"
    case .end(.interrupted): "1 0"
    case .end(.limit): "2 0"
    case .end(.stalled): "3 0"
    case .end(.failed): "4 0"
    case .snapshot(let text), .note(let text): hex(text.utf8)
    case .unrecognized(_, let data): hex(data)
    }
  let kind = event.payload.kind.map { Int($0.rawValue) } ?? 0
  return "\(event.number) \(event.position) \(event.time) \(kind) \(event.byteCount) \(detail)"
}
