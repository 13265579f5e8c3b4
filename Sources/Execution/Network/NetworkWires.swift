// SPDX-License-Identifier: Apache-2.0

import Emulator
import HostSystem
import Networking

/// The wires of a live machine's network cards: each leads to a back end, or to nothing.
package final class NetworkWires {
  /// As long as a frame went over a wire within so many instructions, the machine asks often whether one has come.
  private static let attention: UInt64 = 2_000_000

  /// By card; nil where the cable is not plugged in.
  private let backends: [(any NetworkBackend)?]
  let clock: GuestClock
  private var lastUse: UInt64?

  /// Opens the back ends: what they listen at is taken from here on.
  ///
  /// - Parameter options: by card; nil for one without a cable.
  private init(_ options: [NetworkOptions?]) throws(Failure) {
    clock = GuestClock()
    var opened: [(any NetworkBackend)?] = []
    do throws(Failure) {
      for option in options { opened.append(try option?.open(clock: clock)) }
    } catch {
      for backend in opened { backend?.finish() }
      throw error
    }
    backends = opened
  }

  /// The wires of a machine; nil for one without network cards.
  package static func open(_ options: [NetworkOptions?]) throws(Failure) -> NetworkWires? {
    options.isEmpty ? nil : try NetworkWires(options)
  }

  /// Frames come from here on.
  ///
  /// - Parameter renewsLinks: the machine knows wires that are no more: its links go down, and those with a cable up again.
  package func start(_ inbox: Inbox, renewsLinks: Bool = false) {
    for (interface, backend) in backends.enumerated() {
      if renewsLinks || backend == nil { inbox.offer(.link(interface: interface, isUp: false)) }
      guard let backend else { continue }
      if renewsLinks { inbox.offer(.link(interface: interface, isUp: true)) }
      inbox.openSource()
      backend.start { bytes in
        guard NetworkFrame.isPossible(byteCount: bytes.count) else { return }
        inbox.offer(NetworkFrame(interface: interface, bytes: bytes))
      }
    }
  }

  package func finish() { for backend in backends { backend?.finish() } }

  func send(_ frame: NetworkFrame, at moment: Moment) {
    clock.stand(at: moment.time)
    noteUse(at: moment)
    guard backends.indices.contains(frame.interface) else { return }
    backends[frame.interface]?.send(frame.bytes)
  }

  func noteUse(at moment: Moment) { lastUse = moment.position }

  /// Whether frames may come soon.
  func isInUse(at moment: Moment) -> Bool {
    lastUse.map { moment.position - $0 < Self.attention } ?? false
  }

  /// Whether an answer is to be expected.
  var isBusy: Bool { backends.contains { $0?.isBusy ?? false } }

  /// What a monitor tells, by card.
  var descriptions: [[String]] { backends.map { $0?.description ?? ["no cable"] } }
}
