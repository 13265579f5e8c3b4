// SPDX-License-Identifier: Apache-2.0

import Symbols
import TestSupport
import Testing

/// Variables and their parts as sources name them.
@Suite struct VariableTests {
  private func find(_ text: String, in file: DebugFile) throws -> (address: UInt64, byteCount: UInt64?)? {
    try file.find(try #require(VariablePath(text), "\(text)"))
  }

  @Test func partsOfTheLedger() throws {
    let file = try #require(try DebugFile(path: Programs.ledger))
    for (text, address, count) in [
      ("branches", 0x8000_2010, 2704), ("branches[0]", 0x8000_2010, 1352), ("branches[1]", 0x8000_2558, 1352),
      ("branches[0].balances", 0x8000_2018, 64), ("branches[0].balances[4]", 0x8000_2038, 8),
      ("branches[1].balances[0x7]", 0x8000_2598, 8), ("branches[0].number", 0x8000_2010, 4),
      ("branches[0].journal.sectors[1]", 0x8000_2278, 512),
      ("branches[0].journal.sectors[1][2]", 0x8000_22f8, 64),
      ("branches[0].journal.sectors[1][2].seal[4]", 0x8000_2330, 8), ("is_open", 0x8000_2aa4, 4),
    ] as [(String, UInt64, UInt64)] {
      let found = try find(text, in: file)
      #expect(found?.address == address && found?.byteCount == count, "\(text): \(found as Any)")
    }
    #expect(try find("nothing", in: file) == nil)
    for (text, reason, candidate) in [
      ("branches[2]", "has 2 elements: the last is 1", nil), ("branches.number", "has no members", nil),
      ("branches[0].balance", "has no member 'balance'", "balances"), ("branches[0][0]", "is no array", nil),
      ("is_open[0]", "is no array", nil), ("device", "several variables", nil),
      ("branches[18446744073709551615]", "has 2 elements", nil),
    ] as [(String, String, String?)] {
      do {
        _ = try find(text, in: file)
        Issue.record("\(text) was found")
      } catch let error as VariableError {
        #expect(error.reason.contains(reason), "\(text): \(error.reason)")
        if let candidate { #expect(error.candidates.contains(candidate)) }
      }
    }
  }

  @Test func structuresOfTheLedger() throws {
    let file = try #require(try DebugFile(path: Programs.ledger))
    let branch = try #require(file.structure("branch"))
    #expect(
      branch.byteCount == 1352 && branch.offset(of: "number") == 0 && branch.offset(of: "balances") == 8)
    #expect(branch.offset(of: "none") == nil)
    #expect(file.structure("none") == nil && file.structure("none") == nil)
  }

  private static let types = [
    "main.c": """
    typedef const volatile struct { char tag; union { long value; struct { int low, high; }; }; unsigned bits : 3; } item;
    typedef item row[3];
    row table[2] = {{{1}}};
    struct opaque;
    extern struct opaque *pointer;
    struct opaque *pointer = 0;
    int matrix[2][3][4] = {{{1}}};
    static int hidden = 5;
    void start(void) { for (;;) { *(volatile int *)&hidden += table[0][0].low + matrix[0][0][0]; } }
    """
  ]

  @Test(arguments: ["-gdwarf-4", "-gdwarf-5"]) func typesOfAllKinds(version: String) throws {
    let folder = TestFolder()
    let path = try Programs.build(Self.types, in: folder, version)
    let file = try #require(try DebugFile(path: path))
    let symbols = try SymbolTable(try readFile(path))
    func distance(_ text: String, from name: String) throws -> UInt64? {
      let start = try #require(symbols.addresses(of: name).first)
      return try find(text, in: file).map { $0.address - start }
    }
    #expect(try distance("table[1]", from: "table") == 72 && find("table[1]", in: file)?.byteCount == 72)
    #expect(try distance("table[1][2].high", from: "table") == 72 + 48 + 12)
    #expect(try distance("table[0][1].value", from: "table") == 24 + 8)
    #expect(try distance("matrix[1][2]", from: "matrix") == (12 + 8) * 4)
    #expect(try find("matrix[1][2]", in: file)?.byteCount == 16)
    #expect(try distance("matrix[1][2][3]", from: "matrix") == 23 * 4)
    #expect(try distance("hidden", from: "hidden") == 0 && find("pointer", in: file)?.byteCount == 8)
    for text in ["table[0][0].bits", "pointer.x", "matrix[0][0][0][0]", "matrix[0][3]", "hidden.x"] {
      #expect(throws: VariableError.self, "\(text)") { try find(text, in: file) }
    }
  }

  @Test func pathsAreNamesWithMembersAndElements() throws {
    let path = try #require(VariablePath("a.b[3][0x10].c"))
    #expect(path.name == "a" && path.steps == [.member("b"), .element(3), .element(16), .member("c")])
    #expect(VariablePath("_x$1")?.steps == [] && VariablePath("ns::x")?.name == "ns::x")
    for text in [
      "", ".", "[0]", "a.", "a..b", "a[", "a[]", "a[x]", "a[-1]", "a[0", "a]", "a[0]b", "a b", "1a", "a.1",
      "a[0].",
      "a[99999999999999999999]", "a->b", "*a", "a[0]]",
    ] {
      #expect(VariablePath(text) == nil, "\(text)")
    }
  }
}
