// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// `rrtool inspect packets` and `pcap`: their options, and where what they write goes. What they say of packets is tested with Inspection.
@Suite struct PacketViewTests {
  private static func recording() throws -> Scratch {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("hello"), "--memory", "16M")
    return scratch
  }

  @Test func wrongWordsAreRefused() throws {
    let scratch = try Self.recording()
    for view in ["packets", "pcap"] {
      for (words, text) in [
        (["--host", "twig"], "--host twig: is no address; give one such as 10.0.2.15; names are not known"),
        (["--port", "65536"], "--port 65536: is no port; give one from 0 to 65535"),
        (["--port", "http"], "--port http: is no port; give one from 0 to 65535"),
        (["--interface", "eth0"], "--interface eth0: is no network card; give one such as net0"),
        (["--protocol", "icq"], "--protocol icq: is none that is told apart; give one of Ethernet, VLAN, "),
        (["--limit=-1"], "--limit -1: is no number of packets; give one such as 20"),
        (["--from", "5", "--to", "4"], "--from: lies after --to; exchange them"),
      ] {
        let result = try scratch.rrtool(["inspect", scratch.path("run.rr"), view] + words)
        #expect(result.status == 64 && result.text.isEmpty, "\(words)")
        #expect(result.errors.hasPrefix("rrtool: " + text), "\(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
      }
    }
  }

  /// However it is asked for, it is the same file.
  @Test func theCaptureGoesWhereItIsSent() throws {
    let scratch = try Self.recording()
    let (run, file) = (scratch.path("run.rr"), scratch.path("run.pcapng"))
    let made = try scratch.rrtool("inspect", run, "pcap", "-o", file)
    #expect(made.status == 0 && made.output.isEmpty && made.errors.isEmpty, "\(made.errors)")
    let bytes = try scratch.bytes("run.pcapng")
    #expect(bytes.starts(with: [0x0a, 0x0d, 0x0d, 0x0a]))
    for words in [["-o", "-"], []] {
      let written = try scratch.rrtool(["inspect", "pcap", run] + words)
      #expect(written.status == 0 && written.output == bytes && written.errors.isEmpty, "\(written.errors)")
    }

    let again = try scratch.rrtool("inspect", run, "pcap", "-o", file)
    #expect(
      again.status == 1
        && again.errors
          == "rrtool: \(file): there is a file already; choose another name, or give --force to replace it\n",
      "\(again.status) \(again.errors)")
    #expect(try scratch.rrtool("inspect", run, "pcap", "-o", file, "--force").status == 0)
    let nowhere = try scratch.rrtool("inspect", run, "pcap", "-o", scratch.path("none/run.pcapng"))
    #expect(nowhere.status != 0 && nowhere.errors.split(separator: "\n").count == 1, "\(nowhere.errors)")
  }
}
