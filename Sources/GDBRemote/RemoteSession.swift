// SPDX-License-Identifier: Apache-2.0

/// A debugger's session: takes packets from a connection and answers them, until the client leaves.
///
/// The protocol is gdb's remote serial protocol. A client is a stranger: whatever it sends is answered with an error at
/// worst. Everything happens on the thread that calls `serve`; while the target moves, the session looks for Ctrl-C
/// whenever the target asks whether it should stop.
public final class RemoteSession {
  /// How a session ended.
  public enum Ending: Equatable, Sendable {
    case detached
    case killed
    /// The machine is off, and the client knows.
    case exited
    /// The connection is gone.
    case closed
  }

  /// Bytes of the longest packet in either direction.
  static let packetSize = 1 << 16

  let target: any DebugTarget
  let registers: RegisterSet
  var inserted = InsertedStops()
  /// The hart that `g`, `p`, `m` and their like are about.
  var generalHart = 0
  /// The only hart that `s`, `c`, `bs` and `bc` let go; nil: all, and the one above is stepped. It stays what it is until a
  /// client names another: gdb does not repeat itself.
  var steppedHart: Int?
  var lastStop: StopReport
  var client = ClientFeatures()
  /// See `isEndOfLoneStep`.
  var hidesEndOfHistory = true

  private let connection: any RemoteConnection
  private let isInterruptedElsewhere: () -> Bool
  /// The other way is the same Ctrl-C.
  let sharesTerminal: Bool
  private var decoder = PacketDecoder(limit: RemoteSession.packetSize)
  /// What the decoder found while the target moved; a client has no reason to send more than a packet or two then.
  private var waiting: [PacketDecoder.Item] = []
  private static let waitingLimit = 64
  private var isClosed = false
  var acknowledges = true
  private var lastFrame: [UInt8] = []
  private var ending: Ending?
  let now: () -> ContinuousClock.Instant
  /// When Ctrl-C came while nothing moved.
  private var lateInterrupt: ContinuousClock.Instant?
  /// When Ctrl-C ended a motion by another way than the protocol.
  var elsewhereInterrupt: ContinuousClock.Instant?
  /// While a `monitor` command is carried out.
  var command: CommandWait?
  /// How long such a Ctrl-C is for the next motion.
  private static let interruptLifetime: Duration = .seconds(1)

  /// - Parameters:
  ///   - isInterrupted: asked whenever the target moves; another way than Ctrl-C in the protocol to end that.
  ///   - sharesTerminal: Ctrl-C that reaches the client goes that way too.
  public init(
    target: any DebugTarget, connection: any RemoteConnection,
    isInterrupted: @escaping () -> Bool = { false }, sharesTerminal: Bool = false,
    now: @escaping () -> ContinuousClock.Instant = { .now }
  ) {
    self.target = target
    self.now = now
    self.connection = connection
    isInterruptedElsewhere = isInterrupted
    self.sharesTerminal = sharesTerminal
    registers = target.registers
    generalHart = target.currentHart
    lastStop = StopReport(hart: target.currentHart, cause: .stepped)
  }

  /// Serves the client until it leaves.
  ///
  /// - Parameter preparation: brings the target to where the client is to find it, which may take long. gdb gives up after two
  ///   seconds without an answer: meanwhile it is told what does not depend on the place, and then that the rest is still to
  ///   come. False: the target cannot be served.
  public func serve(after preparation: ((MotionControl) -> Bool)? = nil) -> Ending {
    if let preparation {
      isPreparing = true
      let isReady = whileMoving(preparation)
      isPreparing = false
      guard isReady else { return .closed }
      generalHart = target.currentHart
      lastStop = StopReport(hart: target.currentHart, cause: .stepped)
    }
    while ending == nil {
      if !waiting.isEmpty {
        handle(waiting.removeFirst())
      } else if isClosed {
        return .closed
      } else {
        _ = receive()
      }
    }
    return ending ?? .closed
  }

  func end(_ how: Ending) { ending = how }

  // MARK: Packets in and out

  /// Waits for bytes. False: there will be none.
  func receive() -> Bool {
    let bytes = connection.read()
    if bytes.isEmpty { isClosed = true } else { decode(bytes) }
    return !isClosed
  }

  /// A packet has come that is still to be answered.
  var hasPacket: Bool { waiting.contains { if case .packet = $0 { true } else { false } } }

  private func decode(_ bytes: [UInt8]) {
    for byte in bytes {
      guard let item = decoder.take(byte), item != .acknowledged else { continue }
      // It is about an answer that has arrived damaged, which needs acknowledgements, and that there is: gdb asks so after two seconds
      // too for what is still being worked on. Sent again, the answer before would be taken for this one.
      if item == .refused {
        command?.ask(at: now())
        if isMoving || command != nil || !acknowledges { continue }
      }
      guard waiting.count < Self.waitingLimit || !isMoving else {
        isClosed = true
        return
      }
      waiting.append(item)
    }
  }

