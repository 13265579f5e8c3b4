// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The address of a socket.
public struct SocketAddress {
  /// What users call it.
  package let name: String
  private let storage: sockaddr_storage
  private let length: socklen_t

  /// A name in the file system.
  ///
  /// - Parameter name: what users call it; nil: `unix:PATH`.
  public init(path: String, name: String? = nil) throws(Failure) {
    self.name = name ?? "unix:\(path)"
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // With a zero behind it.
    guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw Failure(.usage, self.name, "is too long for a socket", remedy: "name a shorter path")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    length = socklen_t(MemoryLayout<sockaddr_un>.size)
    storage = withUnsafeBytes(of: address) { Self.storage(holding: $0) }
  }

  /// A port of a host.
  package init(host: String, port: String, name: String) throws(Failure) {
    self.name = name
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_family = AF_INET
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, port, &hints, &found)
    defer { if let found { freeaddrinfo(found) } }
    guard status == 0, let first = found?.pointee, let address = first.ai_addr else {
      throw Failure(
        .file, name, "cannot be found: \(String(cString: gai_strerror(status)))",
        remedy: "check the host's name")
    }
    length = first.ai_addrlen
    storage = Self.storage(holding: UnsafeRawBufferPointer(start: address, count: Int(length)))
  }

  /// `sockaddr_storage` holds every kind of address.
  private static func storage(holding bytes: UnsafeRawBufferPointer) -> sockaddr_storage {
    var storage = sockaddr_storage()
    withUnsafeMutableBytes(of: &storage) { $0.copyMemory(from: bytes) }
    return storage
  }

  /// Calls `body` with the address as the host's functions take it.
  public func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    withUnsafePointer(to: storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
    }
  }

  /// Makes a socket for it, which `prepare` binds or connects.
  public func makeSocket(
    blocking: Bool, isDatagram: Bool = false, _ prepare: (_ descriptor: Int32) throws(Failure) -> Void
  ) throws(Failure) -> Int32 {
    var type = Int32((isDatagram ? SOCK_DGRAM : SOCK_STREAM).rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    if !blocking { type |= Int32(SOCK_NONBLOCK.rawValue) }
    let descriptor = socket(Int32(storage.ss_family), type, 0)
    guard descriptor >= 0 else { throw .system(errno, path: name, doing: "cannot make a socket") }
    do throws(Failure) {
      try prepare(descriptor)
      return descriptor
    } catch {
      close(descriptor)
      throw error
    }
  }
}
