// SPDX-License-Identifier: Apache-2.0

import CBuild
import RecordingStore

enum ToolVersion {
  static let text = RecordingManifest.toolVersion

  /// With the commit, for those who have several builds.
  static let full = "\(text) (\(String(cString: rrtool_commit())))"
}