  private func handle(_ item: PacketDecoder.Item) {
    switch item {
    case .packet(let payload):
      if acknowledges { connection.write([UInt8(ascii: "+")]) }
      if let reply = reply(to: payload) { send(reply) }
    case .refused: connection.write(lastFrame)
    case .damaged: if acknowledges { connection.write([UInt8(ascii: "-")]) }
    case .tooLong:
      if acknowledges { connection.write([UInt8(ascii: "+")]) }
      send("E07")
    case .interrupt:
      // The terminal gives Ctrl-C to the debugger and to this program: what one has ended the other does not end as well.
      let isTwin = elsewhereInterrupt.map { now() - $0 < Self.interruptLifetime } ?? false
      elsewhereInterrupt = nil
      if !isTwin { lateInterrupt = now() }
    case .acknowledged: break
    }
  }

  /// Whether Ctrl-C came as a motion had ended by itself, just before this one. gdb makes one short motion after the other where
  /// it watches what only it can evaluate: whoever wants that to end would never hit one. An old Ctrl-C ends nothing.
  func takeLateInterrupt() -> Bool {
    defer { lateInterrupt = nil }
    return lateInterrupt.map { now() - $0 < Self.interruptLifetime } ?? false
  }

  func send(_ reply: Reply) {
    lastFrame = Packet.frame(reply.bytes)
    connection.write(lastFrame)
  }

  // MARK: Motion

  private var isMoving = false

  /// Lets the target work for as long as it takes, with an eye on the client.
  func whileMoving<Result>(releasing harts: Set<Int>? = nil, _ body: (MotionControl) -> Result) -> Result {
    isMoving = true
    defer { isMoving = false }
    // What was meant for something before, such as the client at its prompt, does not end what begins now.
    _ = isInterruptedElsewhere()
    return body(
      MotionControl(
        isInterrupted: { [self] in isInterrupted() }, say: { [self] in say($0) },
        meetsConditions: { [self] in meetsConditions(hart: $0, address: $1) }, released: harts))
  }

  private func isInterrupted() -> Bool {
    if isClosed || command?.isOver == true { return true }
    if isInterruptedElsewhere() {
      elsewhereInterrupt = now()
      return true
    }
    guard let bytes = connection.readAvailable() else {
      isClosed = true
      return true
    }
    decode(bytes)
    if isPreparing { answerMeanwhile() }
    if tendCommand() { return true }
    guard let index = waiting.firstIndex(of: .interrupt) else { return isClosed }
    waiting.remove(at: index)
    return true
  }

  private var isPreparing = false

  private func answerMeanwhile() {
    while let item = waiting.first, item != .interrupt {
      if case .packet(let payload) = item, !Self.isAboutSessionAlone(payload) { return connection.showLife() }
      handle(waiting.removeFirst())
    }
  }

  /// Shows text on the client's console, which listens only while it waits for a motion or a `monitor` command.
  func say(_ text: String) {
    // Before it has asked for the first stop it expects no text.
    guard !isPreparing else { return }
    if let command {
      if client.isGDB {
        self.command?.text += text
        return
      }
      if command.isOver { return }
    }
    sendText(Array(text.utf8)[...])
  }

  /// In as many packets as it takes.
  func sendText(_ text: ArraySlice<UInt8>) {
    var rest = text
    while !rest.isEmpty {
      send(Reply([UInt8(ascii: "O")] + Hexadecimal.encode(rest.prefix(Self.textLimit))))
      rest = rest.dropFirst(Self.textLimit)
    }
  }

  /// Bytes of text in one packet: two digits each, and `O`.
  static let textLimit = (packetSize - 1) / 2

  func tellNotices() {
    for notice in target.takeNotices() { say(notice + "\n") }
  }
}

/// What the client has said that it understands.
struct ClientFeatures {
  var softwareBreakpointReason = false
  var hardwareBreakpointReason = false
  /// It prints what the reply to a `monitor` command has in place of `OK`; lldb shows its digits.
  var isGDB = false
}

/// A reply's payload.
struct Reply: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, Equatable {
  var bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }
  init(stringLiteral text: String) { bytes = Array(text.utf8) }

  /// The packet is not known here: the client does without.
  static let unsupported: Reply = ""
  static let ok: Reply = "OK"
  /// The packet makes no sense.
  static let malformed: Reply = "E01"
  /// Nothing is there that could be read or written: EFAULT.
  static let badAddress: Reply = "E0e"
  /// Too many of a thing: ENOSPC.
  static let tooMany: Reply = "E1c"
}
