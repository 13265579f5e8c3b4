// SPDX-License-Identifier: Apache-2.0

import HostSystem
import Synchronization

/// The descriptors of one client: those that came with what it sent last, and those that it has given names. All are closed when
/// it goes.
final class ClientDescriptors: Sendable {
  private struct State {
    var waiting: [OwnedDescriptor] = []
    var named: [(name: String, descriptor: OwnedDescriptor)] = []
  }

  /// So many may have names at a time: the process has other uses for descriptors.
  static let limit = 64
  static let noneCame = MonitorError("No file descriptor supplied via SCM_RIGHTS")

  static func notFound(_ name: String) -> MonitorError {
    MonitorError("File descriptor named '\(name)' not found")
  }

  private let state = Mutex(State())

  /// Those that came before and got no name are closed, as in QEMU.
  func arrive(_ descriptors: [OwnedDescriptor]) {
    if !descriptors.isEmpty { state.withLock { $0.waiting = descriptors } }
  }

  /// Gives a name to the first of those that came last, the others of which are closed. One that had the name is closed too.
  func name(_ name: String) throws(MonitorError) {
    let problem: MonitorError? = state.withLock { state in
      guard let descriptor = state.waiting.first else { return Self.noneCame }
      state.waiting = []
      if let first = name.utf8.first, (0x30...0x39).contains(first) {
        return MonitorError("Parameter 'fdname' expects a name not starting with a digit")
      }
      state.named.removeAll { $0.name == name }
      guard state.named.count < Self.limit else {
        return MonitorError(
          "There are \(Self.limit) file descriptors with names already; close some with closefd")
      }
      state.named.append((name, descriptor))
      return nil
    }
    if let problem { throw problem }
  }

  /// The descriptor of that name, which has it no more; nil when there is none.
  func remove(_ name: String) -> OwnedDescriptor? {
    state.withLock { state in
      state.named.firstIndex { $0.name == name }.map { state.named.remove(at: $0).descriptor }
    }
  }

  /// For a command that it is now the business of.
  func take(_ name: String) throws(MonitorError) -> OwnedDescriptor {
    guard let descriptor = remove(name) else {
      throw MonitorError("File descriptor named '\(name)' has not been found")
    }
    return descriptor
  }

  func forgetAll() { state.withLock { $0 = State() } }
}
