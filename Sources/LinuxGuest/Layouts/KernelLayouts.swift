// SPDX-License-Identifier: Apache-2.0

/// Where members of a kernel's structures lie: what readers of its memory have to be told.
package protocol KernelLayouts {
  /// The distance of a member from the start of its structure; nil where that is not known.
  func offset(of member: String, in structure: String) -> UInt64?
  /// Bytes of a structure.
  func size(of structure: String) -> UInt64?
}
