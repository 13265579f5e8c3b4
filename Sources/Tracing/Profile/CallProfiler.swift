// SPDX-License-Identifier: Apache-2.0

import Emulator

/// Follows what all harts call, and counts instructions where they are executed.
///
/// Stacks move from hart to hart, and take turns on one: where a return fits no call of its hart's stack, but the one that another
/// stack waits for, that is the one that goes on.
struct CallProfiler: ~Copyable {
  private struct HartState {
    var stack: ShadowStack
    /// Where its function's code lies.
    var stretch: CodeMap.Stretch
    var privilege: UInt64
    /// In user mode; 0 in others, whose stacks are their own in all address spaces.
    var addressSpace: UInt64
  }

  /// Where a stack goes on that waits.
  private struct Place: Hashable {
    var programCounter: UInt64
    var stackPointer: UInt64
    var addressSpace: UInt64
  }

  /// Stacks that wait at most: those of tasks that have ended wait for ever.
  private static let waitingLimit = 1 << 16

  private(set) var map: CodeMap
  private(set) var tree = CallTree()
  /// Instructions behind which execution was found in another function than before, though no jump had led there.
  private(set) var crossedCount: UInt64 = 0
  private(set) var count: UInt64 = 0
  private let countedHart: Int?
  private let start: UInt64
  /// Instructions before this position are counted.
  private var last: UInt64
  private var isCounting = true
  /// Nil while it is being worked at.
  private var harts: [HartState?] = []
  private var waiting: [Place: ShadowStack] = [:]

  /// - Parameters:
  ///   - start: the first position that counts.
  ///   - hart: whose instructions count; nil: those of all.
  init(_ map: consuming CodeMap, from start: UInt64, hart: Int?) {
    self.map = map
    self.start = start
    last = start
    countedHart = hart
  }

  /// Harts stand as they are before the first instruction that is told.
  mutating func begin(_ machine: Machine) {
    harts.removeAll()
    waiting.removeAll()
    for index in 0..<machine.configuration.hartCount {
      let place = machine.place(hart: index)
      let stretch = map.callee(place.programCounter, privilege: place.privilege)
      harts.append(
        HartState(
          stack: ShadowStack(base: tree.child(of: CallTree.root, stretch.function)), stretch: stretch,
          privilege: place.privilege, addressSpace: Self.addressSpace(place)))
    }
  }

  private static func addressSpace(_ place: Machine.TrapReturn) -> UInt64 {
    place.privilege == 0 ? place.addressSpace & 0xfff_ffff_ffff : 0
  }

  // MARK: Jumps

  mutating func follow(_ transfers: ControlTransfers) {
    // Harts are all there between two calls.
    var hart = harts[transfers.hart].take()!
    isCounting = countedHart == nil || countedHart == transfers.hart
    for jump in transfers.jumps {
      if !hart.stretch.contains(jump.source) {
        cross(&hart, jump.source, before: transfers.position(behind: jump))
      }
      spend(in: hart, upTo: transfers.position(behind: jump))
      switch jump.kind {
      case .jump, .branch: if !hart.stretch.contains(jump.target) { arrive(&hart, jump.target, isCall: true) }
      case .call, .alternateCall: call(&hart, jump)
      case .return:
        if hart.stack.returns(to: jump.target, jump.stackPointer) {
          arrive(&hart, jump.target)
        } else {
          returnElsewhere(&hart, jump)
        }
      }
    }
    spend(in: hart, upTo: transfers.end)
    harts[transfers.hart] = hart
  }

  @inline(__always)
  private mutating func spend(in hart: borrowing HartState, upTo position: UInt64) {
    guard position > last else { return }
    if isCounting {
      tree.spend(position &- last, in: hart.stack.top)
      count &+= position &- last
    }
    last = position
  }

  /// The hart executes what lies elsewhere than where it was led to: code that runs on into what has another name. Since when is not
  /// known: what was executed since the last jump counts there.
  @inline(never)
  private mutating func cross(_ hart: inout HartState, _ source: UInt64, before position: UInt64) {
    let before = hart.stack.top
    arrive(&hart, source)
    if hart.stack.top != before, position > last, isCounting { crossedCount &+= position &- last }
  }

