// SPDX-License-Identifier: Apache-2.0

/// The type of a value in QMP, as its introspection tells it.
indirect enum QMPType: Hashable, Sendable {
  case string
  case integer
  case number
  case boolean
  case any
  case array(QMPType)
  case choice([String])
  case object([Member])

  struct Member: Hashable, Sendable {
    var name: String
    var type: QMPType
    var isOptional: Bool

    static func required(_ name: String, _ type: QMPType) -> Member {
      Member(name: name, type: type, isOptional: false)
    }
    static func optional(_ name: String, _ type: QMPType) -> Member {
      Member(name: name, type: type, isOptional: true)
    }
  }

  /// An answer that says no more than that there is one.
  static let nothing = QMPType.object([])

  init(_ kind: Parameter.Kind) {
    self =
      switch kind {
      case .string: .string
      case .bool: .boolean
      case .integer: .integer
      case .choice(let choices): .choice(choices)
      case .strings: .array(.string)
      case .any: .any
      }
  }
}
