// SPDX-License-Identifier: Apache-2.0

import Emulator

extension RecordingManifest.Boot {
  /// The plan again, with the regions' bytes as `read` gives them.
  package func plan<E: Error>(read: (Region) throws(E) -> [UInt8]) throws(E) -> BootPlan {
    var regions: [BootPlan.Region] = []
    for region in self.regions {
      regions.append(BootPlan.Region(address: region.address, bytes: try read(region)))
    }
    return BootPlan(
      regions: regions, start: mode == .machine ? .machineMode(entry: entry) : .builtInSBI(entry: entry),
      deviceTreeAddress: deviceTreeAddress, nextStageAddress: nextStageAddress, toHostAddress: toHostAddress,
      fromHostAddress: fromHostAddress)
  }
}
