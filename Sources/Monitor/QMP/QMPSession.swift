// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import HostSystem
import RecordingStore
import Synchronization

/// One client's conversation in QMP (QEMU's docs/interop/qmp-spec): a greeting, the negotiation of capabilities, then
/// commands with their answers, and events in between.
///
/// It knows no socket: bytes come in through `receive` and go out through `send`. Commands are carried out one at a time
/// on the thread that calls `receive`; events come on any thread.
public final class QMPSession: Sendable {
  private enum Phase { case negotiating, commanding, over }

  private let target: MonitorTarget
  private let send: @Sendable ([UInt8]) -> Void
  private let phase = Mutex(Phase.negotiating)
  private let framer = Mutex(JSONFramer())
  private let descriptors = ClientDescriptors()
  private let subscription = Mutex<Int?>(nil)

  /// Greets the client. `send` may be called on any thread, must not wait, and must keep the order.
  public init(_ target: MonitorTarget, send: @escaping @Sendable ([UInt8]) -> Void) {
    self.target = target
    self.send = send
    write(["QMP": ["version": ToolIdentity.json, "capabilities": []]])
    let token = target.subscribe { [weak self] event in self?.hear(event) }
    subscription.withLock { $0 = token }
  }

  /// Takes bytes from the client, and the descriptors that came with them, and carries out what they ask for.
  public func receive(_ bytes: [UInt8], descriptors passed: [OwnedDescriptor] = []) {
    descriptors.arrive(passed)
    for item in framer.withLock({ $0.feed(bytes) }) {
      switch item {
      case .text(let text): answer(text)
      case .refused(let problem): write(["error": MonitorError("JSON parse error, \(problem)").json])
      }
    }
  }

  /// The client is gone: nothing is sent any more.
  public func end() {
    phase.withLock { $0 = .over }
    descriptors.forgetAll()
    if let token = subscription.withLock({ $0.take() }) { target.unsubscribe(token) }
  }

  private func hear(_ event: MonitorEvent) {
    guard phase.withLock({ $0 == .commanding }) else { return }
    write(event.json)
  }

  private func write(_ value: JSONValue) {
    var bytes: [UInt8] = []
    value.append(to: &bytes)
    send(bytes + [UInt8(ascii: "\r"), UInt8(ascii: "\n")])
  }

  // MARK: Commands

  private func answer(_ text: [UInt8]) {
    var id: JSONValue?
    var answer: JSONValue.Member
    do throws(MonitorError) {
      let request: JSONValue
      do throws(JSONError) {
        request = try JSONParser.parse(text[...])
      } catch {
        throw MonitorError("JSON parse error, \(error.problem) (at byte \(error.offset))")
      }
      id = request["id"]
      answer = .init("return", try carryOut(request))
    } catch {
      answer = .init("error", error.json)
    }
    write(.object([answer] + (id.map { [.init("id", $0)] } ?? [])))
  }

  private func carryOut(_ request: JSONValue) throws(MonitorError) -> JSONValue {
    guard case .object(let members) = request else { throw MonitorError("QMP input must be a JSON object") }
    for member in members where !["execute", "arguments", "id"].contains(member.name) {
      throw MonitorError("QMP input member '\(member.name)' is unexpected")
    }
    guard let execute = request["execute"] else { throw MonitorError("QMP input lacks member 'execute'") }
    guard let name = execute.string else {
      throw MonitorError("QMP input member 'execute' must be a string")
    }
    if name == "qmp_capabilities" { return try negotiate(request["arguments"]) }
    guard phase.withLock({ $0 != .negotiating }) else {
      throw MonitorError(
        "Expecting capabilities negotiation with 'qmp_capabilities'", kind: .commandNotFound)
    }
    guard let command = QMPCommand.all[name] else {
      throw MonitorError("The command \(name) has not been found", kind: .commandNotFound)
    }
    return try command.body(Arguments(request["arguments"], for: command.parameters), target, descriptors)
  }

  /// There are no capabilities to choose from.
  private func negotiate(_ value: JSONValue?) throws(MonitorError) -> JSONValue {
    guard phase.withLock({ $0 == .negotiating }) else {
      throw MonitorError(
        "Capabilities negotiation is already complete, command ignored", kind: .commandNotFound)
    }
    let arguments = try Arguments(value, for: [.optional("enable", .strings)])
    if let wanted = arguments.strings("enable").first {
      throw MonitorError("Capability '\(wanted)' is not available")
    }
    phase.withLock { $0 = .commanding }
    return QMPCommand.nothing
  }
}
