// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import Inspection
import LinuxGuest
import TimeTravel

/// A place of a run at which a view looks into the guest's Linux.
struct LinuxPlace: ParsableArguments {
  @OptionGroup var symbols: SymbolOptions

  @OptionGroup var place: PlaceOptions

  /// - Parameters:
  ///   - view: what is to be shown, for what goes wrong.
  ///   - find: asks the kernel for it.
  func show<Row>(
    _ recording: RecordingArgument, _ view: String,
    _ find: (LinuxKernel) throws(LinuxGuestError) -> KernelRows<Row>, report: ([Row]) -> Report
  ) throws {
    try place.show(
      recording, preparing: { try CodeNames(symbols, for: $0) },
      { timeline, names in
        do throws(LinuxGuestError) {
          let found = try find(LinuxKernel(timeline, names))
          if let problem = found.problem {
            say("\(view): there may be more: \(problem.problem); \(problem.remedy)")
          }
          return report(found.rows)
        } catch {
          throw Failure(error, about: view, timeline)
        }
      })
  }
}

extension LinuxKernel {
  /// The kernel of a guest that stands at a place.
  ///
  /// - Parameter names: what symbols say of it besides.
  convenience init(_ timeline: Timeline, _ names: CodeNames? = nil) throws(LinuxGuestError) {
    let hartCount = timeline.recording.manifest.configuration.hartCount
    try self.init(
      in: MachineMemory(timeline.machine, hartCount: hartCount),
      given: Given(address: { name in (try? names?.find(name))?.address }, layouts: names))
  }
}

extension Failure {
  init(_ error: LinuxGuestError, about subject: String, _ timeline: Timeline) {
    self.init(
      .usage, subject, "at position \(timeline.position.grouped) \(error.problem)", remedy: error.remedy)
  }
}

/// Types are those of the first file that has them: it is read when they are asked for.
extension CodeNames: KernelLayouts {
  func offset(of member: String, in structure: String) -> UInt64? {
    files.lazy.compactMap { $0.debugFile?.offset(of: member, in: structure) }.first
  }

  func size(of structure: String) -> UInt64? {
    files.lazy.compactMap { $0.debugFile?.size(of: structure) }.first
  }
}
