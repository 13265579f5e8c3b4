// SPDX-License-Identifier: Apache-2.0

/// What was found in a kernel's lists, and why there may be more: a kernel that stands still in the middle of a change, or is damaged, has lists that
/// lead nowhere, and what was found before that counts.
package struct KernelRows<Row> {
  package var rows: [Row] = []
  package var problem: LinuxGuestError?
}

extension KernelRows: Sendable where Row: Sendable {}

extension LinuxKernel {
  /// More than any list has in earnest.
  private static var rowLimit: Int { 1 << 20 }

  /// Follows a list from its head until it comes back there.
  ///
  /// - Parameters:
  ///   - member: the links in each of its structures, of type `type`.
  ///   - row: what one of them is told as; any number of rows.
  func rows<Row>(
    listAt head: UInt64, of type: String, by member: String,
    _ row: (KernelObject) throws(LinuxGuestError) -> [Row]
  ) throws(LinuxGuestError) -> KernelRows<Row> {
    let offset = try self.offset(of: member, in: type)
    var found = KernelRows<Row>()
    var seen: Set<UInt64> = [head]
    do throws(LinuxGuestError) {
      var link = try memory.number(at: head)
      while link != head {
        guard seen.insert(link).inserted, seen.count < Self.rowLimit else {
          throw LinuxGuestError(
            "a list of the kernel's leads in a circle",
            remedy: "give another position: the kernel may have been about to change it")
        }
        found.rows += try row(object(type, at: link &- offset))
        link = try memory.number(at: link)
      }
    } catch {
      found.problem = error
    }
    return found
  }
}

extension LinuxKernel {
  /// A tree of as many nodes as there can be is no deeper, as the kernel keeps it in balance.
  private static var depthLimit: Int { 64 }

  /// Walks a tree in order.
  ///
  /// - Parameters:
  ///   - root: its uppermost node; 0 for an empty one.
  ///   - member: the node in each of its structures, of type `type`.
  func rows<Row>(
    treeAt root: UInt64, of type: String, by member: String,
    _ row: (KernelObject) throws(LinuxGuestError) -> [Row]
  ) throws(LinuxGuestError) -> KernelRows<Row> {
    let offset = try self.offset(of: member, in: type)
    var found = KernelRows<Row>()
    var count = 0
    /// Nodes whose left side was gone through.
    var above: [UInt64] = []
    do throws(LinuxGuestError) {
      var node = root
      while node != 0 || !above.isEmpty {
        while node != 0 {
          count += 1
          guard above.count < Self.depthLimit, count < Self.rowLimit else {
            throw LinuxGuestError(
              "a tree of the kernel's has no end",
              remedy: "give another position: the kernel may have been about to change it")
          }
          above.append(node)
          node = try object("rb_node", at: node).pointer("rb_left")
        }
        node = above.removeLast()
        found.rows += try row(object(type, at: node &- offset))
        node = try object("rb_node", at: node).pointer("rb_right")
      }
    } catch {
      found.problem = error
    }
    return found
  }
}
