// SPDX-License-Identifier: Apache-2.0

import HostSystem
import Networking

/// The properties of `--netdev stream` and `--netdev dgram`, as QEMU names them.
extension NetworkOptions.Backend {
  /// `addr.type=unix,addr.path=PATH` or `addr.type=inet,addr.host=HOST,addr.port=PORT`, and `server=on`.
  static func stream(_ properties: [(key: String, value: String)], option: String) throws(Failure) -> Self {
    var places = Places(properties)
    guard let address = try places.take("addr", option) else {
      throw Failure(
        .usage, option, "names no address",
        remedy: "add addr.type=unix,addr.path=PATH, and server=on at one end")
    }
    let isServer = try places.takeFlag("server", option)
    // A client of ours always does.
    for key in ["reconnect", "reconnect-ms"] { places.drop(key) }
    try places.finish("a stream", option)
    return .stream(address, isServer: isServer)
  }

  /// `local.type=unix,local.path=PATH,remote.type=unix,remote.path=PATH`, or with `inet`, `host` and `port`.
  static func datagrams(_ properties: [(key: String, value: String)], option: String) throws(Failure) -> Self
  {
    var places = Places(properties)
    guard let local = try places.take("local", option), let remote = try places.take("remote", option) else {
      throw Failure(
        .usage, option, "names no local and remote address",
        remedy: "add local.type=unix,local.path=PATH,remote.type=unix,remote.path=PATH")
    }
    try places.finish("datagrams", option)
    return .datagrams(local: local, remote: remote)
  }

  /// Properties that are taken one after the other.
  private struct Places {
    private var values: [String: String]

    init(_ properties: [(key: String, value: String)]) {
      values = Dictionary(properties.map { ($0.key, $0.value) }) { _, last in last }
    }

    /// The address whose parts begin with `name`; nil when there are none.
    mutating func take(_ name: String, _ option: String) throws(Failure) -> LinkAddress? {
      func part(_ key: String) -> String? {
        let value = values.removeValue(forKey: "\(name).\(key)")
        // Of a stream they may be named alone.
        return name == "addr" ? value ?? values.removeValue(forKey: key) : value
      }
      let (type, path, host, port) = (part("type"), part("path"), part("host"), part("port"))
      switch (type ?? (path == nil ? "inet" : "unix"), path, host, port) {
      case (_, nil, nil, nil): return nil
      case ("unix", let path?, nil, nil) where !path.isEmpty: return .path(path)
      case ("inet", nil, let host?, let port?) where UInt16(port) != nil: return .port(host: host, port: port)
      default:
        throw Failure(
          .usage, option, "\(name) is no address",
          remedy:
            "write \(name).type=unix,\(name).path=PATH or \(name).type=inet,\(name).host=HOST,\(name).port=PORT"
        )
      }
    }

    mutating func drop(_ key: String) { values[key] = nil }

    mutating func takeFlag(_ key: String, _ option: String) throws(Failure) -> Bool {
      switch values.removeValue(forKey: key) {
      case nil, "off"?: return false
      case "on"?: return true
      case let value?:
        throw Failure(.usage, option, "\(key) is on or off, not '\(value)'", remedy: "write \(key)=on")
      }
    }

    func finish(_ what: String, _ option: String) throws(Failure) {
      if let key = values.keys.min() {
        throw Failure(.usage, option, "'\(key)' is not an option of \(what)", remedy: "see docs/network.md")
      }
    }
  }
}
