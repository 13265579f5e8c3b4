// SPDX-License-Identifier: Apache-2.0

import Testing

/// Within a module arrows point down as well: its folders can be taken in the hand one after the other.
@Suite struct CircleTests {
  /// Arrows that point up, each with its reason. The list only gets shorter: a new circle is taken apart, not added here.
  private static let tolerated: [(module: String, from: String, to: String, why: String)] = [
    (
      "Emulator", "Hart", "Machine",
      "an engine's slow paths reach the bus and the clock of the machine that owns it; a protocol would cost every access to a device"
    ),
    (
      "Emulator", "Hart", "Translator",
      "the interpreter hands over hot blocks, and what is translated calls the interpreter's functions: two engines with one meaning"
    ),
    (
      "Emulator", "Memory", "Hart",
      "memory tells the interpreter of stores to what was derived from it: called by way of a class above it, a guest that writes page tables took 4 % longer"
    ),
    ("rrtool", "Options", "Terminal", "what a live run is given at the command line opens its terminals"),
  ]

  private static let uses = FolderUses(SourceFile.all)

  private static func arrows(without module: String? = nil, _ from: String = "", _ to: String = "")
    -> Set<FolderUses.Arrow>
  {
    Set(
      tolerated.map { FolderUses.Arrow(module: $0.module, from: $0.from, to: $0.to) }.filter {
        $0 != module.map { FolderUses.Arrow(module: $0, from: from, to: to) }
      })
  }

  @Test func foldersUseEachOtherDownwardsOnly() {
    guard let circle = Self.uses.circle(without: Self.arrows()) else { return }
    let lines = circle.flatMap { arrow in
      ["\(arrow)"] + (Self.uses.reasons[arrow] ?? []).map { "  " + $0 }
    }
    Issue.record("folders use each other in a circle:\n\(lines.joined(separator: "\n"))")
  }

  @Test func whatIsToleratedIsStillThere() {
    for entry in Self.tolerated {
      #expect(
        Self.uses.circle(without: Self.arrows(without: entry.module, entry.from, entry.to)) != nil,
        "\(entry.module): \(entry.from) → \(entry.to) closes no circle any more: take it off the list")
    }
  }

  @Test func aCircleIsFound() {
    let files = [
      SourceFile(path: "M/One/A.swift", text: "struct A { var b: B }"),
      SourceFile(path: "M/Two/B.swift", text: "struct B { func f(_ c: C) {} }"),
      SourceFile(path: "M/Three/C.swift", text: "extension A {}\nenum C {}"),
      SourceFile(path: "M/Four/D.swift", text: "final class D { let a: A }"),
      SourceFile(path: "N/One/A.swift", text: "struct D {}"),
      SourceFile(path: "N/Two/C.swift", text: "struct C { var d: D }"),
    ]
    let circle = FolderUses(files).circle()
    #expect(circle?.map(\.from).sorted() == ["One", "Three", "Two"])
    let tolerated = FolderUses.Arrow(module: "M", from: "Three", to: "One")
    #expect(FolderUses(files).circle(without: [tolerated]) == nil)
  }

  @Test func whatIsNoUseOfATypeIsNone() {
    let others = [
      SourceFile(path: "M/Two/B.swift", text: "struct B { var a: A }\nprivate struct P {}\nstruct Status {}")
    ]
    let text = """
      // B
      /* B /* B */ B */
      struct A {
        let text = "B \\(1) B", more = #"B \\(B) "B"#
        enum Status { case b }
        var status: Status { .b }
        var other = Self.B
        var p: P
      }
      """
    #expect(FolderUses([SourceFile(path: "M/One/A.swift", text: text)] + others).circle() == nil)
    let inText = #"struct A { let text = "is \(B(of: "x").name) }" }"#
    #expect(FolderUses([SourceFile(path: "M/One/A.swift", text: inText)] + others).circle() != nil)
  }
}
