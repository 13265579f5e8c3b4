// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The views of `rrtool inspect` that replay to show what ran, on a guest that counts the same itself.
@Suite struct TraceViewTests {
  private struct Row: Decodable, Equatable {
    var position: UInt64
    var hart: Int?
    var kind: String?
    var cause: Int?
    var mode: String?
    var handlerMode: String?
    var name: String?
    var error: String?
    var value: String?
    var arguments: [String]?
    var result: String?
    var returned: String?
    var returnPosition: UInt64?
    var instructionCount: UInt64?
    var device: String?
    var access: String?
    var offset: String?
    var function: String?
    var caller: String?
    var symbol: String?
    var source: String?
    var address: String?
    var byteCount: Int?
    var old: String?
    var new: String?
    var pc: String?
  }

  private static let guest = Place.guest("traps")
  private static let (rounds, pages, callsARound) = (40, 64, 50)

  private func recorded() throws -> Scratch {
    let scratch = try Scratch()
    _ = try scratch.record("run.rr", "--bios", Self.guest)
    return scratch
  }

  private func rows(_ scratch: Scratch, _ words: String..., of run: String = "run.rr") throws -> [Row] {
    let result = try scratch.rrtool(["inspect", scratch.path(run)] + words + ["--format", "ndjson"])
    try #require(result.status == 0, "\(words): \(result.errors)")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try result.lines.map { try decoder.decode(Row.self, from: Data($0.utf8)) }
  }

  /// The numbers that the guest prints, and checks.
  @Test(arguments: ["jit", "interpreter"]) func everyTrapIsListed(engine: String) throws {
    let scratch = try recorded()
    let traps = try rows(scratch, "traps", "--engine", engine)
    func count(_ cause: Int, _ mode: String, _ handler: String) -> Int {
      traps.filter { $0.cause == cause && $0.mode == mode && $0.handlerMode == handler }.count
    }
    #expect(count(8, "user", "supervisor") == Self.rounds * (Self.callsARound + 1))
    #expect(count(9, "supervisor", "machine") == Self.rounds)
    #expect(count(13, "user", "supervisor") == Self.rounds * Self.pages / 2)
    #expect(count(15, "user", "supervisor") == Self.rounds * Self.pages)
    #expect(traps.count == Self.rounds * (Self.callsARound + 2 + Self.pages * 3 / 2))
    #expect(traps.allSatisfy { $0.kind == "exception" })
    #expect(zip(traps, traps.dropFirst()).allSatisfy { $0.position < $1.position })
    let faults = traps.filter { $0.cause == 13 }
    #expect(faults.first?.value == "0x40001000" && faults.first?.name == "load page fault")
    #expect(try rows(scratch, "interrupts").isEmpty)
    // Each is where a replay comes to when it is sent there: the instruction is the next one.
    let place = try #require(traps.dropFirst(1000).first)
    let pc = try scratch.rrtool(
      "inspect", scratch.path("run.rr"), "traps", "--from", "\(place.position)", "--limit", "1", "--format",
      "csv")
    #expect(pc.lines.dropFirst().first?.hasPrefix("\(place.position),") == true)
  }

  /// Rows do not depend on where the replay begins, nor on where it is cut.
  @Test func aStretchShowsWhatIsInIt() throws {
    let scratch = try recorded()
    let all = try rows(scratch, "traps")
    let middle = all[all.count / 3].position
    let last = all[all.count / 2].position
    let part = try rows(scratch, "traps", "--from", "\(middle)", "--to", "\(last)")
    #expect(part == all.filter { (middle...last).contains($0.position) })
    #expect(try rows(scratch, "traps", "--limit", "7") == Array(all.prefix(7)))
    #expect(try rows(scratch, "traps", "--limit", "0").isEmpty)
  }

  @Test(arguments: ["jit", "interpreter"]) func everySystemCallHasItsAnswer(engine: String) throws {
    let scratch = try recorded()
    let calls = try rows(scratch, "syscalls", "--engine", engine)
    #expect(calls.count == Self.rounds * (Self.callsARound + 1))
    // The last call of all switches the machine off.
    #expect(calls.dropLast().allSatisfy { $0.returnPosition != nil })
    #expect(calls.last?.returnPosition == nil && calls.last?.result == nil)
    for (index, call) in calls.dropLast().enumerated() {
      let expected =
        index % (Self.callsARound + 1) == Self.callsARound ? 0 : index % (Self.callsARound + 1) + 2
      #expect(call.result == "0x\(String(expected, radix: 16))", "call \(index)")
      #expect(call.instructionCount == call.returnPosition.map { $0 - call.position })
    }
    let kernel = try rows(scratch, "sbi")
    #expect(kernel.count == Self.rounds && kernel.last?.error == nil)
    #expect(kernel.dropLast().allSatisfy { $0.error != nil && ($0.instructionCount ?? 0) > 3 })
  }

