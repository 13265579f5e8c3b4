// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import HostSystem

/// Why a command was not carried out, as QMP says it.
public struct MonitorError: Error, Equatable, Sendable {
  /// QMP's classes. Clients are to look at the class and show the description.
  public enum Class: String, Sendable {
    case generic = "GenericError"
    case commandNotFound = "CommandNotFound"
    case deviceNotActive = "DeviceNotActive"
  }

  public var kind: Class
  public var description: String

  public init(_ description: String, kind: Class = .generic) {
    self.kind = kind
    self.description = description
  }

  init(_ failure: Failure) { self.init(failure.description) }

  var json: JSONValue { ["class": .string(kind.rawValue), "desc": .string(description)] }
}

/// Runs `body`, turning its failures into a monitor's.
func withMonitorErrors<Result>(_ body: () throws(Failure) -> Result) throws(MonitorError) -> Result {
  do throws(Failure) {
    return try body()
  } catch {
    throw MonitorError(error)
  }
}
