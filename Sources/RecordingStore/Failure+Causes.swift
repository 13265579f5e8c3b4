// SPDX-License-Identifier: Apache-2.0

import DiskImage
import HostSystem
import ReplayLog

extension Failure {
  package init(_ error: DiskImageError) {
    let kind: Kind =
      switch error.kind {
      case .system(let number): Self.isHostTrouble(number) ? .host : .file
      case .damaged: .damaged
      case .changed: .baseChanged
      default: .file
      }
    self.init(kind, error.path, error.problem, remedy: error.advice)
  }

  package init(_ error: ReplayLogError) {
    let kind: Kind =
      switch error.problem {
      case .system(_, let number): Self.isHostTrouble(number) ? .host : .file
      case .exists: .exists
      case .newerVersion, .unknownKind: .newerFormat
      case .noHeader, .damaged: .damaged
      case .notAFile, .notALog: .file
      }
    // The log's own description has file, place, problem and advice in the same order; keep its words.
    let parts = error.description.split(separator: "; ", maxSplits: 1).map(String.init)
    let isNamed = [": ", ", "].contains { parts[0].hasPrefix(error.file + $0) }
    let place = isNamed ? String(parts[0].dropFirst(error.file.count + 2)) : parts[0]
    self.init(kind, error.file, place, remedy: parts.count > 1 ? parts[1] : "check the file")
  }
}

/// Runs `body`, turning its errors into failures.
package func withImageFailures<Result>(_ body: () throws(DiskImageError) -> Result) throws(Failure) -> Result
{
  do throws(DiskImageError) {
    return try body()
  } catch {
    throw Failure(error)
  }
}

/// Runs `body`, turning its errors into failures.
package func withLogFailures<Result>(_ body: () throws(ReplayLogError) -> Result) throws(Failure) -> Result {
  do throws(ReplayLogError) {
    return try body()
  } catch {
    throw Failure(error)
  }
}
