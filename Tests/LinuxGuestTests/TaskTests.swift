// SPDX-License-Identifier: Apache-2.0

import LinuxGuest
import Testing

/// Tasks of a kernel that a test has made.
@Suite struct TaskTests {
  private let made = MadeKernel()
  private let head: Int
  /// Of the process with two threads: the list that these are in.
  private let threads: Int
  private let tasks: [Int]

  /// The kernel's first task, a process with two threads, and a thread of the kernel.
  init() {
    made.declare(
      "task_struct", ("tasks", 0x10), ("thread_node", 0x20), ("signal", 0x30), ("pid", 0x38), ("tgid", 0x3c),
      ("real_parent", 0x40), ("comm", 0x48), ("__state", 0x58), ("exit_state", 0x5c), ("flags", 0x60),
      ("on_cpu", 0x64), ("mm", 0x68), ("thread_info", 0x70))
    made.declare("thread_info", ("cpu", 8))
    made.declare("signal_struct", ("thread_head", 0x18))
    made.declare("mm_struct", ("total_vm", 0x28))
    tasks = (0..<4).map { [made] _ in made.room() }
    made.names["init_task"] = TestMemory.address(tasks[0])
    head = made.place("task_struct", "tasks", tasks[0])
    let map = made.room()
    made.memory.write(3, at: map + 8)
    made.names["__cpuid_to_hartid_map"] = TestMemory.address(map)
    let space = made.room()
    made.set("mm_struct", "total_vm", at: space, 472)
    var threads = 0
    for (index, name) in ["swapper", "worker", "worker-2", "kthreadd"].enumerated() {
      let task = tasks[index]
      made.set("task_struct", "pid", at: task, UInt64([0, 7, 8, 2][index]), bytes: 4)
      made.set("task_struct", "tgid", at: task, UInt64([0, 7, 7, 2][index]), bytes: 4)
      made.set("task_struct", "comm", at: task, name)
      made.set("task_struct", "real_parent", at: task, TestMemory.address(tasks[index == 1 ? 3 : 0]))
      made.set("task_struct", "mm", at: task, index == 3 ? 0 : TestMemory.address(space))
      made.set("task_struct", "flags", at: task, index == 3 ? 0x20_8040 : 0x400, bytes: 4)
      let signal = made.room()
      made.set("task_struct", "signal", at: task, TestMemory.address(signal))
      if index == 1 { threads = made.place("signal_struct", "thread_head", signal) }
      made.link([
        made.place("signal_struct", "thread_head", signal), made.place("task_struct", "thread_node", task),
      ])
    }
    self.threads = threads
    made.link([head] + [tasks[1], tasks[3]].map { [made] in made.place("task_struct", "tasks", $0) })
    made.link(
      [threads] + [tasks[1], tasks[2]].map { [made] in made.place("task_struct", "thread_node", $0) })
    made.set("task_struct", "__state", at: tasks[1], 1, bytes: 4)
    made.set("task_struct", "on_cpu", at: tasks[2], 1, bytes: 4)
    made.set("thread_info", "cpu", at: tasks[2] + 0x70, 1, bytes: 4)
    made.set("task_struct", "__state", at: tasks[3], 0x402, bytes: 4)
  }

  @Test func areListedWithTheirThreads() throws {
    let found = try made.kernel().tasks()
    #expect(found.problem == nil)
    #expect(found.rows.map(\.name) == ["worker", "worker-2", "kthreadd"])
    #expect(found.rows.map(\.identifier) == [7, 8, 2] && found.rows.map(\.process) == [7, 7, 2])
    #expect(found.rows.map(\.parent) == [2, 0, 0])
    #expect(found.rows.map(\.state) == ["sleeping", "running", "idle"])
    #expect(found.rows.map(\.hart) == [nil, 3, nil] && found.rows.map(\.processor) == [0, 1, 0])
    #expect(found.rows.map(\.isKernel) == [false, false, true])
    #expect(found.rows.map(\.virtualByteCount) == [472 * 4096, 472 * 4096, nil])
    #expect(found.rows.map(\.address) == tasks.dropFirst().map { TestMemory.address($0) })
  }

  /// What was found before a list leads nowhere counts.
  @Test func brokenListsAreToldSo() throws {
    let tasks = made.place("task_struct", "tasks", tasks[3])
    made.memory.write(0x1234, at: tasks)
    let cut = try made.kernel().tasks()
    #expect(cut.rows.count == 3)
    #expect(cut.problem?.problem == "the kernel's data lead to 0x1254, where nothing is mapped")
    made.memory.write(TestMemory.address(tasks), at: tasks)
    #expect(try made.kernel().tasks().problem?.problem == "a list of the kernel's leads in a circle")
    made.link([head, tasks])
    made.memory.write(TestMemory.address(threads) + 0x10_0000, at: threads)
    #expect(try made.kernel().tasks().rows.map(\.identifier) == [2])
  }

  @Test func whatIsNotKnownIsRefused() throws {
    made.layouts.numbers["task_struct.tasks"] = nil
    let layout = #expect(throws: LinuxGuestError.self) { try made.kernel().tasks() }
    #expect(
      layout?.problem
        == "the kernel does not tell how 'task_struct.tasks' lies in its memory: it has no BTF, or no such thing"
    )
    made.names["init_task"] = nil
    let symbol = #expect(throws: LinuxGuestError.self) { try made.kernel().tasks() }
    #expect(symbol?.problem == "the kernel does not tell where it has 'init_task'")
    #expect(symbol?.remedy == "name its vmlinux, with symbols, by --symbols")
  }
}
