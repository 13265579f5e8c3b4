// SPDX-License-Identifier: Apache-2.0

import Emulator
import Foundation
import Testing

/// Plans on the real machine: the same small kernel on the built-in SBI and on OpenSBI, and a program in M mode.
@Suite struct BootMachineTests {
  private static let openSBI = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin"

  /// Prints "ok" through the legacy console call and switches the machine off through the legacy shutdown.
  private static var kernel: [UInt8] {
    let code: [UInt32] = [
      0x0010_0893,  // li a7, 1
      0x06f0_0513,  // li a0, 'o'
      0x0000_0073,  // ecall
      0x06b0_0513,  // li a0, 'k'
      0x0000_0073,  // ecall
      0x0080_0893,  // li a7, 8
      0x0000_0073,  // ecall
      0x0000_006f,  // j .
    ]
    let jumpOverHeader: [UInt8] = [0x6f, 0x00, 0xc0, 0x03]  // j 64, from offset 4
    let bytes = code.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
    let image = BootTestFiles.image(isEFI: false)
    return BootTestFiles.patch(BootTestFiles.patch(image, at: 4, jumpOverHeader), at: 64, bytes)
  }

  private func machine(_ images: BootImages, _ host: FirmwareTestHost, harts: Int = 1) throws -> Machine {
    let configuration = MachineConfiguration(
      memorySize: 16 << 20, hartCount: harts, shift: 3, drives: [])
    let plan = try BootPlan(images: images, configuration: configuration)
    return Machine(configuration: configuration, plan: plan, gate: host)
  }

  private func output(_ host: FirmwareTestHost) -> String {
    host.takeEffects().map {
      if case .output(let bytes) = $0 { String(decoding: bytes, as: UTF8.self) } else { "\($0)" }
    }.joined()
  }

  @Test func startsAProgramInMachineMode() throws {
    let program = BootTestFiles.elf(
      segments: [.init(address: 0x8000_0000, bytes: [0x6f, 0, 0, 0, 0x6f, 0, 0, 0])], entry: 0x8000_0004)
    let machine = try machine(BootImages(bios: program), FirmwareTestHost(), harts: 2)
    #expect(machine.programCounter(hart: 0) == 0x1000)
    #expect(machine.run(until: 20_000) == .position)
    for hart in 0...1 { #expect(machine.programCounter(hart: hart) == 0x8000_0004) }
  }

  @Test func startsAKernelOnTheBuiltInSBI() throws {
    let host = FirmwareTestHost()
    let machine = try machine(BootImages(kernel: Self.kernel), host, harts: 2)
    #expect(machine.programCounter(hart: 0) == 0x8020_0000)
    #expect(machine.run(until: 1000) == .poweredOff(status: 0))
    #expect(output(host) == "ok")
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: openSBI)), .timeLimit(.minutes(5)))
  func startsAKernelOnOpenSBI() throws {
    let host = FirmwareTestHost()
    let firmware = try Array(Data(contentsOf: URL(fileURLWithPath: Self.openSBI)))
    let machine = try machine(BootImages(bios: firmware, kernel: Self.kernel), host)
    #expect(machine.run(until: 50_000_000) == .poweredOff(status: 0))
    let text = output(host)
    #expect(text.contains("OpenSBI v"))
    #expect(text.contains("Domain0 Next Address") && text.contains("0x0000000080200000"))
    #expect(text.hasSuffix("ok"))
  }
}
