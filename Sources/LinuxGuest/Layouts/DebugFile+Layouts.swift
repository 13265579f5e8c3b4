// SPDX-License-Identifier: Apache-2.0

import Symbols

/// What a file with debugging information says of the kernel that it is of.
extension DebugFile: KernelLayouts {
  package func offset(of member: String, in structure: String) -> UInt64? {
    self.structure(structure)?.offset(of: member)
  }

  package func size(of structure: String) -> UInt64? { self.structure(structure)?.byteCount }
}
