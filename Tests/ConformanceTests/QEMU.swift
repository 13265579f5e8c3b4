// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

/// Debian's QEMU as an oracle.
enum QEMU {
  static let executable = "/usr/bin/qemu-system-riscv64"
  /// One of version 10 or later, for what 7.2 does not have.
  static let newer = ProcessInfo.processInfo.environment["RRTOOL_NEWER_QEMU"]
  static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: executable) }

  /// The same extensions as ours, and no others.
  static func processor(_ repertoire: Repertoire) -> String {
    guard repertoire.isModel else {
      let halves = repertoire.extensions.contains(.zfh) ? ",Zfh=on,Zfhmin=on" : ""
      return "rv64,zba=on,zbb=on,zbc=off,zbs=on,h=off" + halves
    }
    switch repertoire.processor {
    case .rv64: return "rv64,h=off"
    case .rva22s64: return "rva22s64,pmp=on,sstc=on"
    case .max: return (["max"] + lacking.map { "\($0)=off" }).joined(separator: ",")
    }
  }

  /// What its `max` has and ours has not.
  private static let lacking = [
    "h", "smaia", "ssaia", "smcntrpmf", "smctr", "ssctr", "smepmp", "smstateen", "smcsrind", "sscsrind",
    "smcdeleg", "ssccfg", "smnpm", "ssnpm", "smmpm", "supm", "sspm", "smdbltrp", "ssdbltrp", "smrnmi",
    "zicfilp", "zicfiss", "zama16b", "zfbfmin", "zbkb", "zbkc", "zbkx", "zk", "zkn", "zknd", "zkne", "zknh",
    "zkr", "zks", "zksed", "zksh", "v", "zve32f", "zve32x", "zve64d", "zve64f", "zve64x", "zvfh", "zvfhmin",
    "zvfbfmin", "zvfbfwma", "zvbb", "zvbc", "zvkb", "zvkg", "zvkn", "zvknc", "zvkned", "zvkng", "zvknha",
    "zvknhb", "zvks", "zvksc", "zvksed", "zvksg", "zvksh", "zvkt",
  ]

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// Runs a flat image in M mode until it switches the board off, and gives RAM at the end. RAM is a file that QEMU maps,
  /// so nothing need come out through a device.
  ///
  /// It has two harts, and the image must stop the second one: with one hart, QEMU 7.2 breaks atomic operations up into a
  /// load and a store, and a faulting or misaligned one reports the load's cause instead of its own.
  static func run(
    _ repertoire: Repertoire, image: [UInt8], memorySize: UInt64, seconds: Int
  ) throws -> Data {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "rrtool-conformance-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let bios = folder.appending(path: "image")
    let memory = folder.appending(path: "memory")
    try Data(image).write(to: bios)

    // A wrong program may never end.
    let result = try runProgram(
      [
        repertoire.isModel ? newer ?? executable : executable, "-M", "virt,memory-backend=ram", "-cpu",
        processor(repertoire), "-smp", "2", "-m",
        "\(memorySize >> 20)M", "-object",
        "memory-backend-file,id=ram,size=\(memorySize),mem-path=\(memory.path),share=on", "-bios", bios.path,
        "-display", "none", "-serial", "none", "-monitor", "none",
      ], seconds: seconds)
    guard result.status == 0 else {
      throw Failure(description: "QEMU ended with \(result.status): \(result.errors)")
    }
    return try Data(contentsOf: memory, options: .alwaysMapped)
  }
}