  @Test(arguments: ["jit", "interpreter"]) func everyCallOfAFunctionIsListed(engine: String) throws {
    let scratch = try recorded()
    let names = try scratch.run(["nm", Self.guest]).lines
    let line = try #require(names.first { $0.hasSuffix(" supervisor_trap") })
    let calls = try rows(
      scratch, "calls", "supervisor_trap,exception,0x\(line.prefix(16))", "--engine", engine)
    let handled = calls.filter { $0.function == "supervisor_trap" }
    #expect(handled.count == Self.rounds * (Self.callsARound + 1 + Self.pages * 3 / 2))
    #expect(calls.filter { $0.function == "exception" }.count == Self.rounds)
    #expect(calls.filter { $0.returnPosition == nil }.map(\.function) == ["supervisor_trap", "exception"])
    #expect(handled.allSatisfy { $0.caller?.hasPrefix("supervisor_entry+") == true })
    #expect(zip(calls, calls.dropFirst()).allSatisfy { $0.position < $1.position })
    // A first instruction that faults each time is executed once for two tries.
    let touched = try rows(scratch, "calls", "0xc0000252", "--engine", engine)
    #expect(touched.count == Self.rounds * Self.pages)
    // What is wanted is there as soon as it is known, and what called is named where it ends with the call.
    let first = try rows(scratch, "calls", "supervisor_trap,guest_main", "--limit", "3", "--engine", engine)
    #expect(first.map(\.function) == ["guest_main", "supervisor_trap", "supervisor_trap"])
    #expect(Array(first.dropFirst()) == Array(handled.prefix(2)))
    // As gdb counts them.
    let counted = try scratch.run([
      "gdb-multiarch", "-q", "-batch", "-nx", "-ex", "set architecture riscv:rv64", "-ex",
      "target remote | \(Place.tool.path) replay \(scratch.path("run.rr")) --gdb stdio --engine \(engine)",
      "-ex", "python point = gdb.Breakpoint('*0x\(line.prefix(16))')", "-ex", "ignore 1 1000000",
      "-ex", "continue", "-ex", "python print('COUNTED', point.hit_count)",
    ])
    #expect(counted.text.contains("COUNTED \(handled.count)\n"), "\(counted.text)\(counted.errors)")
  }

  /// What goes to the serial port is what the console says.
  @Test func everyByteOfTheConsoleIsAWrite() throws {
    let scratch = try recorded()
    let said = try scratch.rrtool("inspect", scratch.path("run.rr"), "console").output
    let accesses = try rows(scratch, "mmio", "--device", "uart")
    let written = accesses.filter { $0.access == "write" && $0.offset == "0x0" }
    #expect(written.compactMap { $0.value.flatMap { UInt8($0.dropFirst(2), radix: 16) } } == Array(said))
    #expect(accesses.contains { $0.access == "read" && $0.offset == "0x5" })
  }

  /// A kernel that asks for an extension that there is, calls one that there is not, and has itself switched off.
  @Test(arguments: ["jit", "interpreter"]) func callsOfTheBuiltInFirmwareHaveTheirAnswers(engine: String)
    throws
  {
    let scratch = try Scratch()
    let header: [UInt8] =
      [0x6f, 0, 0, 0x04, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0x10] + [UInt8](repeating: 0, count: 14)
      + [2, 0, 0, 0] + [UInt8](repeating: 0, count: 12) + Array("RISCV\0\0\0RSC\u{5}\0\0\0\0".utf8)
    let code: [UInt32] = [
      0x0100_0893, 0x0030_0813, 0x0100_0513, 0x0000_0073, 0x0990_0893, 0x0000_0073, 0x5352_58b7, 0x3548_8893,
      0x0000_0813, 0x0000_0513, 0x0000_0593, 0x0000_0073,
    ]
    let bytes = code.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
    let kernel = try scratch.file("Image", header + bytes)
    _ = try scratch.record("run.rr", "--kernel", kernel)
    let calls = try rows(scratch, "sbi", "--engine", engine)
    #expect(calls.map(\.name) == ["BASE.probe_extension", "0x99.3", "SRST.system_reset"])
    #expect(calls.map(\.error) == ["0", "NOT_SUPPORTED", nil])
    #expect(calls.map(\.value) == ["0x1", "0x0", nil])
    #expect(calls.map(\.instructionCount) == [1, 1, nil])
  }

