// SPDX-License-Identifier: Apache-2.0

import CoreDump

/// What a kernel tells debuggers of dumps: little, but of its log enough.
extension VMCoreInfo: KernelLayouts {
  package func offset(of member: String, in structure: String) -> UInt64? {
    value(of: "OFFSET(\(structure).\(member))").flatMap { UInt64($0) }
  }

  package func size(of structure: String) -> UInt64? {
    value(of: "SIZE(\(structure))").flatMap { UInt64($0) }
  }
}
