// swift-tools-version: 6.2
import PackageDescription

/// Every target is compiled the same way: Swift 6 mode, and a warning stops the build.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
]

/// What `rrtool --version` calls this build: the Makefile says, so that no file changes with every commit. SwiftPM knows the commit too
/// (`Context.gitInformation`), but keeps what it knew when this file was read last.
let commit = Context.environment["RRTOOL_COMMIT"] ?? "unknown"

/// The modules, lowest first. Arrows point down only; ARCHITECTURE.md draws them.
let package = Package(
  name: "rrtool",
  products: [
    .executable(name: "rrtool", targets: ["rrtool"])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0")
  ],
  targets: [
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CIsal", pkgConfig: "libisal", providers: [.apt(["libisal-dev"])]),
    .systemLibrary(name: "CDwarf", pkgConfig: "libdw", providers: [.apt(["libdw-dev"])]),
    .systemLibrary(name: "CSlirp", providers: [.apt(["libslirp-dev"])]),
    .target(name: "CBuild", cSettings: [.define("RRTOOL_COMMIT", to: "\"\(commit)\"")]),
    .target(name: "ByteCoding", dependencies: ["CZlib", "CZstd", "CIsal"], swiftSettings: settings),
    .target(name: "HostSystem", dependencies: ["ByteCoding"], swiftSettings: settings),
    .target(name: "Networking", dependencies: ["HostSystem", "CSlirp"], swiftSettings: settings),
    .target(name: "DiskImage", dependencies: ["ByteCoding", "HostSystem"], swiftSettings: settings),
    .target(name: "ReplayLog", dependencies: ["ByteCoding", "HostSystem"], swiftSettings: settings),
    .target(name: "Emulator", dependencies: ["ByteCoding", "HostSystem"], swiftSettings: settings),
    .target(name: "Symbols", dependencies: ["Emulator", "HostSystem", "CDwarf"], swiftSettings: settings),
    .target(name: "CoreDump", dependencies: ["ByteCoding", "HostSystem"], swiftSettings: settings),
    .target(
      name: "LinuxGuest", dependencies: ["Symbols", "CoreDump", "Emulator", "ByteCoding"],
      swiftSettings: settings),
    .target(
      name: "RecordingStore",
      dependencies: ["Emulator", "ReplayLog", "DiskImage", "ByteCoding", "HostSystem"],
      swiftSettings: settings),
    .target(
      name: "Execution",
      dependencies: [
        "RecordingStore", "Emulator", "ReplayLog", "DiskImage", "Networking", "ByteCoding", "HostSystem",
      ],
      swiftSettings: settings),
    .target(
      name: "TimeTravel",
      dependencies: [
        "Execution", "RecordingStore", "Emulator", "ReplayLog", "DiskImage", "ByteCoding", "HostSystem",
      ],
      swiftSettings: settings),
    .target(
      name: "GuestJobs",
      dependencies: [
        "TimeTravel", "Execution", "RecordingStore", "Emulator", "DiskImage", "CoreDump", "ByteCoding",
        "HostSystem",
      ],
      swiftSettings: settings),
    .target(
      name: "Tracing", dependencies: ["TimeTravel", "Execution", "Emulator", "HostSystem"],
      swiftSettings: settings),
    .target(
      name: "Inspection",
      dependencies: [
        "LinuxGuest", "Tracing", "TimeTravel", "Execution", "RecordingStore", "ReplayLog", "Emulator",
        "HostSystem",
      ],
      swiftSettings: settings),
    .target(
      name: "Monitor",
      dependencies: [
        "GuestJobs", "Execution", "RecordingStore", "Emulator", "CoreDump", "ByteCoding", "HostSystem",
      ],
      swiftSettings: settings),
    .target(name: "QEMUCommandLine", dependencies: ["ByteCoding"], swiftSettings: settings),
    .target(name: "GDBRemote", swiftSettings: settings),
    .target(
      name: "Debugging",
      dependencies: [
        "GDBRemote", "Inspection", "TimeTravel", "Execution", "RecordingStore", "ReplayLog", "Emulator",
        "HostSystem",
      ],
      swiftSettings: settings),
    .executableTarget(
      name: "rrtool",
      dependencies: [
        "Debugging", "GDBRemote", "QEMUCommandLine", "Inspection", "Monitor", "GuestJobs", "Tracing",
        "LinuxGuest", "Symbols", "TimeTravel", "Execution", "RecordingStore", "ReplayLog", "Emulator",
        "ByteCoding", "HostSystem", "CBuild",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings),

    // Tests, a target a module. TestSupport knows none of them; RunSupport has guests that are run and recorded.
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
    .target(
      name: "RunSupport",
      dependencies: [
        "TimeTravel", "Execution", "RecordingStore", "Emulator", "ReplayLog", "DiskImage", "ByteCoding",
        "HostSystem", "TestSupport",
      ],
      path: "Tests/RunSupport", swiftSettings: settings),
    .testTarget(
      name: "ByteCodingTests", dependencies: ["ByteCoding", "CZlib", "TestSupport"], swiftSettings: settings),
    .testTarget(
      name: "HostSystemTests", dependencies: ["HostSystem", "TestSupport"], swiftSettings: settings),
    .testTarget(
      name: "NetworkingTests", dependencies: ["Networking", "HostSystem", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "DiskImageTests", dependencies: ["DiskImage", "ByteCoding", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "ReplayLogTests", dependencies: ["ReplayLog", "ByteCoding", "TestSupport"],
      exclude: ["decode_log.py"],
      swiftSettings: settings),
    .testTarget(
      name: "EmulatorTests", dependencies: ["Emulator", "ByteCoding", "CZstd", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "SymbolsTests", dependencies: ["Symbols", "Emulator", "HostSystem", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "LinuxGuestTests",
      dependencies: ["LinuxGuest", "Symbols", "Emulator", "ByteCoding", "RunSupport", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "CoreDumpTests", dependencies: ["CoreDump", "HostSystem", "TestSupport"],
      exclude: ["read_core.py"],
      swiftSettings: settings),
    .testTarget(
      name: "RecordingStoreTests", dependencies: ["RecordingStore", "Emulator", "HostSystem"],
      swiftSettings: settings),
    .testTarget(
      name: "ExecutionTests",
      dependencies: [
        "Execution", "RecordingStore", "Emulator", "ReplayLog", "DiskImage", "ByteCoding", "HostSystem",
        "RunSupport", "TestSupport",
      ],
      swiftSettings: settings),
    .testTarget(
      name: "TimeTravelTests",
      dependencies: [
        "TimeTravel", "Execution", "RecordingStore", "Emulator", "ReplayLog", "DiskImage", "ByteCoding",
        "HostSystem", "RunSupport", "TestSupport",
      ],
      swiftSettings: settings),
    .testTarget(
      name: "GuestJobsTests",
      dependencies: [
        "GuestJobs", "TimeTravel", "Execution", "RecordingStore", "Emulator", "ReplayLog", "DiskImage",
        "CoreDump", "HostSystem", "RunSupport", "TestSupport",
      ],
      swiftSettings: settings),
    .testTarget(
      name: "InspectionTests",
      dependencies: ["Inspection", "RecordingStore", "ReplayLog", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "MonitorTests",
      dependencies: ["Monitor", "GuestJobs", "Execution", "ByteCoding", "HostSystem", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "QEMUCommandLineTests", dependencies: ["QEMUCommandLine", "TestSupport"], swiftSettings: settings),
    .testTarget(
      name: "GDBRemoteTests", dependencies: ["GDBRemote", "TestSupport"], swiftSettings: settings),
    .testTarget(
      name: "DebuggingTests", dependencies: ["Debugging", "GDBRemote"], swiftSettings: settings),
    .testTarget(
      name: "ConformanceTests", dependencies: ["Emulator", "TestSupport"], swiftSettings: settings),
    .target(
      name: "FuzzTargets",
      dependencies: [
        "Monitor", "GDBRemote", "Inspection", "GuestJobs", "Execution", "RecordingStore", "Networking",
        "Symbols",
        "Emulator", "ReplayLog",
        "DiskImage", "ByteCoding", "HostSystem", "TestSupport",
      ],
      path: "Tests/FuzzTargets", swiftSettings: settings),
    .testTarget(name: "FuzzTests", dependencies: ["FuzzTargets"], swiftSettings: settings),
    .testTarget(name: "ArchitectureTests", swiftSettings: settings),
    .testTarget(
      name: "EndToEndTests", dependencies: ["rrtool", "TestSupport"],
      exclude: [
        "check_schema.py", "colours_on_terminal.py", "complete_on_terminal.py", "debug_on_terminal.py",
        "dump_on_terminal.py", "keys_on_terminal.py", "mi_session.py", "qmp_session.py", "terminal.py",
      ],
      swiftSettings: settings),
  ]
)

// `make fuzz` alone: its program has no meaning without libFuzzer, which it is linked with there.
if Context.environment["RRTOOL_FUZZ"] != nil {
  package.targets += [
    .systemLibrary(name: "CLibFuzzer", path: "Tests/CLibFuzzer"),
    .executableTarget(
      name: "Fuzz", dependencies: ["FuzzTargets", "CLibFuzzer"], path: "Tests/Fuzz", swiftSettings: settings),
  ]
}
