// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Tracing

/// The coverage as Lighthouse and other plug-ins of disassemblers read it: a file of DynamoRIO's drcov, version 2.
extension CodeCoverage {
  /// A block's offset has 32 bits: each 4 GiB of addresses that have any code are a module.
  private static let moduleShift: UInt64 = 32
  private static let blockLimit: UInt64 = 0xffff

  package var drcov: [UInt8] {
    var modules: [UInt64] = []
    var blocks = ByteWriter()
    var count = 0
    for segment in segments {
      var start = segment.start
      while start < segment.end {
        let module = start >> Self.moduleShift
        if modules.last != module { modules.append(module) }
        let moduleEnd = (module &+ 1) << Self.moduleShift
        let end = min(segment.end, start + Self.blockLimit & ~1, moduleEnd == 0 ? .max : moduleEnd)
        blocks.uint32(UInt32(truncatingIfNeeded: start))
        blocks.uint16(UInt16(end - start))
        blocks.uint16(UInt16(truncatingIfNeeded: modules.count - 1))
        count += 1
        start = end
      }
    }
    var text = "DRCOV VERSION: 2\nDRCOV FLAVOR: rrtool\nModule Table: version 2, count \(modules.count)\n"
    text += "Columns: id, base, end, entry, path\n"
    for (id, module) in modules.enumerated() {
      let base = module << Self.moduleShift
      let last = base | (1 << Self.moduleShift - 1)
      text += "\(id), \(Report.hexadecimal(base)), \(Report.hexadecimal(last)), 0x0, guest\n"
    }
    text += "BB Table: \(count) bbs\n"
    return Array(text.utf8) + blocks.bytes
  }
}
