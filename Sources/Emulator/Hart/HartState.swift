// SPDX-License-Identifier: Apache-2.0

/// Everything of a hart but its registers and its translation cache, in raw memory at fixed offsets.
///
/// Only plain values stand here, so that machine code can reach a field by its offset
/// (`MemoryLayout<HartState>.offset(of:)`) and nothing is retained or checked for exclusivity on the way.
struct HartState {
  // MARK: Fixed

  /// The hart's number.
  let index: Int
  /// The `Interpreter` that owns the hart, for what translated code calls. Set once.
  var engine: UInt = 0
  /// What `minstret` is to leave out for each instruction that traps: 1, but 0 in machines of the first revision.
  let uncountedAtTrap: UInt64

  init(index: Int, uncountedAtTrap: UInt64) {
    self.index = index
    self.uncountedAtTrap = uncountedAtTrap
  }

  // MARK: Running

  /// Address of the next instruction, exact between blocks; of the one being executed while `unexecuted` is not 0.
  var pc: UInt64 = 0
  /// Instructions that may still run before the machine takes over. A block takes its whole length off at its start
  /// and gives back what it did not execute.
  var budget: Int64 = 0
  /// Instructions from the one being executed to the end of its block, while something outside the block needs to
  /// know the exact position; 0 between blocks.
  var unexecuted: Int64 = 0
  /// Virtual address of the page that the current block stands on.
  var pageBase: UInt64 = 0
  /// The budget that this turn began with.
  var turnBudget: Int64 = 0
  /// Instructions executed before this turn, by this hart alone.
  var executedBeforeTurn: UInt64 = 0
  /// Bits of `Attention`: what must be seen to before the next block.
  var attention: UInt64 = 0

  /// While translated code runs: a place for the host's floating-point control and status (`MXCSR`).
  var hostStatus: UInt64 = 0
  /// Where the next jump is written, and where the room for them ends, while somebody hears of jumps (`ControlTransferLog`).
  var transferCursor: UInt = 0
  var transferLimit: UInt = 0
  /// The number of the jump through which translated code came back, or 0; see `Translator.Site`.
  var linkSite: UInt64 = 0

  // MARK: Translation, derived from what follows it here

  /// The tables of the translation cache that loads and stores go through (`TranslationCache`).
  var loadTable: UInt = 0
  var storeTable: UInt = 0
  /// PMP may refuse S or U mode some access to RAM.
  var isProtected: UInt64 = 0
  /// PMP may refuse M mode some access to RAM.
  var isMachineModeProtected: UInt64 = 0
  /// There are watchpoints, so every access must go through the translation cache.
  var isWatched: UInt64 = 0
  /// What marks the entries of the jump cache that are good now (`JumpCache`).
  var jumpTag: UInt64 = 0
  /// Counts flushes of the translations for fetches, and besides, those of U mode's alone.
  var fetchGeneration: UInt64 = 0
  var userFetchGeneration: UInt64 = 0
  /// The translation cache may have pages of the lower half of addresses for S mode.
  var supervisorUsesLowerHalf: UInt64 = 0

  // MARK: Architectural state

  var privilege: UInt64 = Privilege.machine
  /// The hart executes `wfi`.
  var isWaiting: UInt64 = 0
  /// Started, in terms of SBI HSM.
  var isStarted: UInt64 = 0
  /// LR/SC: the physical address reserved, or all ones; and the value that stood there.
  var reservationAddress: UInt64 = ~0
  var reservationValue: UInt64 = 0

  var fflags: UInt64 = 0
  var frm: UInt64 = 0

  var mstatus: UInt64 = 0
  var medeleg: UInt64 = 0
  var mideleg: UInt64 = 0
  var mie: UInt64 = 0
  /// The bits of `mip` that software has set; see `interruptLines`.
  var mipSoftware: UInt64 = 0
  /// The bits of `mip` that devices and timers drive. `mip` reads as both together.
  var interruptLines: UInt64 = 0
  var mtvec: UInt64 = 0
  var mscratch: UInt64 = 0
  var mepc: UInt64 = 0
  var mcause: UInt64 = 0
  var mtval: UInt64 = 0
  var mcounteren: UInt64 = 0
  var mcountinhibit: UInt64 = 0
  var menvcfg: UInt64 = 0
  /// What is added to the hart's instruction count; while the counter is inhibited, its value.
  var mcycleOffset: UInt64 = 0
  var minstretOffset: UInt64 = 0

