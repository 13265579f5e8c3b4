// SPDX-License-Identifier: Apache-2.0

/// Who called whom, and where instructions were spent: a node for each function in each chain of callers that it was called by.
package struct CallTree {
  package struct Node: BitwiseCopyable {
    /// The caller's; of what nobody was seen to call, the root.
    package var parent: Int32
    package var function: Int32
    /// From the root, which has none.
    package var depth: Int32
    /// The child that was asked for last.
    var latest: Int32 = 0
    /// Instructions of the function itself.
    package var ownCount: UInt64 = 0
    package var callCount: UInt64 = 0
  }

  private struct Edge: Hashable {
    var parent: Int32
    var function: Int32
  }

  package static let root: Int32 = 0
  /// Callers deeper than this are left out: what they call is called where the limit is.
  static let depthLimit: Int32 = 512
  /// More chains than anybody looks at; behind that, calls are their callers' own.
  static let nodeLimit = 4 << 20

  /// The root first, and parents before their children.
  package private(set) var nodes = [Node(parent: -1, function: -1, depth: 0)]
  private var children: [Edge: Int32] = [:]
  /// There were more chains than `nodeLimit`.
  package private(set) var isFull = false

  /// The node of a function that is called in `parent`.
  @inline(__always)
  mutating func child(of parent: Int32, _ function: Int32) -> Int32 {
    let latest = nodes[Int(parent)].latest
    if latest != 0, nodes[Int(latest)].function == function { return latest }
    return findChild(of: parent, function)
  }

  @inline(never)
  private mutating func findChild(of parent: Int32, _ function: Int32) -> Int32 {
    if nodes[Int(parent)].depth >= Self.depthLimit { return child(of: nodes[Int(parent)].parent, function) }
    let edge = Edge(parent: parent, function: function)
    if let known = children[edge] {
      nodes[Int(parent)].latest = known
      return known
    }
    guard nodes.count < Self.nodeLimit else {
      isFull = true
      return parent
    }
    let node = Int32(nodes.count)
    nodes.append(Node(parent: parent, function: function, depth: nodes[Int(parent)].depth + 1))
    children[edge] = node
    nodes[Int(parent)].latest = node
    return node
  }

  @inline(__always)
  mutating func spend(_ count: UInt64, in node: Int32) { nodes[Int(node)].ownCount &+= count }

  @inline(__always)
  mutating func countCall(of node: Int32) { nodes[Int(node)].callCount &+= 1 }
}
