// SPDX-License-Identifier: Apache-2.0

/// Where the instructions of a stretch were spent: by function, and by who called it.
package struct CallProfile {
  package var tree: CallTree
  /// Of the tree's functions, by number.
  package var names: [String]
  /// Instructions in all: those of all nodes.
  package var instructionCount: UInt64
  /// Of them, those that ran on from one function's code into another's without a jump. They count where they ended.
  package var crossedCount: UInt64

  /// A function, wherever it was called.
  package struct Function: Sendable, Equatable {
    package var name: String
    /// Instructions of its own.
    package var ownCount: UInt64 = 0
    /// With those of all that it called.
    package var totalCount: UInt64 = 0
    package var callCount: UInt64 = 0
  }

  /// The functions in which anything was executed, or called; those with the most instructions of their own first.
  package var functions: [Function] {
    var functions = names.map { Function(name: $0) }
    let totals = totals
    forEachPath { node, path in
      let function = Int(tree.nodes[node].function)
      functions[function].ownCount += tree.nodes[node].ownCount
      functions[function].callCount += tree.nodes[node].callCount
      // A function that has called itself counts once: where it is outermost.
      if path[function] == 0 { functions[function].totalCount += totals[node] }
    }
    return functions.filter { $0.totalCount > 0 || $0.callCount > 0 }
      .sorted { ($1.ownCount, $1.totalCount, $0.name) < ($0.ownCount, $0.totalCount, $1.name) }
  }

  /// By node: its own instructions and those below it.
  package var totals: [UInt64] {
    var totals = tree.nodes.map(\.ownCount)
    // Parents come before their children.
    for index in tree.nodes.indices.dropFirst().reversed() {
      totals[Int(tree.nodes[index].parent)] += totals[index]
    }
    return totals
  }

  /// The nodes below each one, in the order in which they were first seen.
  package var children: [[Int]] {
    var children = [[Int]](repeating: [], count: tree.nodes.count)
    for index in tree.nodes.indices.dropFirst() { children[Int(tree.nodes[index].parent)].append(index) }
    return children
  }

  /// All nodes but the root, callers first; with each, how often each function is among its callers.
  package func forEachPath(_ body: (_ node: Int, _ callers: [Int]) -> Void) {
    let children = children
    var callers = [Int](repeating: 0, count: names.count)
    // A node to be entered, or with its bits inverted, to be left.
    var tasks: [Int] = children[Int(CallTree.root)].reversed()
    while let task = tasks.popLast() {
      guard task >= 0 else {
        callers[Int(tree.nodes[~task].function)] -= 1
        continue
      }
      body(task, callers)
      callers[Int(tree.nodes[task].function)] += 1
      tasks.append(~task)
      tasks.append(contentsOf: children[task].reversed())
    }
  }
}
