// SPDX-License-Identifier: Apache-2.0

import Emulator

/// Commands that look at registers and memory.
extension HumanCommand {
  static let machine: [HumanCommand] = [
    HumanCommand(
      "x", [.optional("/FORMAT", .format), .required("ADDRESS", .expression)],
      "show memory at a virtual address; /FORMAT is /COUNT, x d u o c i, b h w g, as in 'x /8xg $sp'"
    ) { (arguments, monitor) throws(MonitorError) in
      try monitor.showMemory(arguments, isPhysical: false)
    },
    HumanCommand(
      "xp", [.optional("/FORMAT", .format), .required("ADDRESS", .expression)],
      "show memory at a physical address"
    ) { (arguments, monitor) throws(MonitorError) in
      try monitor.showMemory(arguments, isPhysical: true)
    },
    HumanCommand(
      "gpa2hva", [.required("ADDRESS", .expression)],
      "where a physical address of RAM lies in rrtool's own memory, for a debugger that reads it there"
    ) { (arguments, monitor) throws(MonitorError) in
      let address = try monitor.evaluate(arguments["ADDRESS"])
      let place: UInt? = try monitor.target.perform { run in
        run.machine.memory.pointer(at: address, count: 1).map { UInt(bitPattern: $0) }
      }
      let text = "0x" + String(address, radix: 16)
      guard let place else { throw MonitorError("Memory at address \(text) is not RAM") }
      return "Host virtual address for \(text) (ram) is 0x\(String(place, radix: 16))\n"
    },
    HumanCommand(
      "memsave", [.required("ADDRESS", .word), .required("SIZE", .word), .required("FILE", .file)],
      "write memory at a virtual address to a new file"
    ) { (arguments, monitor) throws(MonitorError) in
      try monitor.saveMemory(arguments, hart: monitor.hart)
    },
    HumanCommand(
      "pmemsave", [.required("ADDRESS", .word), .required("SIZE", .word), .required("FILE", .file)],
      "write memory at a physical address to a new file"
    ) { (arguments, monitor) throws(MonitorError) in
      try monitor.saveMemory(arguments, hart: nil)
    },
    HumanCommand(
      "print|p", [.optional("/FORMAT", .format), .required("EXPRESSION", .expression)],
      "work out an expression of numbers and registers, as in 'p $sp + 0x10'"
    ) { (arguments, monitor) throws(MonitorError) in
      let format = try MemoryFormat(parsing: arguments.optional("/FORMAT") ?? "")
      let value = try monitor.evaluate(arguments["EXPRESSION"])
      let size = format.size ?? 8
      let text =
        format.style == .hexadecimal && format.size == nil
        ? "0x" + String(value, radix: 16) : format.text(of: value, size: size)
      return text + "\n"
    },
    HumanCommand(
      "sum", [.required("ADDRESS", .word), .required("SIZE", .word)],
      "add up bytes of physical memory, as BSD's sum does"
    ) {
      (arguments, monitor) throws(MonitorError) in
      let address = try monitor.evaluate(arguments["ADDRESS"])
      let size = try monitor.evaluate(arguments["SIZE"])
      let sum: UInt16? = try monitor.target.perform { run in
        guard let count = Int(exactly: size),
          let pointer = run.machine.memory.pointer(at: address, count: count)
        else { return nil }
        return UnsafeRawBufferPointer(start: pointer, count: count).reduce(UInt16(0)) { sum, byte in
          (sum >> 1 | sum << 15) &+ UInt16(byte)
        }
      }
      guard let sum else { throw MonitorError("not all of that is RAM; 'info mtree' shows where it is") }
      return "\(UInt64(sum).padded(radix: 10, digits: 5))\n"
    },
  ]
}

extension HumanMonitor {
  func evaluate(_ text: String) throws(MonitorError) -> UInt64 {
    let hart = hart
    return try target.perform { run -> Result<UInt64, MonitorError> in
      Result { () throws(MonitorError) in
        try Expression.evaluate(text) { name in run.machine.register(named: name, hart: hart) }
      }
    }.get()
  }

  fileprivate func saveMemory(_ arguments: HumanArguments, hart: Int?) throws(MonitorError) -> String {
    try target.saveMemory(
      at: evaluate(arguments["ADDRESS"]), count: evaluate(arguments["SIZE"]), to: arguments["FILE"],
      hart: hart)
    return ""
  }

  fileprivate func showMemory(_ arguments: HumanArguments, isPhysical: Bool) throws(MonitorError) -> String {
    let format = try MemoryFormat(parsing: arguments.optional("/FORMAT") ?? "")
    let address = try evaluate(arguments["ADDRESS"])
    // A compressed instruction has two bytes; what is read for others is not shown.
    let isCode = format.style == .instruction
    let size = isCode ? 4 : format.size ?? (format.style == .character ? 1 : 4)
    let wanted = format.count * size
    let hart = hart
    let (bytes, extensions): ([UInt8], ProcessorExtensions) = try target.perform { run in
      (
        isPhysical
          ? run.machine.inspect(physical: address, count: wanted)
          : run.machine.readMemory(virtual: address, count: wanted, hart: hart),
        run.machine.configuration.extensions
      )
    }
    let (text, end): (String, UInt64?) =
      isCode
      ? format.disassemble(bytes, at: address, for: extensions)
      : (
        format.dump(bytes, at: address, size: size),
        bytes.count < wanted ? address &+ UInt64(bytes.count / size * size) : nil
      )
    guard let missing = end?.padded(radix: 16, digits: 16) else { return text }
    return text + (isPhysical ? "\(missing): not RAM\n" : "\(missing): no RAM stands for this address\n")
  }
}
