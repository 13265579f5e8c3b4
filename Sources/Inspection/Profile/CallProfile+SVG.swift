// SPDX-License-Identifier: Apache-2.0

import Tracing

/// The profile as a flame graph: a box for each function in each chain of callers, as wide as the instructions that were spent in it and
/// in what it called, standing on its caller.
extension CallProfile {
  private enum Layout {
    static let width = 1200.0
    static let margin = 10.0
    static let titleHeight = 52.0
    static let rowHeight = 17.0
    static let characterWidth = 6.6
    /// What is narrower is not drawn.
    static let leastWidth = 0.2
  }

  private static let style = """
    .paper{fill:#fff}.name{font:600 16px sans-serif;fill:#1b1f24}.small{font:12px sans-serif;fill:#57606a}
    .label{font:11px monospace;fill:#1b1f24;pointer-events:none}rect.box{stroke:#fff;stroke-width:.5}
    .box:hover{opacity:.6}.user{fill:#7fb2e5}.supervisor{fill:#f2a65a}.machine{fill:#9bc995}.code{fill:#f0c36d}
    @media(prefers-color-scheme:dark){.paper{fill:#0d1117}.name{fill:#e6edf3}.small{fill:#9198a1}
    rect.box{stroke:#0d1117}}
    """

  private struct Box {
    var node: Int
    var x: Double
    var width: Double
    var depth: Int
  }

  /// Writes the picture piece by piece; each piece is whole lines of text.
  package func renderSVG(name: String, to write: (String) throws -> Void) rethrows {
    let totals = totals
    let boxes = boxes(totals)
    let rows = Double((boxes.map(\.depth).max() ?? 0) + 1)
    let height = Layout.titleHeight + rows * Layout.rowHeight + Layout.margin
    let size = "\(SVG.number(Layout.width)) \(SVG.number(height))"
    try write(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(size)\" width=\"\(SVG.number(Layout.width))\">\n"
    )
    try write("<style>\(Self.style)</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n")
    try write(SVG.text(Layout.margin, 24, "name", name))
    try write(
      SVG.text(
        Layout.margin, 42, "small",
        "\(instructionCount.grouped) instructions · as wide as what was executed · callers below"))
    for box in boxes {
      let node = tree.nodes[box.node]
      let function = names[Int(node.function)]
      let y = Layout.titleHeight + (rows - 1 - Double(box.depth)) * Layout.rowHeight
      let share = (100 * Double(totals[box.node]) / Double(max(instructionCount, 1))).fixed(places: 2) ?? "0"
      let told =
        "\(function)\n\(totals[box.node].grouped) instructions, \(share) %\n\(node.ownCount.grouped) of its own, \(node.callCount.grouped) calls"
      try write(
        "<rect class=\"box \(Self.kind(function))\" x=\"\(SVG.number(box.x))\" y=\"\(SVG.number(y))\" "
          + "width=\"\(SVG.number(max(box.width, 0.1)))\" height=\"\(SVG.number(Layout.rowHeight - 1))\">"
          + "<title>\(SVG.escaped(told))</title></rect>\n")
      let room = Int((box.width - 6) / Layout.characterWidth)
      guard room >= 3 else { continue }
      let label = VisibleText.of(function)
      let shown = label.count > room ? label.prefix(room - 1) + "…" : label[...]
      try write(SVG.text(box.x + 3, y + 12, "label", String(shown)))
    }
    try write("</svg>\n")
  }

  private static func kind(_ name: String) -> String {
    switch name {
    case "[user]": "user"
    case "[supervisor]": "supervisor"
    case "[machine]": "machine"
    default: "code"
    }
  }

  private func boxes(_ totals: [UInt64]) -> [Box] {
    let children = children
    let scale = (Layout.width - 2 * Layout.margin) / Double(max(instructionCount, 1))
    var boxes: [Box] = []
    var tasks = [Box(node: Int(CallTree.root), x: Layout.margin, width: 0, depth: -1)]
    while let task = tasks.popLast() {
      if task.depth >= 0 { boxes.append(task) }
      var x = task.x
      // By name, so that the same function stands at the same side of its callers.
      let below = children[task.node].sorted {
        names[Int(tree.nodes[$0].function)] < names[Int(tree.nodes[$1].function)]
      }
      for child in below {
        let width = Double(totals[child]) * scale
        if width >= Layout.leastWidth {
          tasks.append(Box(node: child, x: x, width: width, depth: task.depth + 1))
        }
        x += width
      }
    }
    return boxes
  }
}
