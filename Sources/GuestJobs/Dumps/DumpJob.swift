// SPDX-License-Identifier: Apache-2.0

import CoreDump
import Emulator
import Execution
import HostSystem

/// Writes one dump of an instant: the part of the work that needs no machine.
///
/// It runs on one thread. Its state goes from setup to an end; whoever made the instant ends its keeping afterwards,
/// before the end is entered (`release`).
struct DumpJob {
  let request: DumpRequest
  let state: MigrationState
  let destination: any DumpDestination
  /// Ends keeping, on the machine's thread, when nothing more is needed of memory.
  let release: () -> Void
  /// Called with the bytes of memory that are done, now and then.
  var progress: (UInt64) -> Void = { _ in }

  /// Writes the dump; the state is at an end afterwards. Nothing is left under the name, or beside it, of a dump that is
  /// not complete.
  func run(_ instant: DumpInstant) {
    do throws(Failure) {
      let isComplete = try write(instant)
      if isComplete { return state.endCompleted() }
      finish(instant)
      state.endCancelled()
    } catch {
      finish(instant)
      state.endFailed(error)
    }
  }

  private func finish(_ instant: DumpInstant) {
    release()
    instant.memory.letGo()
    destination.discard()
  }

  /// False when it was cancelled.
  private func write(_ instant: DumpInstant) throws(Failure) -> Bool {
    var instant = instant
    guard try lookThrough(&instant) else { return false }
    let core = instant.core
    let writer: any CoreWriter =
      switch request.format {
      case .elf: ELFCoreWriter(core, output: destination)
      case .kdumpZlib, .kdumpRawZlib: KdumpWriter(core, output: destination)
      }
    try output { () throws(OutputError) in try writer.begin() }
    guard state.advance(to: .active) else { return false }
    var governor = BandwidthGovernor(state)
    func put(_ bytes: UnsafeRawBufferPointer, _ address: UInt64) throws(Failure) {
      let piece = CoreDescription.Region(address: address, size: UInt64(bytes.count))
      for region in core.regions {
        guard let part = piece.clipped(to: region.address..<region.end) else { continue }
        let start = Int(part.address - address)
        let slice = UnsafeRawBufferPointer(rebasing: bytes[start..<start + Int(part.size)])
        let before = writer.byteCount
        let normal = try output { () throws(OutputError) in try writer.write(slice, at: part.address) }
        note(part, normalPages: UInt64(normal), bytesWritten: writer.byteCount)
        governor.account(writer.byteCount - before)
      }
    }
    let rom = Result { () throws(Failure) in
      try instant.bootROM.bytes.withUnsafeBytesThrowing { (bytes) throws(Failure) in
        try put(bytes, instant.bootROM.address)
      }
    }
    try rom.get()
    let buffer = instant.memory.makeBuffer()
    defer { buffer.deallocate() }
    while try instant.memory.takeNext(
      buffer: buffer,
      { (bytes, address) throws(Failure) in
        try put(bytes, address)
      })
    {
      guard state.mayGoOn else { return false }
    }
    guard state.advance(to: .completing) else { return false }
    release()
    instant.memory.letGo()
    try output { () throws(OutputError) in
      try writer.finish()
      try destination.synchronize()
    }
    guard state.commit() else { return false }
    try output { () throws(OutputError) in try destination.commit() }
    state.update { $0.transferred = writer.byteCount }
    return true
  }

  private func note(_ part: CoreDescription.Region, normalPages: UInt64, bytesWritten: UInt64) {
    var done: UInt64 = 0
    let pages = (part.address + part.size + 4095) / 4096 - part.address / 4096
    state.update { figures in
      figures.remaining -= min(part.size, figures.remaining)
      figures.normalPages += normalPages
      figures.zeroPages += pages - min(normalPages, pages)
      figures.transferred = bytesWritten
      done = figures.completed
    }
    progress(done)
  }

