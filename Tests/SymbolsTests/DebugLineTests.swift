// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostSystem
import Symbols
import TestSupport
import Testing

/// Source lines of addresses, with the bodies that were put into others.
@Suite struct DebugLineTests {
  /// What another reader says of each address: the innermost first, "function file:line".
  private func symbolized(_ path: String, _ addresses: [UInt64]) throws -> [[String]] {
    let asked = addresses.map { "0x\(String($0, radix: 16))\n" }.joined()
    let result = try runProgram(
      [
        "\(Programs.tools)/llvm-symbolizer", "--obj=\(path)", "--inlines", "--functions=short",
        "--no-demangle",
      ],
      input: Array(asked.utf8))
    try #require(result.status == 0, "\(result.errors)")
    // A function and a place a frame, and an empty line behind each address.
    return result.text.components(separatedBy: "\n\n").dropLast().map { answer in
      let lines = answer.split(separator: "\n").map(String.init)
      return stride(from: 0, to: lines.count - 1, by: 2).map { index in
        // Without the column.
        "\(lines[index]) \(lines[index + 1].split(separator: ":").dropLast().joined(separator: ":"))"
      }
    }
  }

  private func described(_ places: [SourcePlace]) -> [String] {
    places.map { "\($0.function ?? "??") \($0.file ?? "??"):\($0.line ?? 0)" }
  }

