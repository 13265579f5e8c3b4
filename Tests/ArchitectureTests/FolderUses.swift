// SPDX-License-Identifier: Apache-2.0

/// Which folder of a module uses which other one of it: by the types that one names and the other declares.
///
/// A module's own files, in no folder of it, are its face: they use what is in the folders and are used there. They do not count.
struct FolderUses {
  struct Arrow: Hashable, Comparable, CustomStringConvertible {
    var module: String
    var from: String
    var to: String

    var description: String { "\(module): \(from) → \(to)" }
    static func < (one: Arrow, other: Arrow) -> Bool { one.description < other.description }
  }

  /// For each arrow, a line a file: the file, and the types that it names.
  private(set) var reasons: [Arrow: [String]] = [:]

  init(_ files: [SourceFile]) {
    for (module, files) in Dictionary(grouping: files, by: \.module) {
      var homes: [String: String] = [:]
      for file in files {
        guard let folder = file.folder else { continue }
        for type in file.declared { homes[type] = folder }
      }
      for file in files {
        guard let folder = file.folder else { continue }
        let uses = file.named.subtracting(file.own).subtracting(file.declared)
        for (other, types) in Dictionary(grouping: uses, by: { homes[$0] ?? folder }) where other != folder {
          reasons[Arrow(module: module, from: folder, to: other), default: []].append(
            "\(file.name) uses \(types.sorted().joined(separator: ", "))")
        }
      }
    }
  }

  /// The arrows of a circle, the smallest that there is; nil when all can be drawn pointing down.
  func circle(without tolerated: Set<Arrow> = []) -> [Arrow]? {
    let arrows = reasons.keys.filter { !tolerated.contains($0) }.sorted()
    let next = Dictionary(grouping: arrows) { "\($0.module)/\($0.from)" }
    var smallest: [Arrow]?
    for start in arrows {
      // The nearest way back from the arrow's point to where it starts.
      var ways = [[start]]
      var seen: Set<String> = [start.to]
      while !ways.isEmpty {
        let way = ways.removeFirst()
        let end = way[way.count - 1]
        if end.to == start.from {
          if way.count < smallest?.count ?? .max { smallest = way }
          break
        }
        for arrow in next["\(end.module)/\(end.to)"] ?? [] where seen.insert(arrow.to).inserted {
          ways.append(way + [arrow])
        }
      }
    }
    return smallest
  }
}