  /// Of each hart what it did, and of all of them together the sum.
  @Test func hartsAreToldApart() throws {
    let scratch = try Scratch()
    _ = try scratch.record("run.rr", "--bios", Place.guest("smp"), "--smp", "3")
    let all = try rows(scratch, "interrupts")
    #expect(!all.isEmpty && all.allSatisfy { $0.kind == "interrupt" && $0.mode == "machine" })
    let parts = try (0..<3).map { try rows(scratch, "interrupts", "--hart", "\($0)") }
    #expect(parts.allSatisfy { !$0.isEmpty })
    #expect(parts.enumerated().allSatisfy { index, rows in rows == all.filter { $0.hart == index } })
    #expect(parts.map(\.count).reduce(0, +) == all.count)
    // Interrupts that an instruction brought about are in the stretch that their position is in.
    for index in [0, all.count / 3, all.count - 1] {
      let place = "\(all[index].position)"
      #expect(
        try rows(scratch, "interrupts", "--from", place, "--to", place)
          == all.filter { $0.position == all[index].position })
    }
    let middle = all[all.count / 2].position
    let halves =
      try rows(scratch, "interrupts", "--to", "\(middle - 1)")
      + rows(scratch, "interrupts", "--from", "\(middle)")
    #expect(halves == all)
  }

  /// At a place that another view named the machine stands as it said.
  @Test func placesAreAsTheDebuggerHasThem() throws {
    struct Register: Decodable {
      var hart: Int
      var group: String
      var name: String
      var alias: String?
      var value: String
    }
    struct Instruction: Decodable {
      var address: String
      var symbol: String?
      var bytes: String
      var text: String
    }
    struct Piece: Decodable {
      var address: String
      var bytes: String
    }
    let scratch = try recorded()
    func lines<Line: Decodable>(_ words: String..., as type: Line.Type) throws -> [Line] {
      let result = try scratch.rrtool(["inspect", scratch.path("run.rr")] + words + ["--format", "ndjson"])
      try #require(result.status == 0, "\(words): \(result.errors)")
      return try result.lines.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
    }
    let trap = try #require(try rows(scratch, "traps").dropFirst(2_000).first { $0.cause == 15 })
    let (at, behind) = ("\(trap.position)", "\(trap.position + 1)")
    func value(_ name: String, _ place: String) throws -> String? {
      try lines("registers", "--at", place, as: Register.self).first { $0.name == name }?.value
    }
    let pc = try #require(try value("pc", at))
    #expect(try value("privilege", at) == "0x0" && value("privilege", behind) == "0x1")
    #expect(try value("stval", behind) == trap.value && value("sepc", behind) == pc)
    let code = try lines("disassembly", "--at", at, "--count", "3", as: Instruction.self)
    #expect(code.count == 3 && code[0].address == pc && code[0].text.hasPrefix("sd "))
    let named = try lines("disassembly", "--at", behind, "--count", "1", as: Instruction.self)
    #expect(named.first?.symbol == "supervisor_entry")
    let word = try lines("x", "\(pc),4", "--at", at, as: Piece.self)
    #expect(word.first?.bytes.replacing(" ", with: "").count == 8)
    let alias = try #require(UInt64(pc.dropFirst(2), radix: 16)) - 0x4000_0000
    #expect(
      try lines("x", "0x\(String(alias, radix: 16)),4", "--physical", as: Piece.self).first?.bytes
        == word.first?.bytes)
    // The debugger's registers.
    let replay = "\(Place.tool.path) replay \(scratch.path("run.rr")) --gdb stdio --to \(at)"
    let shown = try scratch.run([
      "gdb-multiarch", "-q", "-batch", "-nx", "-ex", "set architecture riscv:rv64", "-ex",
      "target remote | \(replay)", "-ex", "info registers",
    ])
    let registers = try lines("registers", "--at", at, as: Register.self)
    for register in registers where register.group == "integer" && register.name != "x8" {
      let line = shown.lines.first { $0.split(separator: " ").first.map(String.init) == register.alias }
      #expect(
        line?.contains("\(register.value)\t") == true || register.name == "x0", "\(register) \(line ?? "")")
    }
  }

  @Test func questionsThatMakeNoSense() throws {
    let scratch = try recorded()
    for (question, complaint) in [
      (["calls", "supervisor_tarp"], "did you mean 'supervisor_trap'"),
      (["calls", ""], "is not told of which function"),
      (["disassembly", "--address", "0x10"], "nothing is there"),
      (["calls", "0x80000000,nothing_like_it"], "is no symbol"),
      (["traps", "--hart", "1"], "is no hart of this machine"),
      (["traps", "--limit=-1"], "is no number of rows"),
      (["mmio", "--device", "urat"], "did you mean 'uart'"),
      (["traps", "--from", "end", "--to", "0"], "lies after --to"),
      (["registers", "--hart", "1"], "is no hart of this machine"),
      (["registers", "--at", "9999999999"], "lies beyond the recording"),
      (["disassembly", "--count", "0"], "is no number of instructions"),
      (["disassembly", "--address", "here"], "is no symbol"),
      (["disassembly", "--address", "+"], "is no address"), (["x", "0x80000000,0"], "is not from 1 byte"),
      (["x", "0x10,4"], "nothing is there"), (["x", "0x80000000,4", "--physical", "--hart", "0"], "--hart"),
    ] {
      let result = try scratch.rrtool(["inspect", scratch.path("run.rr")] + question)
      #expect(result.status == 64, "\(question): \(result.errors)")
      #expect(result.errors.contains(complaint), "\(question): \(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    }
  }

  /// A counter of the guest's: each of its calls reads and writes it.
  @Test(arguments: ["jit", "interpreter"]) func everyAccessToAWordIsListed(engine: String) throws {
    let scratch = try recorded()
    let calls = Self.rounds * (Self.callsARound + 1)
    let all = try rows(scratch, "memory", "user_calls,8", "--engine", engine)
    let writes = try rows(scratch, "memory", "user_calls,8", "--access", "w", "--engine", engine)
    #expect(all.filter { $0.access == "write" } == writes)
    // Cleared at first; read once more at the end.
    #expect(writes.count == calls + 1 && all.count == 2 * calls + 2)
    #expect(writes.first?.symbol?.hasPrefix("clear") == true)
    for (index, write) in writes.enumerated().dropFirst() {
      #expect(
        write.old == "0x\(String(index - 1, radix: 16))" && write.new == "0x\(String(index, radix: 16))")
      #expect(write.symbol?.hasPrefix("supervisor_trap+") == true && write.source == "instruction")
    }
    let last = try scratch.rrtool(
      "inspect", scratch.path("run.rr"), "last-write", try #require(writes.last?.address) + ",8", "--format",
      "ndjson")
    #expect(last.text.contains("\"position\":\(try #require(writes.last?.position)),"), "\(last.text)")
  }

  /// What a drive and a device bring by themselves stands among what instructions do, and each begins where the one before it ended.
  @Test(arguments: ["jit", "interpreter"]) func memoryThatDevicesWriteIsListed(engine: String) throws {
    let scratch = try Scratch()
    _ = try scratch.record(
      "disk.rr", "--bios", Place.guest("diskcheck"), "--drive",
      "file=\(try scratch.disk("disk.raw", sectors: 1024)),format=raw")
    let writes = try rows(scratch, "memory", "incoming,8", "--access", "w", "--engine", engine, of: "disk.rr")
    let brought = writes.filter { $0.source == "drive0" }
    #expect(brought.count >= 33 && brought.allSatisfy { $0.pc == nil && $0.hart == nil })
    #expect(writes.contains { $0.source == "virtio-blk-0" && $0.pc != nil })
    var bytes = [UInt8](repeating: 0, count: 8)
    let base = try #require(writes.first?.address.flatMap { UInt64($0.dropFirst(2), radix: 16) })
    for write in writes {
      let address = try #require(write.address.flatMap { UInt64($0.dropFirst(2), radix: 16) })
      let count = try #require(write.byteCount)
      let (old, new) = (Self.number(write.old), Self.number(write.new))
      for index in 0..<count {
        let place = Int(address - base) + index
        guard bytes.indices.contains(place) else { continue }
        #expect(bytes[place] == UInt8(truncatingIfNeeded: old >> UInt64(8 * index)), "at \(write.position)")
        bytes[place] = UInt8(truncatingIfNeeded: new >> UInt64(8 * index))
      }
    }
  }

  private static func number(_ text: String?) -> UInt64 {
    text.flatMap { UInt64($0.dropFirst(2), radix: 16) } ?? 0
  }

  @Test func wrongBytesAreRefused() throws {
    let scratch = try recorded()
    for (words, told) in [
      (["0x80047000,0"], "is not from 1 byte to 1 MiB"),
      (["0x80047000,0x200000"], "is not from 1 byte to 1 MiB"),
      (["0xfffffffffffffffe,8"], "reaches beyond the last address"),
      (["user_cals"], "did you mean 'user_calls'?"),
      (["user_calls,x"], "give ADDRESS or ADDRESS,LENGTH"),
      (["user_calls", "--access", "x"], "give r, w or rw"),
      (["user_calls", "--by", "3"], "is no hart of this machine"),
    ] {
      let result = try scratch.rrtool(["inspect", "memory"] + words + [scratch.path("run.rr")])
      #expect(result.status == 64 && result.errors.contains(told), "\(words): \(result.errors)")
    }
  }
}
