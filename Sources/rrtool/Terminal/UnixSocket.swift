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
      throw error.tooLong("unix:\(path)") ?? failure(error.code, path, "cannot listen there")
    }
  }

  /// Connects to who listens at `path`.
  static func connect(to path: String) throws(Failure) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw failure(errno, path, "cannot make a socket") }
    do throws(ListeningSocket.Problem) {
      let status = try ListeningSocket.withAddress(path) { Glibc.connect(descriptor, $0, $1) }
      if status == 0 { return descriptor }
    } catch {
      close(descriptor)
      throw error.tooLong("unix:\(path)") ?? failure(error.code, path, "cannot connect")
    }
    let problem = errno
    close(descriptor)
    throw failure(problem, path, "cannot connect")
  }

  private static func failure(_ problem: Int32, _ path: String, _ doing: String) -> Failure {
    let remedy =
      switch problem {
      case EADDRINUSE: "remove what stands there or name another socket"
      case ENOENT, ECONNREFUSED: "start rrtool with --qmp unix:\(path) first"
      default: "check the path and the permissions of its folder"
      }
    return Failure(
      .file, "unix:\(path)", "\(doing): \(String(cString: strerror(problem)))", remedy: remedy)
  }
}
