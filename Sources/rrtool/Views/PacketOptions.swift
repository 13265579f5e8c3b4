// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import Inspection

/// Which packets a view shows.
struct PacketOptions: ParsableArguments {
  @OptionGroup var range: RangeOptions

  @Option(
    help: ArgumentHelp("Show what passed through this network card only: 0 or net0.", valueName: "card"))
  var interface: String?

  @Option(
    help: ArgumentHelp(
      "Show what comes from, goes to or is about this address only: of IPv4, IPv6 or Ethernet.",
      valueName: "address"))
  var host: String?

  @Option(help: ArgumentHelp("Show what comes from or goes to this port only.", valueName: "n"))
  var port: String?

  @Option(
    name: .customLong("protocol"),
    help: ArgumentHelp("Show what is of this protocol, or is carried by it, only.", valueName: "name"),
    completion: .list(PacketProtocol.allCases.map(\.rawValue)))
  var layer: String?

  @Option(help: ArgumentHelp("Show at most so many.", valueName: "n"))
  var limit: Int?

  /// What is asked for, but for the positions, which the recording has to tell.
  func query() throws(Failure) -> PacketQuery {
    if let limit, limit < 0 {
      throw Failure(.usage, "--limit \(limit)", "is no number of packets", remedy: "give one such as 20")
    }
    return PacketQuery(
      interface: try interface.map { (text) throws(Failure) in
        let digits = text.hasPrefix("net") ? text.dropFirst(3) : text[...]
        guard let number = UInt8(digits), !digits.hasPrefix("+") else {
          throw Failure(.usage, "--interface \(text)", "is no network card", remedy: "give one such as net0")
        }
        return Int(number)
      },
      host: try host.map { (text) throws(Failure) in
        guard let address = PacketAddress(parsing: text) else {
          throw Failure(
            .usage, "--host \(text)", "is no address",
            remedy: "give one such as 10.0.2.15; names are not known"
          )
        }
        return address
      },
      port: try port.map { (text) throws(Failure) in
        guard let number = UInt16(text), !text.hasPrefix("+") else {
          throw Failure(.usage, "--port \(text)", "is no port", remedy: "give one from 0 to 65535")
        }
        return number
      },
      layer: try layer.map { (text) throws(Failure) in
        guard let known = PacketProtocol(name: text) else {
          throw Failure(
            .usage, "--protocol \(text)", "is none that is told apart",
            remedy: "give one of \(PacketProtocol.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return known
      }, limit: limit ?? .max)
  }
}
