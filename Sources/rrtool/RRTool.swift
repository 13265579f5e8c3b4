import ArgumentParser

@main
struct RRTool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rrtool", abstract: "Time travel for whole machines.")
}
