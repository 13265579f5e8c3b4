#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Listens at names in the file system.
public enum ListeningSocket {
  /// What the host answered.
  public struct Problem: Error {
    public let code: Int32

    /// The failure of a name that a socket cannot have; nil for every other problem.
    public func tooLong(_ name: String) -> Failure? {
      guard code == ENAMETOOLONG else { return nil }
      return Failure(.usage, name, "is too long for a socket", remedy: "name a shorter path")
    }
  }

  /// Makes a stream socket that listens at `path`, where nothing may stand yet. Only the user may connect.
  ///
  /// It appears there when it listens already: who waits for it to appear is not refused. So it is made under a name beside
  /// it first, which is a few characters longer and must fit as well.
  public static func make(at path: String) throws(Problem) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Problem(code: errno) }
    let first = path + ".\(getpid())"
    do throws(Problem) {
      let status = try withAddress(first) { bind(descriptor, $0, $1) }
      guard status == 0 else { throw Problem(code: errno) }
      defer { unlink(first) }
      guard chmod(first, 0o600) == 0, listen(descriptor, 1) == 0 else { throw Problem(code: errno) }
      guard link(first, path) == 0 else { throw Problem(code: errno == EEXIST ? EADDRINUSE : errno) }
      return descriptor
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// Calls `body` with the address of `path`.
  package static func withAddress(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) throws(Problem) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // With a zero behind it.
    guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw Problem(code: ENAMETOOLONG)
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    return withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }
}
