// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import Inspection

struct PcapView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pcap", abstract: "Write the packets for Wireshark and its relatives.",
    discussion: """
      A pcapng file: times are nanoseconds of the guest's, interfaces net0 and so on, and each packet has its direction, and its position as a
      comment ('position 1234'), which --at, --to and the debugger take. Nothing is replayed: the frames are in the log. Of a frame whose
      bytes are not in there, the file says how many they were.

      EXAMPLES
        rrtool inspect linux.rr pcap -o run.pcapng
        rrtool inspect linux.rr pcap -o part.pcapng --from 50% --host 10.0.2.2
        rrtool inspect linux.rr pcap --protocol dns > dns.pcapng
      """)

  private static let standardOutput = "-"

  @OptionGroup var recording: RecordingArgument

  @Option(
    name: [.customShort("o"), .long],
    help: ArgumentHelp("The file to make; standard output, as with -, if none is named.", valueName: "file"),
    completion: .file(extensions: ["pcapng"]))
  var output = Self.standardOutput

  @Flag(help: "Replace a file that stands there.")
  var force = false

  @OptionGroup var packets: PacketOptions

  func run() throws {
    try reporting {
      var query = try packets.query()
      let isFile = output != Self.standardOutput
      if !isFile {
        try StandardOutput.checkIsNoTerminal(
          "pcap", "is a file for programs", remedy: "name a file (-o run.pcapng)")
      }
      let viewed = try ViewedRecording(recording, onlyLog: !packets.range.namesSnapshot)
      query.positions = try packets.range.resolved(in: viewed)
      let application = "rrtool \(ToolVersion.text)"
      guard isFile else {
        return try viewed.reading {
          try query.writeCapture(of: viewed.log, application: application) { StandardOutput.write($0) }
        }
      }
      var files = FilePlaces()
      files.read(viewed.recording)
      files.write(output, "-o ")
      try files.check()
      let file = try PieceFile(output, replaces: force)
      try viewed.reading { try query.writeCapture(of: viewed.log, application: application, to: file.write) }
      try file.finish()
    }
  }
}