  /// The hart goes on at `target`, in the function that it returns to, or in another one instead of that at the top.
  @inline(__always)
  private mutating func arrive(
    _ hart: inout HartState, _ target: UInt64, isCall: Bool = false
  ) {
    guard !map.isEmpty else { return }
    let stretch = map.find(target, privilege: hart.privilege)
    hart.stretch = stretch
    let node = tree.nodes[Int(hart.stack.top)]
    guard node.function != stretch.function else { return }
    hart.stack.replaceTop(tree.child(of: node.parent, stretch.function))
    if isCall && stretch.start == target { tree.countCall(of: hart.stack.top) }
  }

  @inline(__always)
  private mutating func call(_ hart: inout HartState, _ jump: ControlTransfer) {
    let callee = map.callee(jump.target, privilege: hart.privilege)
    let isWithin =
      map.isUnnamed(callee.function) && tree.nodes[Int(hart.stack.top)].function == callee.function
    hart.stretch = callee
    if isWithin { return }
    hart.stack.push(
      ShadowStack.Frame(
        node: tree.child(of: hart.stack.top, callee.function),
        kind: jump.kind == .call ? .call : .alternateCall,
        resume: jump.link, stackPointer: jump.stackPointer))
    tree.countCall(of: hart.stack.top)
  }

  /// A return that fits no call at the top of the stack.
  @inline(never)
  private mutating func returnElsewhere(_ hart: inout HartState, _ jump: ControlTransfer) {
    let (target, stackPointer) = (jump.target, jump.stackPointer)
    let top = hart.stack.topFrame
    if map.isUnnamed(hart.stretch.function) && hart.stretch.contains(target) { return }
    let place = Place(
      programCounter: target, stackPointer: stackPointer, addressSpace: hart.addressSpace)
    if let count = hart.stack.countBelow(returningTo: target, stackPointer) {
      hart.stack.cut(to: count)
    } else if let other = waiting.removeValue(forKey: place) {
      wait(hart.stack, hart.addressSpace)
      hart.stack = other
      _ = hart.stack.returns(to: target, stackPointer)
    } else if let count = countLeft(hart, target, stackPointer) {
      hart.stack.cut(to: count)
    } else if top.kind == .call && top.stackPointer != stackPointer {
      // A stack that was not seen before.
      wait(hart.stack, hart.addressSpace)
      hart.stack = newStack(target, &hart)
    } else if top.kind == .call {
      // The function has put another address into ra.
      hart.stack.cut(to: hart.stack.frames.count - 1)
    }
    arrive(&hart, target)
  }

  /// How many frames are left where functions were left in one go, for one of this stack that had not called there.
  private mutating func countLeft(
    _ hart: borrowing HartState, _ target: UInt64, _ stackPointer: UInt64
  ) -> Int? {
    guard !map.isEmpty else { return nil }
    let function = map.find(target, privilege: hart.privilege).function
    return hart.stack.count(upTo: stackPointer) { tree.nodes[Int($0)].function == function }
  }

  private mutating func newStack(_ target: UInt64, _ hart: inout HartState) -> ShadowStack {
    hart.stretch = map.callee(target, privilege: hart.privilege)
    return ShadowStack(base: tree.child(of: CallTree.root, hart.stretch.function))
  }

  /// A stack is left, to go on where the call or the trap at its top returns to.
  private mutating func wait(_ stack: ShadowStack, _ addressSpace: UInt64) {
    let top = stack.topFrame
    guard top.kind == .call || top.kind == .trap else { return }
    if waiting.count == Self.waitingLimit { waiting.removeAll() }
    waiting[
      Place(
        programCounter: top.resume, stackPointer: top.stackPointer,
        addressSpace: top.kind == .trap ? top.addressSpace : addressSpace)] = stack
  }

  // MARK: Traps

