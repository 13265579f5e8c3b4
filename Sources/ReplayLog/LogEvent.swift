// SPDX-License-Identifier: Apache-2.0

/// One event of a log.
public struct LogEvent: Sendable, Equatable {
  /// Ordinal of the event in the log, from 0.
  public var number: UInt64
  public var moment: LogMoment
  public var payload: LogPayload
  /// Bytes that the event takes in the log before compression.
  public var byteCount: Int

  public init(number: UInt64, moment: LogMoment, payload: LogPayload, byteCount: Int) {
    self.number = number
    self.moment = moment
    self.payload = payload
    self.byteCount = byteCount
  }

  public var position: UInt64 { moment.position }
  public var time: UInt64 { moment.time }
}

/// What happened.
public enum LogPayload: Sendable, Equatable {
  /// Bytes that arrived for the guest's console.
  case consoleInput([UInt8])
  /// Bytes that the guest wrote to its console. The event's moment is that of the first byte.
  case consoleOutput([UInt8])
  case blockRequest(LogBlockRequest)
  case blockCompletion(LogBlockCompletion)
  /// A frame that came in for the guest.
  case frameInput(LogFrame)
  /// A frame that the guest sent.
  case frameOutput(LogFrame)
  /// The cable of a network card was put in or pulled out.
  case linkChange(interface: Int, isUp: Bool)
  /// The guest read the wall clock and was told this: nanoseconds since 1970 (UTC).
  case clockRead(nanoseconds: UInt64)
  /// The guest asked for entropy and was given these bytes.
  case entropyRead([UInt8])
  case reset(LogSource)
  case powerOff(LogSource, status: UInt32)
  /// Digests of the machine's components, in the order of `ReplayLogHeader.digestComponents`.
  case digest([UInt64])
  /// The run ended here. The last event of a log that was closed cleanly.
  case end(LogEnd)
  /// A named snapshot was taken here.
  case snapshot(name: String)
  /// A remark: a monitor command, say. It has no effect on the guest.
  case note(String)
  /// An event of an optional kind that this version does not know. It has no effect on the guest. Never written.
  case unrecognized(kind: UInt8, data: [UInt8])

  /// Bytes of data that one event may carry. The writer spreads more over several events of the same kind and moment;
  /// whoever reads them puts them together. Not so console input, where each event is one arrival.
  public static let dataLimit = 32_768
  /// UTF-8 bytes that the name of a snapshot may have.
  public static let nameLimit = 255
}

/// Who did it.
public enum LogSource: UInt8, Sendable, CaseIterable {
  /// From outside: a power or reset button, a monitor command.
  case host = 0
  /// The guest itself.
  case guest = 1
}

/// A request that the guest made of a drive.
public struct LogBlockRequest: Sendable, Equatable {
  public enum Operation: UInt8, Sendable, CaseIterable {
    case read = 0
    case write = 1
    case flush = 2
    case discard = 3
    case writeZeroes = 4
    /// Write zeroes where the sectors may be given back to the storage.
    case writeZeroesUnmap = 5
  }

  public var drive: Int
  /// Unique for the drive over the run.
  public var id: UInt64
  public var operation: Operation
  public var sector: UInt64
  /// Sectors of 512 bytes that the request covers; 0 for a flush.
  public var sectorCount: UInt64
  /// `Digest.of` the data to write; 0 for everything but a write.
  public var dataDigest: UInt64

  public init(
    drive: Int, id: UInt64, operation: Operation, sector: UInt64, sectorCount: UInt64, dataDigest: UInt64
  ) {
    self.drive = drive
    self.id = id
    self.operation = operation
    self.sector = sector
    self.sectorCount = sectorCount
    self.dataDigest = dataDigest
  }
}

/// The answer to a request, delivered to the guest.
public struct LogBlockCompletion: Sendable, Equatable {
  public var drive: Int
  /// That of the request.
  public var id: UInt64
  public var succeeded: Bool
  /// `Digest.of` the data that a read brought; nil for everything else.
  public var dataDigest: UInt64?

  public init(drive: Int, id: UInt64, succeeded: Bool, dataDigest: UInt64?) {
    self.drive = drive
    self.id = id
    self.succeeded = succeeded
    self.dataDigest = dataDigest
  }
}

/// An Ethernet frame.
public struct LogFrame: Sendable, Equatable {
  public enum Content: Sendable, Equatable {
    /// At most `LogPayload.dataLimit` of them.
    case bytes([UInt8])
    /// Of a frame that the guest sent, when its bytes are not kept: `Digest.of` them.
    case digest(UInt64, byteCount: Int)
  }

  /// Index of the guest's network card.
  public var interface: Int
  public var content: Content

  public init(interface: Int, content: Content) {
    self.interface = interface
    self.content = content
  }

  public var byteCount: Int {
    switch content {
    case .bytes(let bytes): bytes.count
    case .digest(_, let byteCount): byteCount
    }
  }
}

/// Why a run ended.
public enum LogEnd: Sendable, Equatable {
  /// The guest, or something outside, switched the machine off.
  case poweredOff(status: UInt32)
  /// The user stopped it.
  case interrupted
  /// It reached the number of instructions it was given.
  case limit
  /// Nothing could happen any more: every hart waits for an interrupt that cannot come, or does the same for ever.
  case stalled
  /// rrtool could not go on: a full disk, say.
  case failed
}

/// The kinds of events, by their number in the file. Numbers are never used twice.
///
/// A reader that does not know a kind refuses it below 64 and may pass over it from 64 on.
public enum LogEventKind: UInt8, Sendable, CaseIterable {
  case consoleInput = 1
  case consoleOutput = 2
  case blockRequest = 3
  case blockCompletion = 4
  case clockRead = 5
  case entropyRead = 6
  case reset = 7
  case powerOff = 8
  case digest = 9
  case end = 10
  case frameInput = 11
  case frameOutput = 12
  case linkChange = 13
  case snapshot = 64
  case note = 65

  static let firstOptional: UInt8 = 64
  static let limit: UInt8 = 128

  /// The name that people and files use: "console-input".
  public var name: String {
    switch self {
    case .consoleInput: "console-input"
    case .consoleOutput: "console-output"
    case .blockRequest: "block-request"
    case .blockCompletion: "block-completion"
    case .clockRead: "clock-read"
    case .entropyRead: "entropy-read"
    case .reset: "reset"
    case .powerOff: "power-off"
    case .digest: "digest"
    case .end: "end"
    case .frameInput: "frame-input"
    case .frameOutput: "frame-output"
    case .linkChange: "link-change"
    case .snapshot: "snapshot"
    case .note: "note"
    }
  }

  public init?(name: String) {
    guard let kind = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = kind
  }
}

extension LogPayload {
  /// The kind; nil for one that this version does not know.
  public var kind: LogEventKind? {
    switch self {
    case .consoleInput: .consoleInput
    case .consoleOutput: .consoleOutput
    case .blockRequest: .blockRequest
    case .blockCompletion: .blockCompletion
    case .clockRead: .clockRead
    case .entropyRead: .entropyRead
    case .reset: .reset
    case .powerOff: .powerOff
    case .digest: .digest
    case .end: .end
    case .frameInput: .frameInput
    case .frameOutput: .frameOutput
    case .linkChange: .linkChange
    case .snapshot: .snapshot
    case .note: .note
    case .unrecognized: nil
    }
  }
}
