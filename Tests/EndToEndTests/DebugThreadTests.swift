// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Debugging with several harts, of which a debugger lets some go and has the others stand still.
@Suite struct DebugThreadTests {
  /// A function of the smp guest that all harts call, and a word that all of them store to.
  private static let sharedCode = "80000920"
  private static let sharedData = "80001020"

  private func replay(_ scratch: Scratch, harts: Int) throws -> DebugClient {
    try scratch.record("run.rr", "--bios", Place.guest("smp"), "--smp", "\(harts)", "--memory", "16M")
    return try DebugClient(scratch, replaying: "run.rr")
  }

  /// gdb does not survive the answer of a thread that stands still for it.
  @Test(arguments: [2, 4])
  func aStopNamesOnlyAHartThatWasLetGo(harts: Int) throws {
    let scratch = try Scratch()
    let client = try replay(scratch, harts: harts)
    var hits = 0
    for place in ["start", "20%", "60%", "end"] {
      for point in ["0,\(Self.sharedCode),2", "2,\(Self.sharedData),8"] {
        #expect(try client.request("Z\(point)") == "OK")
        for hart in 1...harts {
          try client.seek(place)
          for motion in [
            "vCont;s:\(hart)", "vCont;c:\(hart)", "vCont;r80000000,80010000:\(hart)", "bs", "bc", "bc",
            "vCont;c:\(hart)",
          ] {
            if motion.first == "b" { #expect(try client.request("Hc\(hart)") == "OK") }
            let stop = try client.resume(motion)
            #expect(stop.hart == hart - 1, "\(motion) from \(place), \(point): \(stop)")
            if stop.fields["swbreak"] != nil || stop.fields["hwbreak"] != nil || stop.fields["watch"] != nil {
              hits += 1
            }
          }
        }
        #expect(try client.request("z\(point)") == "OK")
        #expect(try client.request("Hc0") == "OK")
      }
    }
    #expect(hits > harts * 6)
  }

  /// What another hart met meanwhile is where the next motion ends that lets it go, and what was met after it follows.
  @Test(arguments: ["0,\(sharedCode),2", "2,\(sharedData),8"])
  func stopsOfHartsThatStandStillAreKept(point: String) throws {
    let scratch = try Scratch()
    let client = try replay(scratch, harts: 2)
    try client.seek("30%")
    #expect(try client.request("Z\(point)") == "OK")
    // All hits in order.
    var hits: [(hart: Int, position: UInt64)] = []
    // One hart may have many turns with the word before the other has one.
    while hits.count < 60 || hits.count < 3_000 && Set(hits.map(\.hart)).count < 2 {
      let stop = try client.resume("vCont;c")
      hits.append((stop.hart, try client.position()))
    }
    // One hart alone, past the hits of the other.
    let first = try #require(hits.first)
    let other = try #require(hits.first { $0.hart != first.hart })
    try client.seek("30%")
    let stop = try client.resume("vCont;c:\(other.hart + 1)")
    #expect(stop.hart == other.hart)
    #expect(try client.position() == other.position)
    let kept = try client.resume("vCont;c")
    #expect(kept.hart == first.hart)
    #expect(try client.position() == first.position)
    for hit in hits.dropFirst() {
      #expect(try client.resume("vCont;c").hart == hit.hart)
      #expect(try client.position() == hit.position)
    }
  }

  /// The same on the way back.
  @Test(arguments: ["0,\(sharedCode),2", "2,\(sharedData),8"])
  func stopsOnTheWayBackAreKept(point: String) throws {
    let scratch = try Scratch()
    let client = try replay(scratch, harts: 2)
    try client.seek("30%")
    #expect(try client.request("Z\(point)") == "OK")
    // To where both harts have come to it.
    var harts: [Int] = []
    while harts.count < 100 || harts.count < 3_000 && Set(harts).count < 2 {
      harts.append(try client.resume("vCont;c").hart)
    }
    _ = try client.resume("vCont;s:1")
    let start = "\(try client.position())"
    var hits: [(hart: Int, position: UInt64)] = []
    while hits.count < 60 || hits.count < 3_000 && Set(hits.map(\.hart)).count < 2 {
      let stop = try client.resume("bc")
      hits.append((stop.hart, try client.position()))
    }
    let first = try #require(hits.first)
    let other = try #require(hits.first { $0.hart != first.hart })
    for step in [false, true] {
      try client.seek(start)
      #expect(try client.request("Hc\(other.hart + 1)") == "OK")
      if step {
        // Instruction by instruction, past the hits of the other hart.
        repeat { _ = try client.resume("bs") } while try client.position() > first.position
        #expect(try client.position() <= first.position)
      } else {
        let stop = try client.resume("bc")
        #expect(stop.hart == other.hart)
        #expect(try client.position() == other.position)
      }
      #expect(try client.request("Hc0") == "OK")
      let kept = try client.resume("bc")
      #expect(kept.hart == first.hart)
      #expect(try client.position() == first.position)
      for hit in hits.dropFirst() {
        #expect(try client.resume("bc").hart == hit.hart)
        #expect(try client.position() == hit.position)
      }
    }
    // Whoever turns round has left them.
    try client.seek(start)
    #expect(try client.request("Hc\(other.hart + 1)") == "OK")
    _ = try client.resume("bc")
    #expect(try client.request("Hc0") == "OK")
    _ = try client.resume("vCont;s:\(other.hart + 1)")
    let turned = try client.position()
    _ = try client.resume("bc")
    #expect(try client.position() < turned)
  }
}
