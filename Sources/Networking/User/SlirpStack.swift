// SPDX-License-Identifier: Apache-2.0

import CSlirp
import Glibc
import HostSystem

/// libslirp: a TCP/IP stack in user space, whose other side are sockets of the host. It speaks to the guest in Ethernet frames.
///
/// It lives on one thread, which calls `turn` again and again. Its clock is the guest's.
final class SlirpStack {
  /// The newest that libslirp 4.7 takes: older ones have no way to switch DHCP and DNS off.
  private static let configurationVersion: UInt32 = 4
  /// Milliseconds that a turn waits at most.
  private static let patience: UInt32 = 1000
  /// What libslirp asks to wait when no connection is open is more than this.
  private static let connectionPatience: UInt32 = 500

  private let library: SlirpLibrary
  private var slirp: OpaquePointer?
  private let callbacks = UnsafeMutablePointer<SlirpCb>.allocate(capacity: 1)
  private let clock: GuestClock
  /// Takes its frames. Set before the first turn.
  var deliver: ([UInt8]) -> Void = { _ in }
  private var early: EarlyConnections
  /// What the network is told instead of the guest, from its next turn on.
  private var answers: [[UInt8]] = []
  /// An address has been told, perhaps. What waited for it in libslirp goes out when a turn ends, and is given up a second later.
  private var mustLookAround = false
  private var polls: [pollfd] = []
  /// When each timer fires, in guest milliseconds; nil: not set.
  private var timers: [Timer] = []
  /// A connection or an exchange of datagrams is under way.
  private(set) var hasConnections = false

  private final class Timer {
    let id: SlirpTimerId
    let context: UnsafeMutableRawPointer?
    var expiry: Int64?

    init(_ id: SlirpTimerId, _ context: UnsafeMutableRawPointer?) {
      self.id = id
      self.context = context
    }
  }

  /// - Parameters:
  ///   - option: what the user wrote, for errors.
  ///   - address: of the guest's card.
  ///   - mtu: of it, when the guest is told.
  init(
    _ options: UserNetworkOptions, option: String, address: [UInt8], mtu: UInt16?, clock: GuestClock
  ) throws(Failure) {
    library = try SlirpLibrary(for: option)
    self.clock = clock
    early = EarlyConnections(address: address)
    callbacks.initialize(to: Self.makeCallbacks())
    let own = Unmanaged.passUnretained(self).toOpaque()
    slirp = Self.withConfiguration(options, mtu: mtu) { library.new($0, callbacks, own) }
    guard slirp != nil else {
      throw Failure(
        .usage, option, "is no network that libslirp can make",
        remedy: "leave out net=, host=, dhcpstart= and dns=, or give addresses of one network")
    }
    do throws(Failure) {
      for forward in options.hostForwards { try add(forward) }
      for forward in options.guestForwards { try add(forward) }
    } catch {
      end()
      throw error
    }
  }

  deinit { callbacks.deallocate() }

  /// Closes all connections.
  func end() {
    if let slirp { library.cleanUp(slirp) }
    slirp = nil
  }

  // MARK: Turns

  /// Takes frames of the guest's, and waits until something of the host's or of `wakeDescriptor` is to be seen to.
  func turn(_ frames: [[UInt8]], wakeDescriptor: Int32) {
    guard let slirp else { return }
    let earlier = answers
    answers = []
    mustLookAround = false
    for answer in earlier { input(answer, slirp) }
    for frame in frames where early.fromGuest(frame, at: clock.now) { input(frame, slirp) }
    bringAgain()
    wait(slirp, wakeDescriptor)
    bringAgain()
    fireTimers()
  }

  private func input(_ frame: [UInt8], _ slirp: OpaquePointer) {
    if frame.count > 13, frame[12] == 8, frame[13] == 6 { mustLookAround = true }
    frame.withUnsafeBufferPointer { library.input(slirp, $0.baseAddress, Int32($0.count)) }
  }

