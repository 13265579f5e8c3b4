// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// What every command needs of its process before it does anything.
enum StandardDescriptors {
  /// Opens those of the descriptors 0 to 2 that are closed. Else the first file that is opened would become standard output, and get
  /// the guest's console.
  static func prepare() {
    for descriptor in 0...2 as ClosedRange<Int32> where fcntl(descriptor, F_GETFD) < 0 {
      // The lowest number that is free, which is this one. Programs that are started get it as they get any standard descriptor.
      _ = open("/dev/null", descriptor == 0 ? O_RDONLY : O_WRONLY)
    }
    // A file that may grow no further is an error of the write, which is told like any other.
    signal(SIGXFSZ, SIG_IGN)
  }

  /// As many files as one command opens at the same time, and some more: libraries trap where they get no descriptor.
  private static let needed = 24

  /// Refuses a process that may hardly open a file.
  static func checkRoom() throws(Failure) {
    var opened: [Int32] = []
    defer { for descriptor in opened { close(descriptor) } }
    while opened.count < needed {
      // What is there on every system, in an empty root folder too.
      let descriptor = HostFiles.open("/", for: .folder)
      guard descriptor >= 0 else {
        throw .system(errno, path: "this process", doing: "may open only \(opened.count) files more")
      }
      opened.append(descriptor)
    }
  }
}