  var stvec: UInt64 = 0
  var sscratch: UInt64 = 0
  var sepc: UInt64 = 0
  var scause: UInt64 = 0
  var stval: UInt64 = 0
  var scounteren: UInt64 = 0
  var senvcfg: UInt64 = 0
  var satp: UInt64 = 0
  var stimecmp: UInt64 = ~0

  // MARK: For those who look at the hart; no part of the machine's state

  /// Interrupts taken.
  var interruptCount: UInt64 = 0

  /// Exceptions taken.
  var exceptionCount: UInt64 = 0
  /// Exceptions in a row at one place for one reason, each taken in the handler of the one before.
  var trapsInARow: UInt64 = 0
  /// Reads of time, counters and pending interrupts: of what changes while registers and memory stay as they are.
  var outsideReads: UInt64 = 0

  // MARK: Fixed too

  /// `menvcfg` after a reset. Set once.
  var resetEnvironment: UInt64 = EnvironmentConfiguration.adue
}

/// What `HartState.attention` asks for.
enum Attention {
  /// Pending or enabled interrupts may have changed.
  static let interrupts: UInt64 = 1
  /// The machine must take over: the hart waits or stops, or the run is to end.
  static let leave: UInt64 = 2
  /// There is no room for another jump; see `ControlTransferLog`.
  static let transfers: UInt64 = 4
}

/// Privilege levels, as `mstatus.MPP` encodes them.
enum Privilege {
  static let user: UInt64 = 0
  static let supervisor: UInt64 = 1
  static let machine: UInt64 = 3
}

/// Fields of `mstatus` and `sstatus` (volume II, section 3.1.6).
enum Status {
  static let sie: UInt64 = 1 << 1
  static let mie: UInt64 = 1 << 3
  static let spie: UInt64 = 1 << 5
  static let mpie: UInt64 = 1 << 7
  static let spp: UInt64 = 1 << 8
  static let mpp: UInt64 = 3 << 11
  static let mppShift: UInt64 = 11
  static let fs: UInt64 = 3 << 13
  static let mprv: UInt64 = 1 << 17
  static let sum: UInt64 = 1 << 18
  static let mxr: UInt64 = 1 << 19
  static let tvm: UInt64 = 1 << 20
  static let tw: UInt64 = 1 << 21
  static let tsr: UInt64 = 1 << 22
  /// UXL and SXL: both always 64.
  static let lengths: UInt64 = 2 << 32 | 2 << 34
  static let sd: UInt64 = 1 << 63

  static let machineWritable =
    sie | mie | spie | mpie | spp | mpp | fs | mprv | sum | mxr | tvm | tw | tsr
  static let supervisorWritable = sie | spie | spp | fs | sum | mxr
  static let supervisorVisible = supervisorWritable | 2 << 32 | sd
}

/// `menvcfg` (volume II, section 3.1.18).
enum EnvironmentConfiguration {
  static let fiom: UInt64 = 1
  /// `cbo.inval`, `cbo.clean` and `cbo.flush`, `cbo.zero` in the modes below (Zicbom, Zicboz).
  static let cbie: UInt64 = 3 << 4
  static let cbcfe: UInt64 = 1 << 6
  static let cbze: UInt64 = 1 << 7
  /// Hardware updates the A and D bits (Svadu).
  static let adue: UInt64 = 1 << 61
  /// Page-table entries say how memory is cached (Svpbmt).
  static let pbmte: UInt64 = 1 << 62
  /// `stimecmp` is there (Sstc).
  static let stce: UInt64 = 1 << 63

  /// The bits of `senvcfg`.
  static func supervisor(_ extensions: ProcessorExtensions) -> UInt64 {
    fiom | (extensions.contains(.zicbom) ? cbie | cbcfe : 0) | (extensions.contains(.zicboz) ? cbze : 0)
  }

  /// The bits of `menvcfg`.
  static func machine(_ extensions: ProcessorExtensions) -> UInt64 {
    supervisor(extensions) | (extensions.contains(.svadu) ? adue : 0)
      | (extensions.contains(.svpbmt) ? pbmte : 0) | stce
  }
}