  private func wait(_ slirp: OpaquePointer, _ wakeDescriptor: Int32) {
    let own = Unmanaged.passUnretained(self).toOpaque()
    polls.removeAll(keepingCapacity: true)
    var patience = Self.patience
    library.fillPolls(
      slirp, &patience,
      { descriptor, events, context in
        SlirpStack.of(context).add(descriptor, events)
      }, own)
    hasConnections = patience <= Self.connectionPatience
    if let wait = nextTimer { patience = min(patience, wait) }
    if let wait = early.wait(at: clock.now) {
      patience = min(patience, UInt32(clamping: wait / 1_000_000 + 1))
    }
    if mustLookAround || !answers.isEmpty { patience = 0 }
    polls.append(pollfd(fd: wakeDescriptor, events: Int16(POLLIN), revents: 0))
    let count = poll(&polls, nfds_t(polls.count), Int32(min(patience, Self.patience)))
    library.poll(
      slirp, count < 0 ? 1 : 0, { index, context in SlirpStack.of(context).events(of: index) }, own)
  }

  /// A frame of libslirp's for the guest.
  private func bring(_ frame: [UInt8]) {
    if let answer = early.fromNetwork(frame, at: clock.now) { answers.append(answer) }
    deliver(frame)
  }

  /// What the guest is to be offered once more.
  private func bringAgain() { for frame in early.due(at: clock.now) { deliver(frame) } }

  private static func of(_ context: UnsafeMutableRawPointer?) -> SlirpStack {
    // libslirp gives back what it was given: the stack, which lives longer than what it calls from.
    Unmanaged<SlirpStack>.fromOpaque(context!).takeUnretainedValue()
  }

  private static let eventBits: [(Int, Int32)] = [
    (SLIRP_POLL_IN, POLLIN), (SLIRP_POLL_OUT, POLLOUT),
    (SLIRP_POLL_PRI, POLLPRI), (SLIRP_POLL_ERR, POLLERR),
    (SLIRP_POLL_HUP, POLLHUP),
  ]

  private func add(_ descriptor: Int32, _ events: Int32) -> Int32 {
    let wanted = Self.eventBits.reduce(Int32(0)) { Int(events) & $1.0 != 0 ? $0 | $1.1 : $0 }
    polls.append(pollfd(fd: descriptor, events: Int16(truncatingIfNeeded: wanted), revents: 0))
    return Int32(polls.count - 1)
  }

  private func events(of index: Int32) -> Int32 {
    guard polls.indices.contains(Int(index)) else { return 0 }
    let found = Int32(polls[Int(index)].revents)
    return Int32(Self.eventBits.reduce(0) { found & $1.1 != 0 ? $0 | $1.0 : $0 })
  }

  private var guestMilliseconds: Int64 { Int64(clock.now / 1_000_000) }

  /// Milliseconds until the first timer fires.
  private var nextTimer: UInt32? {
    let now = guestMilliseconds
    return timers.compactMap(\.expiry).min().map { UInt32(clamping: max($0 - now, 0)) }
  }

  private func fireTimers() {
    guard let slirp else { return }
    let now = guestMilliseconds
    for timer in timers {
      guard let expiry = timer.expiry, expiry <= now else { continue }
      timer.expiry = nil
      library.handleTimer(slirp, timer.id, timer.context)
    }
  }

  // MARK: What libslirp calls

  private static func makeCallbacks() -> SlirpCb {
    var callbacks = SlirpCb()
    callbacks.send_packet = { bytes, count, context in
      SlirpStack.of(context).bring(Array(UnsafeRawBufferPointer(start: bytes, count: count)))
      return count
    }
    // What the guest does wrong is seen in its packets.
    callbacks.guest_error = { _, _ in }
    callbacks.clock_get_ns = { context in Int64(clamping: SlirpStack.of(context).clock.now) }
    callbacks.timer_free = { timer, context in
      let stack = SlirpStack.of(context)
      stack.timers.removeAll { Unmanaged.passUnretained($0).toOpaque() == timer }
    }
    callbacks.timer_mod = { timer, expiry, context in
      SlirpStack.of(context).timers.first { Unmanaged.passUnretained($0).toOpaque() == timer }?.expiry =
        expiry
    }
    callbacks.register_poll_fd = { _, _ in }
    callbacks.unregister_poll_fd = { _, _ in }
    // It is called from within a turn, whose next one looks at everything.
    callbacks.notify = { _ in }
    callbacks.init_completed = { _, _ in }
    callbacks.timer_new_opaque = { id, timerContext, context in
      let timer = Timer(id, timerContext)
      SlirpStack.of(context).timers.append(timer)
      return Unmanaged.passUnretained(timer).toOpaque()
    }
    return callbacks
  }

