// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Time travel by gdb's protocol, packet by packet.
@Suite struct DebugTests {
  // MARK: Steps

  /// Steps a hart forward and back again; answers the places it was at. On both ways it must be at the same ones.
  private func stepThereAndBack(
    _ client: DebugClient, hart: Int, steps: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> [UInt64] {
    _ = try client.request("Hg\(hart + 1)")
    // To where the hart is about to execute.
    var forward = [try #require(try client.resume("vCont;s:\(hart + 1)").pc)]
    let first = try client.position()
    for _ in 0..<steps {
      let stop = try client.resume("vCont;s:\(hart + 1)")
      try #require(
        stop.hart == hart && stop.fields["replaylog"] == nil, "\(stop)", sourceLocation: sourceLocation)
      forward.append(try #require(stop.pc))
    }
    var backward = [try #require(forward.last)]
    for _ in 0..<steps {
      #expect(try client.request("Hc\(hart + 1)") == "OK")
      let stop = try client.resume("bs")
      #expect(stop.hart == hart, sourceLocation: sourceLocation)
      backward.append(try #require(stop.pc))
    }
    #expect(backward.reversed() == forward, sourceLocation: sourceLocation)
    #expect(try client.position() == first, sourceLocation: sourceLocation)
    return forward
  }

  /// Ten thousand steps of a hart of the bank, through timer interrupts, disk requests and turns of the other hart.
  @Test func tenThousandStepsAreTheSameBothWays() throws {
    let scratch = try Scratch()
    _ = try scratch.rrtool("record", "-o", scratch.path("run.rr"))
    let client = try DebugClient(scratch, replaying: "run.rr")
    // To an interrupt, and a little back.
    try client.seek("1_000_000")
    let trapEntry = try #require(
      DebugClient.register(try client.request("p\(String(65 + 0x305, radix: 16))")))
    let place = String(trapEntry, radix: 16)
    _ = try client.request("Z0,\(place),4")
    let stop = try client.resume("vCont;c")
    #expect(stop.pc == trapEntry)
    _ = try client.request("z0,\(place),4")
    for _ in 0..<50 {
      _ = try client.request("Hc\(stop.hart + 1)")
      _ = try client.resume("bs")
    }
    let visited = try stepThereAndBack(client, hart: stop.hart, steps: 10_000)
    #expect(visited.contains(trapEntry))
    #expect(Set(visited).count > 100)
  }

  @Test(arguments: [
    (guest: "traps", harts: 1, hart: 0, steps: 400), (guest: "smp", harts: 4, hart: 2, steps: 300),
  ])
  func stepsAreTheSameBothWays(guest: String, harts: Int, hart: Int, steps: Int) throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest(guest), "--smp", "\(harts)", "--memory", "16M")
    let client = try DebugClient(scratch, replaying: "run.rr")
    for place in ["start", "10%", "50%", "80%"] {
      try client.seek(place)
      let visited = try stepThereAndBack(client, hart: hart, steps: steps)
      #expect(Set(visited).count > 2, "\(guest) at \(place)")
    }
  }

  /// Ten thousand steps through traps, interrupts, `wfi` with interrupts off and on, and the idle time that it skips.
  @Test func tenThousandStepsThroughIdleTimeAreTheSameBothWays() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("idle"), "--memory", "16M")
    let client = try DebugClient(scratch, replaying: "run.rr")
    let visited = try stepThereAndBack(client, hart: 0, steps: 10_000)
    let trapEntry = try symbol("trap_entry", in: "idle")
    #expect(visited.count { $0 == UInt64(trapEntry, radix: 16) } > 50, "it was interrupted")
  }

  // MARK: Breakpoints

  /// While one hart steps over a breakpoint, which gdb takes away for that, another one comes to it.
  @Test func aBreakpointThatIsSteppedOverIsNotLostForOthers() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("smp"), "--smp", "4", "--memory", "16M")
    let client = try DebugClient(scratch, replaying: "run.rr")
    /// The hart that executes next at a position, and where it is.
    func look(_ position: UInt64) throws -> (hart: String, pc: String) {
      let words = try client.monitor("seek \(position)").split(separator: " ").map(String.init)
      let hart = try #require(words.lastIndex(of: "hart"))
      let address = try #require(words.last)
      return (words[hart + 1], address.dropFirst(2).filter { $0.isHexDigit })
    }
    // All harts take the lock in turns. The last instruction of a turn of hart 0:
    var tried = 0
    for start in stride(from: UInt64(100_000), to: 300_000, by: 20_000) {
      var (first, after) = (start, start)
      while try look(first).hart != "0" { first += 1_000 }
      after = first
      while try look(after).hart == "0" { after += 1_000 }
      while after - first > 1 {
        let middle = (first + after) / 2
        if try look(middle).hart == "0" { first = middle } else { after = middle }
      }
      let place = try look(first).pc
      try client.seek("\(first - 1)")
      #expect(try client.request("Z0,\(place),4") == "OK")
      let here = try client.resume("vCont;c")
      #expect(try client.position() == first && here.hart == 0)
      // What follows, seen without stepping.
      let next = try client.resume("vCont;c")
      let expected = try client.position()
      try client.seek("\(first - 1)")
      #expect(try client.resume("vCont;c") == here)
      #expect(try client.request("z0,\(place),4") == "OK")
      #expect(try client.resume("vCont;s:1").hart == 0)
      let stepped = try client.position()
      #expect(try client.request("Z0,\(place),4") == "OK")
      if next.hart != 0, expected < stepped { tried += 1 }
      #expect(try client.resume("vCont;c").hart == next.hart)
      #expect(try client.position() == expected)
      _ = try client.request("z0,\(place),4")
    }
    #expect(tried > 2, "others came to the breakpoint meanwhile")
  }

  /// A store that is the last instruction of its hart's turn, on the way back: the stop is of the hart that made it, although
  /// another one is next there, so that gdb steps that one back over it.
  @Test func aStoreAtTheEndOfATurnIsItsHartsOnTheWayBack() throws {
    // Where turns end is another matter with every number of harts.
    var found = false
    for harts in 3...8 where !found { found = try goesBackToAStoreAtTheEndOfATurn(harts: harts) }
    #expect(found, "no turn ends with a store")
  }

  /// Whether there is such a store.
  private func goesBackToAStoreAtTheEndOfATurn(harts: Int) throws -> Bool {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("smp"), "--smp", "\(harts)", "--memory", "16M")
    let client = try DebugClient(scratch, replaying: "run.rr")
    /// The hart that executes next at a position.
    func hart(at position: UInt64) throws -> Int {
      let words = try client.monitor("seek \(position)").split(separator: " ")
      let word = try #require(words.lastIndex(of: "hart")) + 1
      return try #require(Int(words[word]))
    }
    try client.seek("end")
    let end = try client.position()
    // From one end of a turn to the next, until there is a store.
    var found = false
    var last: UInt64 = 100_000
    while !found, last < end * 9 / 10 {
      let own = try hart(at: last)
      var after = last + 1_000
      while after < end, try hart(at: after) == own { after += 1_000 }
      if after >= end { break }
      while after - last > 1 {
        let middle = (last + after) / 2
        if try hart(at: middle) == own { last = middle } else { after = middle }
      }
      try client.seek("\(after)")
      #expect(try client.request("Z2,80000000,1000000") == "OK")
      let stop = try client.resume("bc")
      #expect(try client.request("z2,80000000,1000000") == "OK")
      if try client.position() == after {
        found = true
        #expect(stop.hart == own && stop.fields["watch"] != nil, "\(stop), behind the store of hart \(own)")
        #expect(try client.request("Hc\(stop.hart + 1)") == "OK")
        #expect(try client.resume("bs").hart == own)
        #expect(try client.position() == last)
      }
      last = after
    }
    return found
  }

  /// Every hit on the way forward is met again on the way back, each by its hart.
  @Test func breakpointsBothWaysWithFourHarts() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("smp"), "--smp", "4", "--memory", "16M")
    let client = try DebugClient(scratch, replaying: "run.rr")
    let address = try symbol("sleep_until", in: "smp")
    #expect(try client.request("Z0,\(address),4") == "OK")
    var forward: [String] = []
    for _ in 0..<200 {
      let stop = try client.resume("vCont;c")
      try #require(stop.pc == UInt64(address, radix: 16), "\(stop)")
      forward.append("\(stop.hart) at \(try client.position())")
      // As gdb goes on from a breakpoint.
      #expect(try client.request("z0,\(address),4") == "OK")
      _ = try client.resume("vCont;s:\(stop.hart + 1)")
      #expect(try client.request("Z0,\(address),4") == "OK")
    }
    #expect(Set(forward.map { $0.prefix(1) }).count == 4, "all harts wait for the token")
    var backward: [String] = []
    for _ in 0..<200 {
      let stop = try client.resume("bc")
      try #require(stop.pc == UInt64(address, radix: 16), "\(stop)")
      backward.append("\(stop.hart) at \(try client.position())")
    }
    #expect(backward.reversed() == forward)
    #expect(try client.resume("bc").fields["replaylog"] == "begin")
    #expect(try client.position() == 0)
  }

  // MARK: What if

  @Test func changesMakeABranchThatGoesAway() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("counter"), "--memory", "16M")
    let client = try DebugClient(scratch, replaying: "run.rr", "--to", "50%")
    let here = try client.position()
    let general = try client.request("g")
    let next = try client.resume("vCont;s:1")
    _ = try client.resume("bs")
    #expect(try client.request("g") == general)

    #expect(try client.request("P5=efbeadde00000000") == "OK")
    #expect(try client.request("p5") == "efbeadde00000000")
    #expect(try client.request("M80000000,4:73001000") == "OK")
    #expect(try client.request("m80000000,4") == "73001000")
    _ = try client.resume("vCont;s:1")
    #expect(client.console.contains("a branch of its own"))
    let told = client.console
    _ = try client.resume("vCont;s:1")
    #expect(client.console == told, "once")
    // It is no place of the recording, and asking for a snapshot does not take it away.
    #expect(try client.monitor("snapshot branch").contains("is not the recorded one"))
    #expect(try client.request("m80000000,4") == "73001000")
    // Gone.
    try client.seek("\(here)")
    #expect(client.console.contains("discarded"))
    #expect(try client.request("g") == general)
    #expect(try client.request("m80000000,4") != "73001000")
    #expect(try client.resume("vCont;s:1") == next)
    #expect(try client.detach().status == 0)
    #expect(try scratch.rrtool("verify", scratch.path("run.rr")).status == 0)
  }

  @Test(arguments: ["bc", "bs"])
  func aBranchAtTheStartGoesAwayToo(back: String) throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("smp"), "--smp", "2", "--memory", "16M")
    let client = try DebugClient(scratch, replaying: "run.rr")
    #expect(try client.request("Hg1") == "OK")
    let general = try client.request("g")
    let pc = try client.request("p20")
    #expect(try client.request("P20=d405008000000000") == "OK")
    #expect(try client.resume(back).fields["replaylog"] == "begin")
    #expect(client.console.contains("discarded"))
    _ = try client.request("Hg1")
    #expect(try client.request("p20") == pc)
    #expect(try client.request("g") == general)
  }

  // MARK: Coming and going

  @Test func controlCEndsALongWay() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("bench-hash"), "--memory", "16M")
    let client = try DebugClient(scratch, replaying: "run.rr")
    // At once: a client that gets no processor in between would come after the end.
    client.sendBytes(DebugClient.frame("vCont;c") + [0x03])
    let stop = DebugClient.stop(try client.reply())
    #expect(stop.signal == "02")
    let first = try client.position()
    let end = try scratch.summary(scratch.path("run.rr")).run.endPosition
    #expect(first < end)
    // Everything goes on from there.
    #expect(try client.resume("vCont;c").fields["replaylog"] == "end")
    #expect(try client.position() == end)
    // Also on the way back: from where it was interrupted, nothing has moved.
    _ = try client.request("Z2,80000000,8")
    client.sendBytes(DebugClient.frame("bc") + [0x03])
    #expect(["02", "05"].contains(DebugClient.stop(try client.reply()).signal))
    #expect(try client.detach().status == 0)
  }

  @Test func survivesClientsThatGoAway() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("bench-hash"), "--memory", "16M")
    for last in ["", "$vCont;c#a8", "$m80000000,ff", "$bc#c5", "$Z0,"] {
      let client = try DebugClient(scratch, replaying: "run.rr")
      client.sendBytes(Array(last.utf8))
      let result = try client.hangUp()
      #expect(result.status == 0, "\(last): \(result.errors)")
    }
  }

  @Test func placesAreRemembered() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("traps"), "--memory", "16M")
    let client = try DebugClient(scratch, replaying: "run.rr")
    #expect(try client.monitor("info checkpoints") == "No checkpoints.\n")
    try client.seek("1000")
    #expect(try client.monitor("checkpoint") == "Checkpoint 1 at position 1,000\n")
    try client.seek("+500")
    #expect(try client.position() == 1500)
    #expect(try client.monitor("checkpoint") == "Checkpoint 2 at position 1,500\n")
    _ = try client.monitor("back")
    #expect(try client.position() == 1000)
    _ = try client.monitor("back")
    #expect(try client.position() == 0)
    #expect(try client.monitor("back").contains("no place before"))
    _ = try client.monitor("forward")
    #expect(try client.position() == 1000)
    _ = try client.monitor("restart 2")
    #expect(try client.position() == 1500)
    #expect(try client.monitor("forward").contains("no place after"))
    #expect(try client.monitor("delete checkpoint 2") == "Deleted checkpoint 2\n")
    #expect(try client.monitor("restart 2").contains("is not there"))
    #expect(try client.monitor("snapshot here") == "Snapshot here at position 1,500\n")
    #expect(try client.monitor("snapshot here").contains("already"))
    try client.seek("end")
    try client.seek("here")
    #expect(try client.position() == 1500)
    #expect(try client.monitor("seek nowhere").contains("nowhere"))
    #expect(try client.monitor("nonsense").contains("monitor help"))
    #expect(try client.monitor("events 2").contains("Event"))
    #expect(try client.monitor("help").contains("restart N"))
    #expect(try client.detach().status == 0)
    #expect(try scratch.rrtool("replay", scratch.path("run.rr"), "--from", "here").status == 0)
  }

  private func symbol(_ name: String, in guest: String) throws -> String {
    let scratch = try Scratch()
    let result = try scratch.run([
      "gdb-multiarch", "-q", "-nx", "-batch", "-ex", "p/x &\(name)", Place.guest(guest),
    ])
    let text = try #require(result.text.split(separator: "0x").last?.prefix { $0.isHexDigit })
    return String(text)
  }
}