  /// Each instruction of the ledger: all functions, thrice nested bodies, and assembled code.
  @Test func everyInstructionIsWhereAnotherReaderHasIt() throws {
    let file = try #require(try DebugFile(path: Programs.ledger))
    let addresses = stride(from: UInt64(0x8000_0000), to: 0x8000_16ce, by: 2).map { $0 }
    let expected = try symbolized(Programs.ledger, addresses)
    try #require(expected.count == addresses.count)
    var (known, deepest) = (0, 0)
    for (address, answer) in zip(addresses, expected) {
      let places = file.places(at: address)
      let isInFunction = places.first?.function != nil
      if isInFunction { known += 1 }
      deepest = max(deepest, places.count)
      // Where a compiler says that code comes from nowhere, there is no line, and the other reader says 0.
      let shown = described(places).map { $0.replacing("??:0", with: "?:0") }
      let wanted = answer.map { $0.hasSuffix(":0") ? "\($0.split(separator: " ")[0]) ?:0" : $0 }
      if isInFunction { #expect(shown == wanted, "\(String(address, radix: 16))") }
      if !isInFunction {
        #expect(answer.count == 1 && answer[0].hasPrefix("?? "), "\(String(address, radix: 16))")
      }
    }
    #expect(known > 2_000 && deepest >= 3)
  }

  private static let nested = [
    "main.c": """
    extern volatile int sink;
    static inline __attribute__((always_inline)) void innermost(int x) {
      sink = x;
    }
    static inline __attribute__((always_inline)) void middle(int x) {
      innermost(x + 1);
    }
    __attribute__((noinline)) void outer(int x) {
      sink = 1;
      middle(x);
    }
    volatile int sink;
    void start(void) { outer(3); for (;;) sink++; }
    """
  ]

  @Test(arguments: ["-gdwarf-4", "-gdwarf-5"]) func chainsLeadFromTheBodyToTheFunction(version: String) throws
  {
    let folder = TestFolder()
    let path = try Programs.build(Self.nested, in: folder, version)
    let file = try #require(try DebugFile(path: path))
    let deep = stride(from: UInt64(0x8000_0000), to: 0x8000_0100, by: 2).map { file.places(at: $0) }
      .first { $0.count == 3 }
    let places = try #require(deep)
    #expect(places.map(\.function) == ["innermost", "middle", "outer"])
    #expect(places.map(\.line) == [3, 6, 10])
    #expect(places.map(\.isInlined) == [true, true, false])
    #expect(places.allSatisfy { $0.file == "sources/main.c" } && places[0].shortLine == "main.c:3")
  }

  /// A pc outside of all code has no place, also where linkers leave what they dropped.
  @Test func nothingIsSaidOfWhatIsNoCode() throws {
    let folder = TestFolder()
    let source = [
      "main.c":
        "int dropped(int x) { return x * 3; }\nint used(int x) { return x + 1; }\nvoid start(void) { used(1); }\n"
    ]
    let path = try Programs.build(
      source, in: folder, "-ffunction-sections", "-Wl,--gc-sections", "-Wl,--undefined=used")
    let file = try #require(try DebugFile(path: path))
    for address in [0, 2, 4, 0x7fff_fffe, 0x8000_1000, 0x9000_0000, .max, .max - 1] as [UInt64] {
      #expect(file.places(at: address).isEmpty, "\(address)")
    }
    let functions = stride(from: UInt64(0x8000_0000), to: 0x8000_0040, by: 2).flatMap { file.places(at: $0) }
    #expect(Set(functions.compactMap(\.function)) == ["used", "start"])
  }

  /// Assembled code has lines and no functions.
  @Test func assembledCode() throws {
    let folder = TestFolder()
    let source = [
      "start.S":
        ".text\n.globl start\n.type start, @function\nstart:\n  nop\n  nop\n  ret\n.size start, . - start\n"
    ]
    let file = try #require(try DebugFile(path: try Programs.build(source, in: folder)))
    let places = [0x8000_0000, 0x8000_0002, 0x8000_0004].map { file.places(at: $0) }
    #expect(places.map { $0.map(\.line) } == [[5], [6], [7]])
    #expect(places.allSatisfy { $0.first?.file == "sources/start.S" && $0.first?.function == nil })
  }

  /// Instructions in front of a function's code that are its own by its symbol alone, as in kernels that can be patched.
  @Test func entriesThatDebuggingInformationLeavesOut() throws {
    let folder = TestFolder()
    let source = [
      "main.c": """
      __attribute__((noinline)) int first(int x) {
        return x * 3 + 4;
      }

      __attribute__((noinline)) int second(int x) {
        return first(x) + 5;
      }
      void start(void) { second(1); }
      """
    ]
    let path = try Programs.build(source, in: folder, "-falign-functions=64")
    let table = try SymbolTable(try readFile(path))
    let second = try #require(table.addresses(of: "second").first)
    #expect(second % 64 == 0 && table.extent(around: second + 2)?.lowerBound == second)
    let file = try #require(try DebugFile(path: path))
    // What lies between two functions is filled up.
    #expect(file.places(at: second - 8).isEmpty)
    let entry = file.places(at: second - 4, within: (second - 6)..<(second + 8))
    #expect(entry.map(\.function) == ["second"] && entry.first?.line == 5)
    // Not of a symbol that ends before.
    #expect(file.places(at: second - 6, within: (second - 6)..<(second - 2)).isEmpty)
  }

  @Test func filesThatHaveNothingOrAreOthers() throws {
    #expect(try DebugFile(path: fixture("ledger")) == nil, "it was stripped")
    #expect(throws: Failure.self) { try DebugFile(path: "/proc/self/exe") }
    #expect(throws: Failure.self) { try DebugFile(path: "/nowhere/at/all") }
    #expect(throws: Failure.self) { try DebugFile(path: "/etc/passwd") }
    let bytes = try readFile(Programs.ledger)
    for count in [0, 4, 63, 64, 1000, bytes.count / 2, bytes.count - 1] {
      let file = try? DebugFile(Array(bytes.prefix(count)))
      #expect(file?.places(at: 0x8000_0200).first?.line == nil, "\(count)")
    }
  }

  @Test func packedSections() throws {
    let folder = TestFolder()
    let plain = try Programs.build(Self.nested, in: folder)
    let zlib = try Programs.copy(plain, in: folder, as: "zlib.elf", "--compress-debug-sections=zlib")
    let (one, other) = (try #require(try DebugFile(path: plain)), try #require(try DebugFile(path: zlib)))
    for address in stride(from: UInt64(0x8000_0000), to: 0x8000_0040, by: 2) {
      #expect(one.places(at: address) == other.places(at: address))
    }
    // ELFCOMPRESS_ZSTD, in the first section that is packed. The toolchain's objcopy may know it or not.
    var bytes = try readFile(zlib)
    func number(_ offset: Int, _ count: Int) -> Int {
      bytes[offset..<(offset + count)].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    let (headers, count) = (number(40, 8), number(60, 2))
    let packed = (0..<count).map { headers + 64 * $0 }.first { number($0 + 8, 8) & 0x800 != 0 }
    bytes[number(try #require(packed) + 24, 8)] = 2
    let zstd = try folder.write("zstd.elf", bytes)
    do {
      _ = try DebugFile(path: zstd)
      Issue.record("libdw 0.188 does not read it")
    } catch {
      #expect(error.description.contains("objcopy --decompress-debug-sections"), "\(error)")
    }
  }
}
