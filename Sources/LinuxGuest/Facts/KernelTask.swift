// SPDX-License-Identifier: Apache-2.0

/// A task of a Linux kernel: a process, one more thread of it, or a thread of the kernel.
package struct KernelTask: Sendable {
  package var identifier: UInt64
  /// The process that it is of: its first thread's identifier.
  package var process: UInt64
  /// The process that is told of its end.
  package var parent: UInt64
  package var name: String
  package var state: String
  /// A thread of the kernel's own.
  package var isKernel: Bool
  /// Where it ran last, as the kernel counts.
  package var processor: UInt64
  /// The hart that runs it, by its hardware number; nil while it does not run.
  package var hart: UInt64?
  /// Addresses that are its own to use, as `ps` has them (VSZ); nil for threads of the kernel.
  package var virtualByteCount: UInt64?
  /// Of the kernel's structure: what `sscratch` has in user mode, and `tp` in the kernel.
  package var address: UInt64
}

extension LinuxKernel {
  /// Of each process, in the order in which they were made, all threads; processors' own tasks that idle are not among them.
  package func tasks() throws(LinuxGuestError) -> KernelRows<KernelTask> {
    let first = object("task_struct", at: try address(of: "init_task"))
    let head = try first.place("tasks")
    var inner: LinuxGuestError?
    var found = try rows(listAt: head, of: "task_struct", by: "tasks") {
      (leader: KernelObject) throws(LinuxGuestError) -> [KernelTask] in
      let threads = try threads(of: leader)
      inner = inner ?? threads.problem
      return threads.rows
    }
    found.problem = found.problem ?? inner
    return found
  }

  private func threads(of leader: KernelObject) throws(LinuxGuestError) -> KernelRows<KernelTask> {
    // One that has ended keeps what its threads had in common until its parent has asked for it.
    guard let common = try leader.target("signal", "signal_struct") else {
      return KernelRows(rows: [try task(leader)])
    }
    let head = try common.place("thread_head")
    return try rows(listAt: head, of: "task_struct", by: "thread_node") {
      (thread: KernelObject) throws(LinuxGuestError) -> [KernelTask] in [try task(thread)]
    }
  }

  /// A thread of the kernel (`PF_KTHREAD`).
  private static var kernelFlag: UInt64 { 0x20_0000 }
  /// The kernel's own limit (TASK_COMM_LEN).
  private static var nameLimit: Int { 16 }

  private func task(_ task: KernelObject) throws(LinuxGuestError) -> KernelTask {
    let isKernel = try task.number("flags", bytes: 4) & Self.kernelFlag != 0
    let space = isKernel ? nil : try task.target("mm", "mm_struct")
    let processor = try processor(of: task)
    let isRunning = knows("on_cpu", in: "task_struct") ? try task.number("on_cpu", bytes: 4) != 0 : false
    return KernelTask(
      identifier: try task.number("pid", bytes: 4), process: try task.number("tgid", bytes: 4),
      parent: try task.target("real_parent", "task_struct")?.number("tgid", bytes: 4) ?? 0,
      name: try task.text("comm", limit: Self.nameLimit),
      state: KernelTask.state(
        try task.number("__state", "state", bytes: 4), exit: try task.number("exit_state", bytes: 4)),
      isKernel: isKernel, processor: processor, hart: isRunning ? hart(ofProcessor: processor) : nil,
      virtualByteCount: try space.map { (space) throws(LinuxGuestError) in
        try space.pointer("total_vm") &* 4096
      }, address: task.address)
  }

  /// Kernels for one processor do not say.
  private func processor(of task: KernelObject) throws(LinuxGuestError) -> UInt64 {
    if knows("cpu", in: "task_struct") { return try task.number("cpu", bytes: 4) }
    guard knows("cpu", in: "thread_info") else { return 0 }
    return try task.part("thread_info", "thread_info").number("cpu", bytes: 4)
  }

  /// Kernels number the processors as they find them.
  private func hart(ofProcessor processor: UInt64) -> UInt64 {
    guard let map = optionalAddress(of: "__cpuid_to_hartid_map"),
      let hart = try? memory.number(at: map &+ processor &* 8)
    else { return processor }
    return hart
  }
}

extension KernelTask {
  /// Bits of a task's state, in the words of /proc.
  static func state(_ state: UInt64, exit: UInt64) -> String {
    switch exit & 0x30 {
    case 0x20: return "zombie"
    case 0: break
    default: return "dead"
    }
    // Not to be counted as load (TASK_IDLE): a thread of the kernel that waits for work.
    if state & 0x402 == 0x402 { return "idle" }
    let words: [(UInt64, String)] = [
      (1, "sleeping"), (2, "disk-sleep"), (4, "stopped"), (8, "traced"), (0x40, "parked"), (0x80, "dead"),
    ]
    return words.first { state & $0.0 != 0 }?.1 ?? "running"
  }
}
