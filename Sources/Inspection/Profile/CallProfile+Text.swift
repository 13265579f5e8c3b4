// SPDX-License-Identifier: Apache-2.0

import Tracing

/// Profiles as the texts that other tools read.
extension CallProfile {
  /// A line for each chain of callers, as FlameGraph's scripts and speedscope read them: "main;work;hash 1234".
  package func renderFolded(to write: (String) throws -> Void) rethrows {
    let names = names.map { VisibleText.of($0).replacing(";", with: ":") }
    try forEachStack { stack, count in
      try write(stack.map { names[$0] }.joined(separator: ";") + " \(count)\n")
    }
  }

  /// JSON as speedscope reads it: each chain of callers is a sample, as heavy as the instructions that were spent there.
  package func renderSpeedscope(name: String, to write: (String) throws -> Void) rethrows {
    try write("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\"exporter\":\"rrtool\",")
    try write("\"name\":\(JSON.string(name)),\"activeProfileIndex\":0,\"shared\":{\"frames\":[")
    let frames = names.map { "{\"name\":\(JSON.string($0))}" }
    try write(frames.joined(separator: ",\n"))
    try write("]},\"profiles\":[{\"type\":\"sampled\",\"name\":\(JSON.string(name)),\"unit\":\"none\",")
    try write("\"startValue\":0,\"endValue\":\(instructionCount),\"samples\":[")
    var weights: [UInt64] = []
    try forEachStack { stack, count in
      try write("\(weights.isEmpty ? "" : ",\n")[\(stack.map(String.init).joined(separator: ","))]")
      weights.append(count)
    }
    try write("],\"weights\":[\(weights.map(String.init).joined(separator: ","))]}]}\n")
  }

  /// The text that callgrind_annotate and KCachegrind read: by function, with what it called. There are no lines: all stand at 0.
  ///
  /// What nobody was seen to call is called by "(root)": readers that count with callees would take it for nothing else.
  package func renderCallgrind(name: String, to write: (String) throws -> Void) rethrows {
    struct Edge: Hashable {
      var caller: Int
      var callee: Int
    }
    let root = names.count
    var own = [UInt64](repeating: 0, count: names.count + 1)
    var calls: [Edge: (count: UInt64, total: UInt64)] = [:]
    let totals = totals
    forEachPath { node, callers in
      let (function, parent) = (Int(tree.nodes[node].function), Int(tree.nodes[node].parent))
      own[function] += tree.nodes[node].ownCount
      let caller = parent == CallTree.root ? root : Int(tree.nodes[parent].function)
      let edge = Edge(caller: caller, callee: function)
      calls[edge, default: (0, 0)].count += tree.nodes[node].callCount
      // Of what has called itself, the outermost call has all that the inner ones have.
      if callers[function] == 0 { calls[edge]!.total += totals[node] }
    }
    var callees: [Int: [Int]] = [:]
    for edge in calls.keys { callees[edge.caller, default: []].append(edge.callee) }
    try write("# callgrind format\nversion: 1\ncreator: rrtool\ncmd: \(VisibleText.of(name))\n")
    try write("positions: line\nevents: Instructions\nsummary: \(instructionCount)\n\nfl=(1) ???\n")
    for (function, name) in (names + ["(root)"]).enumerated()
    where own[function] > 0 || callees[function] != nil {
      try write("fn=(\(function + 1)) \(VisibleText.of(name))\n0 \(own[function])\n")
      for callee in callees[function, default: []].sorted() {
        let (count, total) = calls[Edge(caller: function, callee: callee)]!
        // What was only jumped into, or began without a call, is somebody's all the same.
        try write(
          "cfn=(\(callee + 1)) \(VisibleText.of(names[callee]))\ncalls=\(max(count, 1)) 0\n0 \(total)\n")
      }
      try write("\n")
    }
    try write("totals: \(instructionCount)\n")
  }

  /// The functions of each chain of callers, the outermost first, with the instructions that were spent there.
  func forEachStack(_ body: (_ stack: [Int], _ count: UInt64) throws -> Void) rethrows {
    for node in tree.nodes where node.ownCount > 0 {
      var stack = [Int(node.function)]
      var parent = node.parent
      while parent != CallTree.root {
        stack.append(Int(tree.nodes[Int(parent)].function))
        parent = tree.nodes[Int(parent)].parent
      }
      try body(stack.reversed(), node.ownCount)
    }
  }
}
