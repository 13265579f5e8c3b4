// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What ARCHITECTURE.md shows of the house is what Package.swift and Sources have.
@Suite struct PictureTests {
  /// Folders of `Sources` that have no Swift: the doors to the system's libraries, and what the build tells the tool.
  private static let modulesInC = ["CZlib", "CZstd", "CIsal", "CDwarf", "CSlirp", "CBuild"]

  /// By module of `Sources`, what it depends on.
  private static let modules: [String: Set<String>] = {
    let names = Set(SourceFile.all.map(\.module) + modulesInC)
    var modules: [String: Set<String>] = [:]
    for target in text("Package.swift").components(separatedBy: "arget(").dropFirst() {
      // The rest of a target has no brackets but those of the list.
      let head = target.components(separatedBy: "swiftSettings")[0]
      let strings = head.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
        .filter { $0.offset % 2 == 1 }.map { String($0.element) }
      guard let name = strings.first, names.contains(name) else { continue }
      modules[name] = Set(strings.dropFirst()).intersection(names)
    }
    for library in modulesInC { modules[library] = [] }
    return modules
  }()

  private static func text(_ path: String) -> String {
    // The package's own files are there.
    try! String(contentsOf: repository.appendingPathComponent(path), encoding: .utf8)
  }

  /// The lines of the first code block behind a line.
  private static func block(behind line: String) -> [String] {
    let lines = text("ARCHITECTURE.md").components(separatedBy: "\n").drop { $0 != line }
    return Array(lines.drop { $0 != "```" }.dropFirst().prefix { $0 != "```" })
  }

  private static func reachable(from module: String) -> Set<String> {
    (modules[module] ?? []).reduce(into: []) { found, next in
      found.insert(next)
      found.formUnion(reachable(from: next))
    }
  }

  @Test func everyModuleIsATarget() {
    #expect(Set(Self.modules.keys) == Set(SourceFile.all.map(\.module) + Self.modulesInC))
    for file in SourceFile.all { #expect(Self.modules[file.module] != nil, "\(file.module) is no target") }
  }

  /// Each line names modules and what they stand on; what that stands on is left out.
  @Test func arrowsAreThoseOfThePackage() throws {
    var drawn: [String: Set<String>] = [:]
    var order: [String] = []
    for line in Self.block(behind: "Arrows point down only:") {
      let sides = line.components(separatedBy: "→")
      let targets = sides.count > 1 ? Set(sides[1].split(separator: " ").map(String.init)) : []
      for module in sides[0].split(separator: " ").map(String.init) {
        #expect(drawn.updateValue(targets, forKey: module) == nil, "\(module) is drawn twice")
        order.append(module)
      }
    }
    #expect(Set(order) == Set(Self.modules.keys))
    for (module, dependencies) in Self.modules {
      let farther = dependencies.reduce(into: Set()) { $0.formUnion(Self.reachable(from: $1)) }
      #expect(drawn[module] == dependencies.subtracting(farther), "what \(module) stands on")
    }
    for (index, module) in order.enumerated() {
      for target in drawn[module] ?? [] {
        let place = try #require(order.firstIndex(of: target))
        #expect(place > index, "\(target) is drawn over \(module)")
      }
    }
  }

  /// The modules and their folders, by their indentation.
  @Test func theTreeIsWhatIsThere() {
    var drawn: Set<String> = []
    var module = ""
    for line in Self.block(behind: "## The house") {
      guard let name = line.split(separator: " ").first, name.hasSuffix("/") else { continue }
      switch line.prefix(while: { $0 == " " }).count {
      case 0: module = name == "Sources/" ? "Sources" : ""
      case 2 where !module.isEmpty:
        module = String(name.dropLast())
        drawn.insert(module)
      case 4 where !module.isEmpty: drawn.insert("\(module)/\(name.dropLast())")
      default: break
      }
    }
    let there = SourceFile.all.flatMap { file in
      [file.module] + (file.folder.map { ["\(file.module)/\($0)"] } ?? [])
    }
    #expect(drawn.symmetricDifference(there + Self.modulesInC) == [])
  }
}
