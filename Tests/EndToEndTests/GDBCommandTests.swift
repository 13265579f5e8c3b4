// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The commands that `rrtool replay --debug` gives to gdb.
@Suite struct GDBCommandTests {
  private let symbols = Place.guest("ledger").replacingOccurrences(of: ".elf", with: ".debug")

  private func gdb(_ scratch: Scratch, _ options: String..., script: String) throws -> ProgramResult {
    let result = try scratch.rrtool(
      ["replay", scratch.path("run.rr"), "--debug"] + options, input: "set pagination off\n\(script)\nquit\n"
    )
    #expect(result.status == 0, "\(result.errors)\n\(result.text)")
    return result
  }

  private func marked(_ mark: String, _ result: ProgramResult) -> [String] {
    result.text.split(separator: "\n").compactMap { line in
      line.range(of: "\(mark) ").map { String(line[$0.upperBound...]) }
    }
  }

  private static let position = """
    python
    def position(): return int(gdb.execute("monitor when", to_string=True).split()[1].replace(",", ""))
    end

    """

  /// As in any gdb: from the start, to the first breakpoint.
  @Test func runStartsAgain() throws {
    let scratch = try Scratch()
    _ = try scratch.rrtool("record", "-o", scratch.path("run.rr"))
    let result = try gdb(
      scratch, "--to", "end", "--symbols", symbols,
      script: Self.position + """
        tbreak audit
        run
        python print("RUN", gdb.selected_frame().name(), position() > 0)
        starti
        python print("STARTI", position())
        stepi 5
        snapshot here
        python print("SNAPSHOT", position())
        seek end
        seek here
        python print("HERE", position())
        back
        back
        python print("BACK", position())
        """)
    #expect(marked("RUN", result) == ["audit True"], "\(result.text)\(result.errors)")
    #expect(marked("STARTI", result) == ["0"], "\(result.text)")
    #expect(
      marked("SNAPSHOT", result) == marked("HERE", result)
        && marked("SNAPSHOT", result) == marked("BACK", result))
    let banner = try #require(result.lines.first { $0.contains("rrtool: run, ") }, "\(result.text)")
    for command in ["seek", "back", "checkpoint", "snapshot", "last", "go", "break-here"] {
      #expect(banner.contains(command))
    }
  }

  /// The answer names the place, and `go` leads there.
  @Test func lastNamesThePlace() throws {
    let scratch = try Scratch()
    _ = try scratch.rrtool("record", "-o", scratch.path("run.rr"))
    let result = try gdb(
      scratch, "--to", "end", "--symbols", symbols,
      script: Self.position + """
        last branches[0].interest_paid
        thread 1
        go
        python print("AT", gdb.selected_frame().name(), gdb.selected_thread().num)
        seek end
        thread 2
        go
        python print("AT", gdb.selected_frame().name(), gdb.selected_thread().num)
        seek end
        last $ra
        go
        python print("REGISTER", position())
        seek end
        last-bytes &branches[0].balances[2] 16
        go
        python print("BYTES", position())
        """)
    let text = result.text
    #expect(text.contains(#/Symbol +timer_interrupt \+ \d+\n/#), "\(text)")
    #expect(text.contains(#/Line +.*ledger\.c:1\d\d\n/#), "\(text)")
    // gdb looks at the hart that wrote, whichever it looked at before.
    let hart = try #require(text.firstMatch(of: #/Hart +(\d)\n/#).flatMap { Int($0.1) })
    #expect(
      marked("AT", result) == Array(repeating: "timer_interrupt \(hart + 1)", count: 2), "\(text)")
    let positions = text.matches(of: #/Position +([\d,]+)\n/#).map { $0.1.replacing(",", with: "") }
    #expect(positions.count >= 2 && marked("REGISTER", result) == [String(positions[1])], "\(text)")
    #expect(text.contains(#/Register +ra\n/#) && text.contains("Instruction"), "\(text)")
    // Two words, each with a write of its own.
    let rows = text.matches(of: #/(0x[0-9a-f]+)-(0x[0-9a-f]+) +instruction +([\d,]+) +/#)
    #expect(rows.count == 2 && rows.first?.3 != rows.last?.3, "\(text)")
    let newest = rows.compactMap { Int($0.3.replacing(",", with: "")) }.max()
    #expect(marked("BYTES", result) == [newest.map(String.init) ?? ""], "\(text)")
  }

  /// A command without the words that it needs says which those are, and does nothing.
  @Test func commandsSayWhatTheyTake() throws {
    let scratch = try Scratch()
    _ = try scratch.rrtool("record", "-o", scratch.path("run.rr"), "--max-instructions", "1_000_000")
    let result = try gdb(
      scratch, "--to", "50%", "--symbols", symbols,
      script: Self.position + """
        python
        def said(command):
            try: return gdb.execute(command, to_string=True).strip()
            except gdb.error as error: return str(error)
        before = position()
        for command in "last", "last-bytes", "break-here", "seek", "snapshot", "restart", "delete checkpoint":
            print("USAGE", said(command))
        print("START", said("start"))
        print("WRONG", said("break-here audit if nothing == 1"))
        print("UNMOVED", position() == before, "No breakpoints" in said("info breakpoints"))
        end
        """)
    #expect(
      marked("USAGE", result) == [
        "Usage: last VARIABLE, last ADDRESS LENGTH, last $REGISTER",
        "Usage: last-bytes VARIABLE, last-bytes ADDRESS LENGTH", "Usage: break-here LOCATION [if CONDITION]",
        "Usage: seek POSITION", "Usage: snapshot NAME", "Usage: restart N", "Usage: delete checkpoint N",
      ], "\(result.text)")
    #expect(marked("START", result).first?.contains("no function 'main'") == true, "\(result.text)")
    #expect(marked("WRONG", result) == ["No symbol \"nothing\" in current context."], "\(result.text)")
    #expect(marked("UNMOVED", result) == ["True True"], "\(result.text)")
  }

  /// PMP and devices can be looked at, and looking has no effect.
  @Test func looksAtWhatIsNoMemory() throws {
    let scratch = try Scratch()
    _ = try scratch.rrtool("record", "-o", scratch.path("run.rr"))
    let result = try gdb(
      scratch, "--to", "50%",
      script: """
        printf "PMP %d\\n", $pmpcfg0 >= 0
        set $t = *(unsigned long *)0x200bff8
        printf "CLOCK %d\\n", $t > 0 && $t == *(unsigned long *)0x200bff8
        printf "UART %d\\n", *(unsigned char *)0x10000005 & 0x60
        x/1xw 0xc000028
        seek end
        """)
    #expect(marked("PMP", result) == ["1"] && marked("CLOCK", result) == ["1"], "\(result.text)")
    #expect(marked("UART", result) == ["96"] && !result.text.contains("Cannot access"), "\(result.text)")
  }

  /// A breakpoint for the address space that is looked at.
  @Test func breakHereIsForOneAddressSpace() throws {
    let scratch = try Scratch()
    _ = try scratch.rrtool("record", "-o", scratch.path("run.rr"))
    let result = try gdb(
      scratch, "--to", "50%", "--symbols", symbols,
      script: """
        break-here timer_interrupt
        info breakpoints
        continue
        python print("AT", gdb.selected_frame().name())
        delete
        break-here timer_interrupt if $ra != 0 && (1 < 2)
        seek start
        continue
        python print("IF", gdb.selected_frame().name())
        delete
        break-here timer_interrupt if(1 == 2)
        seek start
        continue
        python print("NOT", gdb.selected_frame().name() != "timer_interrupt")
        info breakpoints
        delete
        break timer_interrupt if ($satp & 0xfffffffffff) == 1
        seek 50%
        continue
        python print("END", gdb.selected_frame().name() != "timer_interrupt")
        """)
    #expect(marked("AT", result) == ["timer_interrupt"], "\(result.text)\(result.errors)")
    #expect(result.text.contains("stop only if ($satp & 0xfffffffffff) == 0x0"), "\(result.text)")
    #expect(marked("IF", result) == ["timer_interrupt"], "\(result.text)\(result.errors)")
    #expect(result.text.contains("== 0x0 && ((1 == 2))"), "\(result.text)")
    #expect(marked("NOT", result) == ["True"] && marked("END", result) == ["True"], "\(result.text)")
  }
}
