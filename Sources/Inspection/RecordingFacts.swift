// SPDX-License-Identifier: Apache-2.0

import RecordingStore

/// What a summary tells of a recording that its log does not hold: facts from the manifest, the snapshots, the folder.
public struct RecordingFacts: Sendable, Equatable {
  /// A file that the guest was started from.
  public struct Image: Sendable, Equatable {
    /// "bios", "kernel" or "initrd".
    public var role: String
    public var path: String
    public var byteCount: UInt64
    public var digest: String

    public init(role: String, path: String, byteCount: UInt64, digest: String) {
      self.role = role
      self.path = path
      self.byteCount = byteCount
      self.digest = digest
    }
  }

  public struct Drive: Sendable, Equatable {
    public var byteCount: UInt64
    public var isReadOnly: Bool
    /// The image that the recorded run started from; nil for one that holds nothing but the overlay's data.
    public var base: String?
    /// The image with what the guest wrote; nil for a drive it cannot write.
    public var overlay: String?

    public init(byteCount: UInt64, isReadOnly: Bool, base: String?, overlay: String?) {
      self.byteCount = byteCount
      self.isReadOnly = isReadOnly
      self.base = base
      self.overlay = overlay
    }
  }

  public struct Snapshot: Sendable, Equatable {
    public var name: String
    public var position: UInt64
    /// Guest nanoseconds.
    public var time: UInt64

    public init(name: String, position: UInt64, time: UInt64) {
      self.name = name
      self.position = position
      self.time = time
    }
  }

  public struct File: Sendable, Equatable {
    public var name: String
    public var byteCount: UInt64

    public init(name: String, byteCount: UInt64) {
      self.name = name
      self.byteCount = byteCount
    }
  }

  public var path: String
  public var state: RecordingManifest.State
  /// Whether its recorder is at work.
  public var isBeingMade = false
  /// What the recorder noted of the end: what failed, or where harts were that could not go on.
  public var endNote: String?
  /// The version of the rrtool that recorded it.
  public var tool: String
  /// Nanoseconds since 1970, UTC.
  public var created: UInt64
  public var memorySize: UInt64
  public var hartCount: Int
  public var commandLine: String
  public var images: [Image]
  public var drives: [Drive]
  /// In the order of the run.
  public var snapshots: [Snapshot]
  public var files: [File]

  /// In words, for people.
  var stateText: String { isBeingMade ? RecordingManifest.State.beingMade : state.summary }

  public init(
    path: String, state: RecordingManifest.State, tool: String, created: UInt64, memorySize: UInt64,
    hartCount: Int,
    commandLine: String, images: [Image], drives: [Drive], snapshots: [Snapshot], files: [File]
  ) {
    self.path = path
    self.state = state
    self.tool = tool
    self.created = created
    self.memorySize = memorySize
    self.hartCount = hartCount
    self.commandLine = commandLine
    self.images = images
    self.drives = drives
    self.snapshots = snapshots
    self.files = files
  }
}