  // MARK: Set-up

  private static func withConfiguration<Result>(
    _ options: UserNetworkOptions, mtu: UInt16?, _ body: (UnsafePointer<SlirpConfig>) -> Result
  ) -> Result {
    var configuration = SlirpConfig()
    configuration.version = configurationVersion
    configuration.restricted = options.isRestricted ? 1 : 0
    configuration.in_enabled = options.hasIPv4
    configuration.vnetwork = options.network.inNetworkOrder
    configuration.vnetmask = options.mask.inNetworkOrder
    configuration.vhost = (options.host ?? options.address(2)).inNetworkOrder
    configuration.vdhcp_start = (options.dhcpStart ?? options.address(15)).inNetworkOrder
    configuration.vnameserver = (options.nameServer ?? options.address(3)).inNetworkOrder
    configuration.in6_enabled = options.hasIPv6
    inet_pton(AF_INET6, "fec0::", &configuration.vprefix_addr6)
    configuration.vprefix_len = 64
    inet_pton(AF_INET6, "fec0::2", &configuration.vhost6)
    inet_pton(AF_INET6, "fec0::3", &configuration.vnameserver6)
    configuration.disable_host_loopback = !options.reachesHostLoopback
    if let mtu {
      configuration.if_mtu = Int(mtu)
      configuration.if_mru = Int(mtu)
    }
    return withCString(options.hostName) { hostName in
      withCString(options.domainName) { domainName in
        withCString(options.tftpFolder) { tftpFolder in
          withCString(options.bootFile) { bootFile in
            withCStrings(options.searchDomains) { searchDomains in
              configuration.vhostname = hostName
              configuration.vdomainname = domainName
              configuration.tftp_path = tftpFolder
              configuration.bootfile = bootFile
              configuration.vdnssearch = searchDomains
              // libslirp keeps copies.
              return body(&configuration)
            }
          }
        }
      }
    }
  }

  private static func withCString<Result>(
    _ text: String?, _ body: (UnsafePointer<CChar>?) -> Result
  ) -> Result {
    guard let text else { return body(nil) }
    return text.withCString { body($0) }
  }

  /// A list that ends with a null; nil when it is empty.
  private static func withCStrings<Result>(
    _ texts: [String], _ body: (UnsafeMutablePointer<UnsafePointer<CChar>?>?) -> Result
  ) -> Result {
    if texts.isEmpty { return body(nil) }
    let copies = texts.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    var list: [UnsafePointer<CChar>?] = copies.map { UnsafePointer($0) } + [nil]
    return list.withUnsafeMutableBufferPointer { body($0.baseAddress) }
  }

  private func add(_ forward: UserNetworkOptions.HostForward) throws(Failure) {
    guard let slirp else { return }
    let status = library.addHostForward(
      slirp, forward.transport == .udp ? 1 : 0, forward.hostAddress.inNetworkOrder, Int32(forward.hostPort),
      (forward.guestAddress ?? IPv4Address(0)).inNetworkOrder, Int32(forward.guestPort))
    guard status == 0 else {
      let place = "\(forward.transport.rawValue):\(forward.hostAddress):\(forward.hostPort)"
      throw Failure(
        .file, "hostfwd=\(place)", "cannot listen there: \(String(cString: strerror(errno)))",
        remedy: errno == EADDRINUSE ? "end what listens there, or name another port" : "name another place")
    }
  }

  private func add(_ forward: UserNetworkOptions.GuestForward) throws(Failure) {
    guard let slirp else { return }
    var address = forward.address.inNetworkOrder
    let status =
      switch forward.target {
      case .command(let command): library.addCommand(slirp, command, &address, Int32(forward.port))
      case .socket(let path): library.addSocket(slirp, path, &address, Int32(forward.port))
      }
    guard status == 0 else {
      throw Failure(
        .usage, "guestfwd=tcp:\(forward.address):\(forward.port)", "is no place that can be forwarded",
        remedy:
          "give an address of the guest's network that is not the host's, and a port that is not forwarded yet"
      )
    }
  }
}
