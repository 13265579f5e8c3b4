// SPDX-License-Identifier: Apache-2.0

import Inspection

/// A parser of bytes that strangers write. Whatever it is fed, it answers or refuses with an error: it must not trap, hang, or ask
/// for more memory than its input deserves.
///
/// The tests feed each with its seeds and damaged ones; `make fuzz` has libFuzzer do so at length.
package enum FuzzTarget: String, CaseIterable, Sendable {
  case replayLog = "replay-log"
  case manifest
  case packedRecording = "packed-recording"
  case qcow2
  case vmState = "vm-state"
  case migrationStream = "migration-stream"
  case executable
  case debugInformation = "debug-information"
  case kernelImage = "kernel-image"
  case deviceTree = "device-tree"
  case debuggerPackets = "debugger-packets"
  case packet
  case jsonStream = "json-stream"
  case humanCommands = "human-commands"
  case networkCard = "network-card"
  case networkFrames = "network-frames"

  /// Has the parser read all of `bytes`. Errors are what it is there for, and are dropped.
  package func feed(_ bytes: [UInt8]) {
    do {
      switch self {
      case .replayLog: try Self.readLog(bytes)
      case .manifest: try Self.readManifest(bytes)
      case .packedRecording: try Self.readPackedRecording(bytes)
      case .qcow2: try Self.readImage(bytes)
      case .vmState: try Self.readVMState(bytes)
      case .migrationStream: try Self.receiveMigration(bytes)
      case .executable: try Self.readExecutable(bytes)
      case .debugInformation: try Self.readDebugInformation(bytes)
      case .kernelImage: try Self.readKernel(bytes)
      case .deviceTree: try Self.readDeviceTree(bytes)
      case .debuggerPackets: Self.servePackets(bytes)
      case .packet: _ = Packet(bytes)
      case .jsonStream: try Self.readJSON(bytes)
      case .humanCommands: Self.readCommands(bytes)
      case .networkCard: try Self.driveNetworkCard(bytes)
      case .networkFrames: Self.readFrames(bytes)
      }
    } catch {}
  }
}
