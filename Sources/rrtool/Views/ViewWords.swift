// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import RecordingStore

/// The words of `rrtool inspect`, whose view stands before the recording or behind it.
enum ViewWords {
  static let views: [any ParsableCommand.Type] = [
    SummaryView.self, EventsView.self, ConsoleView.self, PacketsView.self, PcapView.self, StatsView.self,
    ChartView.self, LastWriteView.self,
    CallsView.self, ProfileView.self, CoverageView.self, SystemCallsView.self, TrapsView.self,
    InterruptsView.self,
    FirmwareCallsView.self,
    DeviceAccessesView.self, AccessesView.self, RegistersView.self, DisassemblyView.self, MemoryView.self,
    SourceView.self, BacktraceView.self, TasksView.self, KernelLogView.self, ModulesView.self,
    MountsView.self,
  ]

  static var names: [String] { views.map { $0._commandName } }

  /// Options that no value follows.
  private static let flags: Set = [
    "--timestamps", "--physical", "--force", "--force-symbols", "--help", "-h", "--version",
  ]

  /// The same with the view in front, where the parser wants it; of another command as they are.
  static func ordered(_ words: [String]) throws(Failure) -> [String] {
    guard words.first == "inspect" else { return words }
    var places: [String] = []
    var index = 1
    while index < words.count, words[index] != "--" {
      let word = words[index]
      if word.hasPrefix("-") {
        index += flags.contains(word) || word.contains("=") ? 1 : 2
        continue
      }
      if names.contains(word) {
        // What follows the view comes first: an address stands before the recording.
        return ["inspect", word] + words[(index + 1)...] + words[1..<index]
      }
      places.append(word)
      index += 1
    }
    if places.count > 1 {
      let guess = Spelling.question(about: places[1], among: names)
      throw Failure(
        .usage, places[1], "is nothing to show",
        remedy: "\(guess)give \(names.dropLast().joined(separator: ", ")) or \(names.last ?? "")")
    }
    if let word = places.first, let near = Spelling.nearest(to: word, among: names),
      let path = try? TraceFolder().locate(word), HostFiles.kind(of: path) == nil
    {
      throw Failure(
        .usage, word, "is neither a recording nor what can be shown of one", remedy: "did you mean '\(near)'?"
      )
    }
    let asksForHelp = words.contains { ["--help", "-h", "--version"].contains($0) }
    return asksForHelp ? words : ["inspect", SummaryView._commandName] + words.dropFirst()
  }
}
