// SPDX-License-Identifier: Apache-2.0

import Emulator

/// Our own machine, with nothing attached to it.
enum EmulatedMachine {
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// Runs a flat image in M mode until it switches the board off, and gives the machine with its RAM at the end.
  static func run(
    image: [UInt8], memorySize: UInt64, processor: ProcessorModel, engine: Machine.Engine,
    instructionLimit: UInt64
  ) throws -> Machine {
    let configuration = MachineConfiguration(
      memorySize: memorySize, hartCount: 1, shift: 0, drives: [], processor: processor)
    let plan = try BootPlan(images: BootImages(bios: image), configuration: configuration)
    let machine = Machine(configuration: configuration, plan: plan, gate: SilentGate(), engine: engine)
    let stop = machine.run(until: instructionLimit)
    guard stop == .poweredOff(status: 0) else {
      let counter = String(machine.programCounter(hart: 0), radix: 16)
      throw Failure(description: "our machine stopped with \(stop) at pc \(counter)")
    }
    return machine
  }

  private final class SilentGate: Gate {
    func readWallClock(at moment: Moment) -> UInt64 { 0 }
    func readEntropy(count: Int, at moment: Moment) -> [UInt8] { [UInt8](repeating: 0, count: count) }
    func nextPoll(after moment: Moment) -> UInt64 { .max }
    func takeArrival(at moment: Moment) -> Arrival? { nil }
    func idle(at moment: Moment, until deadline: UInt64?) -> IdleEnd { .stop }
    func consoleOutput(_ byte: UInt8, at moment: Moment) {}
    func frameOutput(_ frame: NetworkFrame, at moment: Moment) {}
    func blockRequest(_ request: BlockRequest, at moment: Moment) {}
  }
}
