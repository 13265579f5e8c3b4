// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import RecordingStore

/// How the monitor introduces itself.
enum ToolIdentity {
  /// The version of QEMU whose QMP this is, as clients want one to go by.
  static let protocolVersion = (major: 9, minor: 2, micro: 0)

  static var json: JSONValue {
    [
      "qemu": [
        "major": JSONValue(protocolVersion.major), "minor": JSONValue(protocolVersion.minor),
        "micro": JSONValue(protocolVersion.micro),
      ],
      "package": .string(package),
    ]
  }

  static var package: String { "rrtool \(RecordingManifest.toolVersion)" }
}
