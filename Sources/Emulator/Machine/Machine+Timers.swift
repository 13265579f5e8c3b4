// SPDX-License-Identifier: Apache-2.0

/// When timers fire.
extension Machine {
  /// Brings the timers' interrupt lines up to now and finds out when the next one fires.
  func updateTimers() {
    let time = now.time
    if !timersAreStale {
      guard let timerDeadline, time >= timerDeadline else { return }
    }
    timersAreStale = false
    clint.updateTimerInterrupts()
    realTimeClock.updateAlarm()
    var earliest: UInt64?
    func consider(_ deadline: UInt64?) {
      guard let deadline, deadline < Self.timeLimit else { return }
      earliest = earliest.map { min($0, deadline) } ?? deadline
    }
    consider(realTimeClock.deadlineTime())
    for hart in interpreter.harts {
      consider(clint.deadlineTime(hart: hart.index))
      consider(updateSupervisorTimer(hart))
    }
    timerDeadline = earliest
  }

  /// Sstc: STIP follows from comparing `time` with `stimecmp`. Answers when it changes next.
  private func updateSupervisorTimer(_ hart: Hart) -> UInt64? {
    guard hart.state.pointee.menvcfg & EnvironmentConfiguration.stce != 0 else {
      setHartInterrupt(hart: hart.index, .supervisorTimer, level: false)
      return nil
    }
    // With the timer there, software's own bit has no say.
    hart.state.pointee.mipSoftware &= ~InterruptBit.supervisorTimer
    let compare = hart.state.pointee.stimecmp
    setHartInterrupt(hart: hart.index, .supervisorTimer, level: clint.ticks(at: now) >= compare)
    return clint.deadlineTime(compare: compare)
  }
}
