// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A Swift file of the package, as far as it says which types it declares and which it names.
struct SourceFile {
  let module: String
  /// The folder of the module that it is in, however deep; nil when it is the module's own.
  let folder: String?
  let name: String
  /// Types that others of the module can use.
  private(set) var declared: Set<String> = []
  /// All names that could be a type's, but those behind a point: these are members of something.
  private(set) var named: Set<String> = []
  /// Types within others, or for this file alone: here such a name means them.
  private(set) var own: Set<String> = []

  private static let declarations: Set = ["struct", "class", "enum", "protocol", "actor", "typealias"]

  /// - Parameter path: from the folder `Sources`, as in "Emulator/Hart/Hart.swift".
  init(path: String, text: String) {
    let parts = path.split(separator: "/").map(String.init)
    module = parts[0]
    folder = parts.count > 2 ? parts[1] : nil
    name = parts[parts.count - 1]
    let tokens = SwiftTokens(text).tokens
    var depth = 0
    for (index, token) in tokens.enumerated() {
      switch token {
      case "{": depth += 1
      case "}": depth -= 1
      default:
        guard let first = token.first, first.isUppercase else { continue }
        let before = index > 0 ? tokens[index - 1] : ""
        if Self.declarations.contains(before) {
          let modifiers = tokens[max(0, index - 4)..<index]
          if depth == 0, !modifiers.contains("private"), !modifiers.contains("fileprivate") {
            declared.insert(token)
          } else {
            own.insert(token)
          }
        } else if before != "." {
          named.insert(token)
        }
      }
    }
  }

  /// Every Swift file under `Sources`.
  static let all: [SourceFile] = {
    let root = repository.appendingPathComponent("Sources")
    let paths = FileManager.default.enumerator(atPath: root.path)?.compactMap { $0 as? String } ?? []
    return paths.sorted().filter { $0.hasSuffix(".swift") }.map { path in
      // A file that is listed and cannot be read is no test's fault, but nothing can be said without it.
      SourceFile(
        path: path, text: try! String(contentsOf: root.appendingPathComponent(path), encoding: .utf8))
    }
  }()
}

/// The folder with Package.swift.
let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()
