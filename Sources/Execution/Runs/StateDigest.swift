// SPDX-License-Identifier: Apache-2.0

import Emulator

/// The digest of a part of a machine's state (docs/formats/digests.md), by the part's name.
public struct StateDigest: Equatable, Sendable {
  public var part: String
  public var digest: UInt64
}

extension Machine {
  /// Of the machine as it is, between two instructions.
  package var namedDigests: [StateDigest] {
    zip(digestNames, digests()).map { StateDigest(part: $0, digest: $1) }
  }
}
