// SPDX-License-Identifier: Apache-2.0

import HostSystem
import LinuxGuest
import TimeTravel

/// The names that the kernel of a Linux guest has of itself and its modules, as a file with symbols.
struct OwnNames {
  let banner: String
  /// How many there are, and where, for people.
  let summary: String
  let file: [UInt8]

  /// Looks at the guest as it stands.
  init(of timeline: Timeline) throws(Failure) {
    let kernel: LinuxKernel
    do throws(LinuxGuestError) {
      kernel = try LinuxKernel(timeline)
      guard !kernel.symbols.isEmpty else { throw .noNames }
    } catch {
      throw Failure(error, about: "symbols", timeline)
    }
    let modules = kernel.moduleSymbols()
    if let problem = modules.problem { say("symbols: of some modules there are none: \(problem.problem)") }
    banner = kernel.banner
    let distance = kernel.displacement ?? 0
    let moved = distance == 0 ? "" : " (KASLR has moved it by 0x\(String(distance, radix: 16)))"
    let moduleCount = Set(modules.rows.compactMap(\.module)).count
    summary =
      "\(UInt64(kernel.symbols.count).grouped) symbols of the kernel\(moved), "
      + "\(UInt64(modules.rows.count).grouped) of its modules (\(moduleCount))"
    file = KernelSymbolFile(kernel.symbols + modules.rows, notes: kernel.notes).bytes
  }
}
