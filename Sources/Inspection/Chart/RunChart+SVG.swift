// SPDX-License-Identifier: Apache-2.0

/// The chart as a picture: scalable vector graphics (SVG 1.1) that need nothing beside them.
extension RunChart {
  private enum Layout {
    static let labelWidth = 150.0
    static let plotWidth = 960.0
    static let peakWidth = 130.0
    static let titleHeight = 58.0
    static let markRowHeight = 16.0
    static let markRows = 3
    static let laneHeight = 40.0
    static let laneGap = 12.0
    static let axisHeight = 54.0
    static let characterWidth = 6.6
    static var width: Double { labelWidth + plotWidth + peakWidth }
  }

  private static let style = """
    .paper{fill:#fff}.name{font:600 16px sans-serif;fill:#1b1f24}.small{font:12px sans-serif;fill:#57606a}
    .peak{font:11px sans-serif;fill:#57606a}.lane{fill:#f4f6f8}.grid{stroke:#d0d7de;stroke-width:1}
    .bytes{fill:#2f6fde}.events{fill:#8250df}.nanoseconds{fill:#9aa5b1}rect:hover{opacity:.6}
    .snapshot{stroke:#1a7f37;fill:#1a7f37}.automatic-snapshot{stroke:#8fca9f;fill:#8fca9f}
    .reset,.power-off{stroke:#cf222e;fill:#cf222e}.note{stroke:#9a6700;fill:#9a6700}
    .mark{stroke-width:1;stroke-dasharray:3 2}.label{font:11px sans-serif;stroke:none}
    @media(prefers-color-scheme:dark){.paper{fill:#0d1117}.name{fill:#e6edf3}.small,.peak{fill:#9198a1}
    .lane{fill:#161b22}.grid{stroke:#30363d}.bytes{fill:#4493f8}.events{fill:#ab7df8}}
    """

  /// Writes the picture piece by piece; each piece is whole lines of text.
  public func renderSVG(to write: (String) throws -> Void) throws {
    let lanesTop = Layout.titleHeight + Layout.markRowHeight * Double(Layout.markRows)
    let lanesHeight = max(1, Double(lanes.count)) * (Layout.laneHeight + Layout.laneGap)
    let height = lanesTop + lanesHeight + Layout.axisHeight
    let size = "\(SVG.number(Layout.width)) \(SVG.number(height))"
    try write(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(size)\" width=\"\(SVG.number(Layout.width))\">\n"
    )
    try write("<style>\(Self.style)</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n")
    try write(SVG.text(16, 26, "name", name))
    try write(SVG.text(16, 46, "small", subtitle))
    if lanes.isEmpty {
      try write(
        SVG.text(Layout.labelWidth, lanesTop + 24, "small", "nothing entered or left the machine here"))
    }
    for (number, lane) in lanes.enumerated() {
      try draw(lane, top: lanesTop + Double(number) * (Layout.laneHeight + Layout.laneGap), to: write)
    }
    try drawAxis(top: lanesTop + lanesHeight, to: write)
    try drawMarks(top: lanesTop, bottom: lanesTop + lanesHeight, to: write)
    try write("</svg>\n")
  }

  private var first: UInt64 { columns[0].lowerBound }
  private var last: UInt64 { columns[columns.count - 1].upperBound }

  private var subtitle: String {
    let span = "positions \(first.grouped) to \(last.grouped)"
    let columns = "one column for about \(((last - first) / UInt64(self.columns.count)).grouped) instructions"
    return [span, end, columns, "heights by square root"].compactMap { $0 }.joined(separator: " · ")
  }

  private func x(_ position: UInt64) -> Double {
    guard last > first else { return Layout.labelWidth }
    return Layout.labelWidth + Double(position - first) / Double(last - first) * Layout.plotWidth
  }

