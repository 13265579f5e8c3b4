// SPDX-License-Identifier: Apache-2.0

/// A request of the guest to a drive that was carried out and not answered yet.
package struct UnansweredRequest: Equatable, Sendable {
  package var drive: Int
  package var id: UInt64
  /// What a read brought; empty for all else.
  package var data: [UInt8]

  package init(drive: Int, id: UInt64, data: [UInt8]) {
    self.drive = drive
    self.id = id
    self.data = data
  }
}
