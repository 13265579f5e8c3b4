import ReplayLog

/// The events of a replay in order, with a look at the next ones. Events without effect on the guest are left out.
struct EventQueue {
  private let source: any EventSource
  private var ahead: [LogEvent] = []
  private var isAtEnd = false

  init(_ source: any EventSource) { self.source = source }

  /// The event `offset` places ahead (0: the next one), or nil when the log ends before it.
  mutating func peek(_ offset: Int) throws(Failure) -> LogEvent? {
    while ahead.count <= offset, !isAtEnd {
      guard let event = try source.next() else {
        isAtEnd = true
        break
      }
      switch event.payload {
      case .snapshot, .note, .unrecognized: continue
      default: ahead.append(event)
      }
    }
    return offset < ahead.count ? ahead[offset] : nil
  }

  /// Passes over the next event.
  mutating func removeFirst() { ahead.removeFirst() }
}