  /// Finds what a dump says about memory as a whole: the kernel's own description, and the virtual addresses. False when it
  /// was cancelled.
  private func lookThrough(_ instant: inout DumpInstant) throws(Failure) -> Bool {
    let memory = instant.memory
    let page = UnsafeMutableRawBufferPointer.allocate(byteCount: GuestMemory.pageSize, alignment: 16)
    defer { page.deallocate() }
    func read(_ address: UInt64, _ count: Int) -> [UInt8]? {
      var bytes: [UInt8] = []
      while bytes.count < count {
        guard memory.peek(at: address + UInt64(bytes.count), into: page) else { return nil }
        bytes += page.prefix(count - bytes.count)
      }
      return bytes
    }
    if let place = instant.givenNote, place.size <= GuestNote.sizeLimit {
      let offset = Int(place.address % UInt64(GuestMemory.pageSize))
      let start = place.address - UInt64(offset)
      if start <= UInt64.max - UInt64(offset + GuestNote.sizeLimit),
        let bytes = read(start, offset + Int(place.size)), let note = GuestNote(Array(bytes[offset...]))
      {
        instant.core.kernelInformation = note.kernelInformation
        // Once is enough.
        if note.kernelInformation == nil { instant.core.givenNote = note }
      }
    }
    let start = UnsafeMutableRawBufferPointer(rebasing: page[..<VMCoreInfo.headerSize])
    let pages = instant.core.kernelInformation == nil ? Int(memory.size / UInt64(GuestMemory.pageSize)) : 0
    for index in 0..<pages {
      if index % 4096 == 0, !state.mayGoOn { return false }
      let address = memory.base + UInt64(index * GuestMemory.pageSize)
      guard memory.peek(at: address, into: start) else { break }
      if let found = VMCoreInfo(pageStart: UnsafeRawBufferPointer(start), read: { read(address, $0) }) {
        instant.core.kernelInformation = found
        break
      }
    }
    // Debuggers of Linux look for the kernel's own addresses, and drgn 0.3.0 walks no page tables in an ELF core.
    let kernel = instant.core.kernelInformation
    if request.hasVirtualAddresses || kernel != nil {
      let walk = PageTableWalk(
        satp: instant.addressTranslation, tableLimit: Int(memory.size / UInt64(GuestMemory.pageSize))
      ) { read($0, GuestMemory.pageSize) }
      if let kernel { instant.core.systemName = systemName(kernel, walk.mappings, read) }
      if request.hasVirtualAddresses {
        instant.core.mappings = walk.mappings
        let isCutOff = walk.isCutOff
        state.update { $0.lacksMappings = isCutOff }
      } else {
        instant.core.mappings = walk.mappings.filter { $0.virtualAddress >= CoreDescription.kernelBase }
      }
    }
    return state.mayGoOn
  }

  /// What the kernel calls itself, if it says where that stands.
  private func systemName(
    _ kernel: VMCoreInfo, _ mappings: [CoreDescription.Mapping],
    _ read: (_ address: UInt64, _ count: Int) -> [UInt8]?
  ) -> SystemName? {
    guard let address = kernel.systemNameAddress, let release = kernel.value(of: "OSRELEASE") else {
      return nil
    }
    for mapping in mappings {
      guard let place = mapping.physicalAddress(of: address, count: UInt64(SystemName.byteCount)) else {
        continue
      }
      let page = UInt64(GuestMemory.pageSize)
      let inPage = Int(place % page)
      return read(place - place % page, inPage + SystemName.byteCount).flatMap {
        SystemName(Array($0.dropFirst(inPage)), release: release)
      }
    }
    return nil
  }

  private func output<Value>(_ body: () throws(OutputError) -> Value) throws(Failure) -> Value {
    do throws(OutputError) {
      return try body()
    } catch {
      throw .system(error.number, path: request.path, doing: error.doing)
    }
  }
}

extension [UInt8] {
  /// `withUnsafeBytes` with a typed error.
  fileprivate func withUnsafeBytesThrowing(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
  ) throws(Failure) {
    let result = withUnsafeBytes { bytes in Result { () throws(Failure) in try body(bytes) } }
    try result.get()
  }
}