  private func draw(_ lane: Lane, top: Double, to write: (String) throws -> Void) throws {
    let peak = lane.amounts.max() ?? 0
    let middle = top + Layout.laneHeight / 2 + 4
    let bottom = top + Layout.laneHeight
    try write(SVG.text(16, middle, "small", lane.title))
    try write(
      "<rect class=\"lane\" x=\"\(SVG.number(Layout.labelWidth))\" y=\"\(SVG.number(top))\" "
        + "width=\"\(SVG.number(Layout.plotWidth))\" height=\"\(SVG.number(Layout.laneHeight))\"/>\n")
    let width = Layout.plotWidth / Double(columns.count)
    for (number, amount) in lane.amounts.enumerated() where amount > 0 {
      // The least that there is must be seen.
      let height = max(2, (Double(amount) / Double(peak)).squareRoot() * Layout.laneHeight)
      let x = Layout.labelWidth + Double(number) * width
      let column = columns[number]
      let told = [
        "\(column.lowerBound.grouped) to \(column.upperBound.grouped)",
        "\(lane.title): \(Self.amount(amount, lane.unit))", lane.hints[number],
      ].compactMap { $0 }.joined(separator: "\n")
      try write(
        "<rect class=\"\(lane.unit.rawValue)\" x=\"\(SVG.number(x))\" y=\"\(SVG.number(bottom - height))\" "
          + "width=\"\(SVG.number(max(1, width - 0.5)))\" height=\"\(SVG.number(height))\">"
          + "<title>\(SVG.escaped(told))</title></rect>\n")
    }
    try write(
      SVG.text(
        Layout.labelWidth + Layout.plotWidth + 8, middle, "peak", "peak \(Self.amount(peak, lane.unit))"))
  }

  private func drawAxis(top: Double, to write: (String) throws -> Void) throws {
    for (number, tick) in ticks.enumerated() {
      let x = self.x(tick.position)
      try write(Self.line(x, top - Layout.laneGap, x, top - Layout.laneGap / 2, "grid"))
      // Labels stay within the picture.
      let anchor = number == 0 ? "start" : number == ticks.count - 1 ? "end" : "middle"
      try write(SVG.text(x, top + 10, "small", tick.position.grouped, anchor: anchor))
      try write(SVG.text(x, top + 27, "small", Self.amount(tick.time, .nanoseconds), anchor: anchor))
    }
    try write(SVG.text(16, top + 10, "small", "position"))
    try write(SVG.text(16, top + 27, "small", "guest time"))
  }

  private func drawMarks(top: Double, bottom: Double, to write: (String) throws -> Void) throws {
    // Where the last label of each row ends.
    var ends = Array(repeating: -Double.infinity, count: Layout.markRows)
    for mark in marks {
      let x = self.x(mark.position)
      let kind = mark.kind.rawValue
      let isShort = mark.kind == .automaticSnapshot
      let title = "<title>\(SVG.escaped("\(mark.text)\n\(mark.position.grouped)"))</title>"
      let end = isShort ? top : bottom - Layout.laneGap
      try write(Self.line(x, top - 8, x, end, "mark \(kind)", content: title))
      let label = Self.shortened(mark.text)
      let width = Double(label.count) * Layout.characterWidth
      let isLeft = x + width > Layout.width - 8
      let start = isLeft ? x - width : x
      // A label that finds no room is left out; the line tells it to whoever points at it.
      guard !isShort, let row = ends.firstIndex(where: { $0 + 6 < start }) else { continue }
      ends[row] = start + width
      let y = top - 12 - Layout.markRowHeight * Double(row)
      try write(SVG.text(x, y, "label \(kind)", label, anchor: isLeft ? "end" : "start"))
    }
  }

  private static func shortened(_ text: String) -> String {
    let visible = VisibleText.of(text)
    return visible.count > 40 ? visible.prefix(39) + "…" : visible
  }

  private static func amount(_ number: UInt64, _ unit: Unit) -> String {
    switch unit {
    case .events: return number.grouped
    case .nanoseconds:
      let seconds = Double(number) / 1e9
      return (seconds.fixed(places: seconds < 10 ? 3 : 1) ?? "-") + " s"
    case .bytes:
      for (shift, name) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] as [(UInt64, String)]
      where number >> shift >= 1 {
        let amount = Double(number) / Double(UInt64(1) << shift)
        return "\(amount.fixed(places: amount < 10 ? 1 : 0) ?? "-") \(name)"
      }
      return number == 1 ? "1 byte" : "\(number.grouped) bytes"
    }
  }

  // MARK: Elements

  private static func line(
    _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String, content: String = ""
  ) -> String {
    "<line class=\"\(style)\" x1=\"\(SVG.number(x1))\" y1=\"\(SVG.number(y1))\" x2=\"\(SVG.number(x2))\" y2=\"\(SVG.number(y2))\">"
      + "\(content)</line>\n"
  }
}
