// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The few things that are done with files and folders as such.
public enum HostFiles {
  public enum Kind: Equatable, Sendable { case regular, folder, other }

  /// What stands at `path`, links followed; nil when nothing does.
  public static func kind(of path: String) -> Kind? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return .regular
    case S_IFDIR: return .folder
    default: return .other
    }
  }

  /// Bytes of a regular file; nil when there is none.
  public static func size(of path: String) -> UInt64? {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return UInt64(clamping: status.st_size)
  }

  /// Reads a regular file of at most `limit` bytes.
  public static func read(_ path: String, limit: UInt64) throws(Failure) -> [UInt8] {
    let descriptor = open(path, for: .reading)
    guard descriptor >= 0 else { throw .system(errno, path: path, doing: "cannot open it") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw .system(errno, path: path, doing: "cannot look at it")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw Failure(.file, path, "is not a regular file", remedy: "name a file")
    }
    guard UInt64(clamping: status.st_size) <= limit else {
      throw Failure(
        .file, path, "has \(status.st_size) bytes, more than the \(limit) that can be used",
        remedy: "name the right file")
    }
    let size = Int(status.st_size)
    var failed: Int32?
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
      while filled < size {
        let got = pread(descriptor, buffer.baseAddress.map { $0 + filled }, size - filled, off_t(filled))
        if got > 0 {
          filled += got
        } else if got == 0 {
          return
        } else if errno != EINTR {
          failed = errno
          return
        }
      }
    }
    if let failed { throw .system(failed, path: path, doing: "cannot read it") }
    return bytes
  }

  /// What is called so beside a file is what it is to become.
  public static let unfinishedSuffix = ".new"

  /// Puts `bytes` at `path` all at once: whoever reads sees the old file or the new one.
  public static func replace(_ path: String, with bytes: [UInt8]) throws(Failure) {
    try replace(path, with: bytes, in: nil)
  }

  /// The same in a folder that is held on to; `path` then gives the file's name, and the failure's words.
  package static func replace(_ path: String, with bytes: [UInt8], in folder: OpenFolder?) throws(Failure) {
    let place = folder?.descriptor ?? AT_FDCWD
    let name = folder == nil ? path : lastName(of: path)
    let temporary = name + unfinishedSuffix
    var status = stat()
    let replacesOne = fstatat(place, name, &status, 0) == 0
    let descriptor = open(temporary, for: .replacing, followsLink: false, in: place)
    guard descriptor >= 0 else { throw .system(errno, path: path, doing: "cannot create it") }
    var problem = writeAll(bytes, to: descriptor)
    // Else a power failure could leave neither the old contents nor the new ones.
    if problem == nil, replacesOne, uninterrupted({ fsync(descriptor) }) != 0 { problem = errno }
    if close(descriptor) != 0, problem == nil { problem = errno }
    if problem == nil, renameat(place, temporary, place, name) != 0 { problem = errno }
    if let problem {
      unlinkat(place, temporary, 0)
      throw .system(problem, path: path, doing: "cannot write it")
    }
  }

  /// Makes a folder, whose parent must exist.
  public static func makeFolder(_ path: String) throws(Failure) {
    guard mkdir(path, 0o777) == 0 else { throw .system(errno, path: path, doing: "cannot create the folder") }
  }

  /// Makes a folder and those above it, as far as they are missing.
  public static func makeFolders(_ path: String) throws(Failure) {
    if kind(of: path) == .folder { return }
    let parent = parentFolder(of: path)
    if parent != path { try makeFolders(parent) }
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
      throw .system(errno, path: path, doing: "cannot create the folder")
    }
  }

  public static func move(_ path: String, to target: String) throws(Failure) {
    guard rename(path, target) == 0 else {
      throw .system(errno, path: target, doing: "cannot put it in place")
    }
  }

  /// Has each of the two stand where the other was, at once. False where the file system cannot, or one of them is missing.
  package static func exchange(_ one: String, _ other: String) -> Bool {
    let exchange: UInt32 = 1 << 1  // RENAME_EXCHANGE
    return renameWithFlags?(AT_FDCWD, one, AT_FDCWD, other, exchange) == 0
  }

  private typealias Rename =
    @convention(c) (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32) -> Int32
  /// Linux's own, which Swift's view of the C library leaves out. Nil where the library has none.
  private static let renameWithFlags: Rename? = dlsym(nil, "renameat2").map {
    // A C function with these parameters, by renameat2(2).
    unsafeBitCast($0, to: Rename.self)
  }

  /// Names in a folder, sorted; without "." and "..".
  public static func names(in folder: String) throws(Failure) -> [String] {
    guard let stream = opendir(folder) else { throw .system(errno, path: folder, doing: "cannot list it") }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Removes a file or link; nothing is wrong when it is not there.
  public static func removeFile(_ path: String) throws(Failure) {
    guard unlink(path) == 0 || errno == ENOENT else {
      throw .system(errno, path: path, doing: "cannot remove it")
    }
  }

  /// Removes a folder that holds nothing but files, as a recording does. A folder within is an error and stays.
  public static func removeFlatFolder(_ path: String) throws(Failure) {
    for name in try names(in: path) { try removeFile(path + "/" + name) }
    guard rmdir(path) == 0 else { throw .system(errno, path: path, doing: "cannot remove it") }
  }

  /// Where a symbolic link points; nil when `path` is none.
  public static func linkTarget(_ path: String) -> String? {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = buffer.withUnsafeMutableBytes { raw -> Int in
      guard let start = raw.baseAddress else { return 0 }
      return readlink(path, start.assumingMemoryBound(to: CChar.self), raw.count)
    }
    guard count > 0 else { return nil }
    return String(decoding: buffer[..<count], as: UTF8.self)
  }

  /// Points the symbolic link `path` to `target` all at once, replacing what link was there.
  public static func replaceLink(_ path: String, target: String) throws(Failure) {
    let temporary = "\(path).\(getpid())"
    unlink(temporary)
    guard symlink(target, temporary) == 0 else {
      throw .system(errno, path: path, doing: "cannot create the link")
    }
    guard rename(temporary, path) == 0 else {
      let problem = errno
      unlink(temporary)
      throw .system(problem, path: path, doing: "cannot replace the link")
    }
  }

  /// The path with every link resolved; nil when it does not exist.
  public static func resolved(_ path: String) -> String? {
    guard let found = realpath(path, nil) else { return nil }
    defer { free(found) }
    return String(cString: found)
  }

  /// The path from the root, also for something that does not exist yet: its folder is resolved.
  public static func absolute(_ path: String) -> String {
    if let path = resolved(path) { return path }
    let parent = parentFolder(of: path)
    guard parent != path else { return path }
    let base = absolute(parent)
    return (base == "/" ? "" : base) + "/" + lastName(of: path)
  }

  public static func parentFolder(of path: String) -> String {
    let trimmed = trimmingSlashes(path)
    guard let slash = trimmed.lastIndex(of: "/") else { return "." }
    return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
  }

  public static func lastName(of path: String) -> String {
    let trimmed = trimmingSlashes(path)
    guard let slash = trimmed.lastIndex(of: "/") else { return trimmed }
    return String(trimmed[trimmed.index(after: slash)...])
  }

  private static func trimmingSlashes(_ path: String) -> String {
    var text = path[...]
    while text.count > 1, text.hasSuffix("/") { text = text.dropLast() }
    return String(text)
  }
}
