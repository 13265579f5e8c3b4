// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Inspection

struct PacketsView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "packets", abstract: "List what passed through the guest's network cards.",
    discussion: """
      Nothing is replayed: the frames are in the log. Each is read by itself: sequence numbers of TCP are those of the wire, parts of a
      packet are not put together, and what a segment in the middle of a stream belongs to is not said. What is not as its protocol says ends
      with what is wrong: [malformed: ...].

      FIELDS
        position, time_ns              where it came in or went out
        interface                      which card, from 0
        direction                      in or out, as the guest sees it
        source, destination            addresses of IP, else of Ethernet
        source_port, destination_port  of TCP and UDP
        protocol                       the innermost that is known
        layers                         all of them, from Ethernet on
        byte_count                     of the frame
        summary                        what it says, for people
        problem                        what is wrong with it
        vlan                           the number in its tag
        source_card, destination_card  addresses of Ethernet
        data_digest                    of a frame whose bytes are not in the log
        link_up                        of a link that went up or down, which has a row too where no --host, --port or --protocol is given

      EXAMPLES
        rrtool inspect linux.rr packets
        rrtool inspect linux.rr packets --protocol dns
        rrtool inspect linux.rr packets --host 10.0.2.2 --port 80 --from 50%
        rrtool inspect linux.rr packets --format ndjson
      """)

  @OptionGroup var recording: RecordingArgument

  @OptionGroup var packets: PacketOptions

  @OptionGroup var format: FormatOption

  func run() throws {
    try reporting {
      var query = try packets.query()
      let format = try format.parsed()
      let viewed = try ViewedRecording(recording, onlyLog: !packets.range.namesSnapshot)
      query.positions = try packets.range.resolved(in: viewed)
      try viewed.show(query.report(of: viewed.log), format)
    }
  }
}