  mutating func follow(_ observation: GuestObservation, of machine: Machine) {
    if case .reset = observation.event { return begin(machine) }
    var hart = harts[observation.hart].take()!
    isCounting = countedHart == nil || countedHart == observation.hart
    let position = observation.moment.position
    let stackPointer = machine.register(2, hart: observation.hart)
    switch observation.event {
    case .trap(let trap):
      let behind = trap.isInterrupt ? position : position &+ 1
      if !hart.stretch.contains(observation.programCounter) {
        cross(&hart, observation.programCounter, before: behind)
      }
      spend(in: hart, upTo: behind)
      let handler = map.callee(trap.handlerAddress, privilege: trap.handler)
      hart.stack.push(
        ShadowStack.Frame(
          node: tree.child(of: hart.stack.top, handler.function), kind: .trap,
          resume: observation.programCounter, stackPointer: stackPointer, privilege: observation.privilege,
          addressSpace: hart.addressSpace))
      tree.countCall(of: hart.stack.top)
      hart.stretch = handler
      (hart.privilege, hart.addressSpace) = (trap.handler, 0)
    case .trapReturn(let target, _):
      if !hart.stretch.contains(observation.programCounter) {
        cross(&hart, observation.programCounter, before: position &+ 1)
      }
      spend(in: hart, upTo: position &+ 1)
      let place = machine.place(hart: observation.hart)
      (hart.privilege, hart.addressSpace) = (place.privilege, Self.addressSpace(place))
      leaveHandler(&hart, target, stackPointer)
    default: break
    }
    harts[observation.hart] = hart
  }

  private mutating func leaveHandler(
    _ hart: inout HartState, _ target: UInt64, _ stackPointer: UInt64
  ) {
    let handler = hart.stack.countBelowTrap
    let interrupted = handler.map { hart.stack.frames[$0] }
    let isSameSpace =
      interrupted.map { $0.privilege == hart.privilege && $0.addressSpace == hart.addressSpace } ?? false
    if let count = hart.stack.countBelow(trapAt: target, stackPointer, privilege: hart.privilege) {
      hart.stack.cut(to: count)
    } else if let handler, isSameSpace, hart.stack.frames[handler].stackPointer == stackPointer {
      // What was interrupted goes on elsewhere, as where an access that failed is seen to.
      hart.stack.cut(to: handler)
    } else if let other = takeWaiting(target, stackPointer, hart.addressSpace) {
      waitInterrupted(hart.stack, handler)
      hart.stack = other
      hart.stack.cut(to: hart.stack.frames.count - 1)
    } else if let handler, let interrupted, isSameSpace, hart.privilege == 0 {
      // A signal: another function first, on the stack of what was interrupted.
      hart.stack.cut(to: handler)
      hart.stretch = map.callee(target, privilege: hart.privilege)
      var frame = interrupted
      frame.node = tree.child(of: hart.stack.top, hart.stretch.function)
      hart.stack.push(frame)
      tree.countCall(of: frame.node)
    } else {
      waitInterrupted(hart.stack, handler)
      hart.stack = newStack(target, &hart)
    }
    arrive(&hart, target)
  }

  /// Of a stack that a handler has left for another one, all that the handler did is over.
  private mutating func waitInterrupted(_ stack: ShadowStack, _ handler: Int?) {
    guard let handler else { return }
    var stack = stack
    stack.cut(to: handler + 1)
    wait(stack, 0)
  }

  private mutating func takeWaiting(
    _ target: UInt64, _ stackPointer: UInt64, _ addressSpace: UInt64
  ) -> ShadowStack? {
    // Handlers go on behind an instruction that called them.
    for distance: UInt64 in [0, 2, 4] {
      let place = Place(
        programCounter: target &- distance, stackPointer: stackPointer, addressSpace: addressSpace)
      guard let index = waiting.index(forKey: place), waiting[index].value.topFrame.kind == .trap else {
        continue
      }
      return waiting.remove(at: index).value
    }
    return nil
  }
}
