// SPDX-License-Identifier: Apache-2.0

import CSlirp
import Glibc
import HostSystem

/// libslirp's functions. The library is loaded when a guest has a user network: others neither need it nor wait for it and what it
/// brings along.
struct SlirpLibrary: Sendable {
  /// The name that its interface has kept since 4.0.
  private static let name = "libslirp.so.0"

  typealias AddPoll = @convention(c) (Int32, Int32, UnsafeMutableRawPointer?) -> Int32
  typealias GetEvents = @convention(c) (Int32, UnsafeMutableRawPointer?) -> Int32

  let new:
    @convention(c) (UnsafePointer<SlirpConfig>, UnsafePointer<SlirpCb>, UnsafeMutableRawPointer?) ->
      OpaquePointer?
  let cleanUp: @convention(c) (OpaquePointer) -> Void
  let fillPolls:
    @convention(c) (OpaquePointer, UnsafeMutablePointer<UInt32>, AddPoll, UnsafeMutableRawPointer?) -> Void
  let poll: @convention(c) (OpaquePointer, Int32, GetEvents, UnsafeMutableRawPointer?) -> Void
  let input: @convention(c) (OpaquePointer, UnsafePointer<UInt8>?, Int32) -> Void
  let handleTimer: @convention(c) (OpaquePointer, SlirpTimerId, UnsafeMutableRawPointer?) -> Void
  let addHostForward: @convention(c) (OpaquePointer, Int32, in_addr, Int32, in_addr, Int32) -> Int32
  let addCommand:
    @convention(c) (OpaquePointer, UnsafePointer<CChar>, UnsafeMutablePointer<in_addr>, Int32) -> Int32
  let addSocket:
    @convention(c) (OpaquePointer, UnsafePointer<CChar>, UnsafeMutablePointer<in_addr>, Int32) -> Int32

  /// - Parameter option: what the user wrote, for errors.
  init(for option: String) throws(Failure) {
    func refuse(_ problem: String) -> Failure {
      Failure(
        .host, option, problem,
        remedy: "install libslirp 4.7 or newer (Debian: apt-get install libslirp0), or leave the network out")
    }
    // It stays until the process ends.
    guard let handle = dlopen(Self.name, RTLD_NOW | RTLD_LOCAL) else {
      throw refuse("needs libslirp, which is not installed")
    }
    func function<Function>(_ name: String) throws(Failure) -> Function {
      guard let symbol = dlsym(handle, name) else { throw refuse("this libslirp has no \(name)") }
      // The header that this is compiled with says what each of them is.
      return unsafeBitCast(symbol, to: Function.self)
    }
    new = try function("slirp_new")
    cleanUp = try function("slirp_cleanup")
    fillPolls = try function("slirp_pollfds_fill")
    poll = try function("slirp_pollfds_poll")
    input = try function("slirp_input")
    handleTimer = try function("slirp_handle_timer")
    addHostForward = try function("slirp_add_hostfwd")
    addCommand = try function("slirp_add_exec")
    addSocket = try function("slirp_add_unix")
  }
}
