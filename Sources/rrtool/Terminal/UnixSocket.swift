import RecordReplay

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Stream sockets with a name in the file system.
enum UnixSocket {
  /// Listens at `path`, where nothing may stand yet. Only the user may connect.
  static func listen(at path: String) throws(Failure) -> Int32 {
    do throws(ListeningSocket.Problem) {
      return try ListeningSocket.make(at: path)
    } catch {
      throw failure(error.code, path, "cannot listen there")
    }
  }

  /// Connects to who listens at `path`.
  static func connect(to path: String) throws(Failure) -> Int32 {
    let descriptor = try open(path)
    guard withAddress(path, { Glibc.connect(descriptor, $0, $1) }) == 0 else {
      let problem = errno
      close(descriptor)
      throw failure(problem, path, "cannot connect")
    }
    return descriptor
  }

  private static func open(_ path: String) throws(Failure) -> Int32 {
    guard path.utf8.count < MemoryLayout.size(ofValue: sockaddr_un().sun_path) else {
      throw Failure(.usage, "unix:\(path)", "is too long for a socket", remedy: "name a shorter path")
    }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw failure(errno, path, "cannot make a socket") }
    return descriptor
  }

  private static func withAddress(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // `open` has seen to it that the path fits, with a zero behind it.
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    return withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }

  private static func failure(_ problem: Int32, _ path: String, _ doing: String) -> Failure {
    let remedy =
      switch problem {
      case EADDRINUSE: "remove what stands there or name another socket"
      case ENAMETOOLONG: "name a shorter path"
      case ENOENT, ECONNREFUSED: "start rrtool with --qmp unix:\(path) first"
      default: "check the path and the permissions of its folder"
      }
    return Failure(
      .file, "unix:\(path)", "\(doing): \(String(cString: strerror(problem)))", remedy: remedy)
  }
}
