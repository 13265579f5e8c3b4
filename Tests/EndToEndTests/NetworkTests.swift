// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Debian's kernel with a network (fixtures/debian/make-network), against a web server, ssh and another machine of ours.
@Suite struct NetworkTests {
  private static let folder = Place.project.appending(path: ".scratch/debian")

  private func options(_ words: String) throws -> [String] {
    let archive = Self.folder.appending(path: "network/initrd-network.gz").path
    try #require(
      FileManager.default.fileExists(atPath: archive),
      "the guest with a network is missing: run 'make test', or fixtures/debian/make-network")
    return [
      "--kernel", Self.folder.appending(path: "vmlinuz").path, "--initrd", archive, "--append",
      "console=ttyS0 quiet \(words)",
    ]
  }

  /// A web server of this machine alone, which says the port that it has.
  private func serve(_ scratch: Scratch, byteCount: Int) throws -> (
    server: HostProgram, port: String, digest: String
  ) {
    var random = SeededGenerator(seed: 64)
    let content = (0..<byteCount / 8).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }
    try FileManager.default.createDirectory(atPath: scratch.path("www"), withIntermediateDirectories: true)
    try Data(content).write(to: URL(filePath: scratch.path("www/file")))
    let script = """
      import functools, hashlib, http.server, sys
      handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
      server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
      digest = hashlib.sha256(open(sys.argv[1] + "/file", "rb").read()).hexdigest()
      print("SERVING", server.server_port, digest, "READY", flush=True)
      server.serve_forever()
      """
    let server = try scratch.start(["python3", "-c", script, scratch.path("www")])
    try server.wait(for: "READY")
    let words = try server.outputSoFar().split(separator: " ").map(String.init)
    return (server, words[1], words[2])
  }

  /// A port that nobody has, now.
  private func freePort() throws -> String {
    try runProgram([
      "python3", "-c",
      "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])",
    ])
    .text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Modern and legacy, recorded; replayed where there is no network, without a system call that makes a socket.
  @Test(arguments: ["modern", "legacy"]) func aDownloadReplaysWithoutANetwork(virtio: String) throws {
    let scratch = try Scratch()
    let (server, port, digest) = try serve(scratch, byteCount: 8 << 20)
    let recorded = try scratch.rrtool(
      ["record", "-o", scratch.path("run.rr"), "--virtio", virtio, "--net", "user,host-loopback=on"]
        + options("net.dhcp net.ping=10.0.2.2 net.get=http://10.0.2.2:\(port)/file"), seconds: 600)
    #expect(recorded.status == 0, "\(recorded.errors)")
    #expect(recorded.text.contains("address=10.0.2.15/24 router=10.0.2.2 dns=10.0.2.3"))
    #expect(recorded.text.contains("received=3 of 3"))
    #expect(recorded.text.contains("GOT sha256=\(digest)"), "\(recorded.text.suffix(1000))")
    let log =
      try FileManager.default.attributesOfItem(atPath: scratch.path("run.rr/replay.log"))[.size] as? Int
    let limit = 8_808_038 + 300_000
    #expect(log.map { $0 < limit } == true, "1.05 of the payload, and what the boot takes")
    server.send(SIGKILL)
    // In a network of its own, which has nothing, where the host lets a test make one.
    let alone = try scratch.run(
      [
        "sh", "-c", "unshare --net --map-root-user \"$@\" || exec \"$@\"", "-", Place.tool.path, "replay",
        scratch.path("run.rr"),
      ],
      seconds: 600)
    #expect(alone.status == 0 && alone.output == recorded.output, "\(alone.errors)")
    #expect(alone.errors.contains("the same as recorded"))
  }

  /// A replay makes no socket, and asks the host's network for nothing.
  @Test func aReplayMakesNoSystemCallOfTheNetworks() throws {
    let scratch = try Scratch()
    let recorded = try scratch.rrtool(
      ["record", "-o", scratch.path("run.rr"), "--net", "user"] + options("net.dhcp net.ping=10.0.2.2"),
      seconds: 600)
    try #require(recorded.status == 0 && recorded.text.contains("received=3 of 3"), "\(recorded.everything)")
    let watched = try scratch.run(
      [
        "strace", "-f", "-o", scratch.path("calls"), "-e", "trace=network,execve", Place.tool.path, "replay",
        scratch.path("run.rr"),
      ],
      seconds: 600)
    #expect(watched.status == 0 && watched.output == recorded.output, "\(watched.errors)")
    let calls = String(decoding: try scratch.bytes("calls"), as: UTF8.self).split(separator: "\n")
      .filter { !$0.contains("+++") && !$0.contains("---") }
    #expect(calls.count == 1 && calls[0].contains("execve"), "\(calls.prefix(5))")
  }

  /// Who connects while the guest starts is answered soon after its daemon listens, and by it.
  @Test func anEarlyConnectionIsAnsweredInTime() throws {
    let scratch = try Scratch()
    let port = try freePort()
    let guest = try scratch.start(
      [Place.tool.path, "record", "-o", scratch.path("run.rr"), "--net", "user,hostfwd=tcp::\(port)-:22"]
        + options("net.dhcp net.wait=3 net.serve"))
    let configuration = Self.folder.appending(path: "network/ssh_config").path
    let said = try scratch.run(
      [
        "ssh", "-F", configuration, "-p", port, "-o", "ConnectTimeout=120", "-o", "ConnectionAttempts=30",
        "guest", "cut -d ' ' -f 1 /proc/uptime; poweroff",
      ],
      seconds: 120)
    let recorded = try guest.waitForResult()
    // In the guest's own seconds, which do not depend on how busy the host is.
    let serving = try #require(recorded.text.firstMatch(of: #/\[([0-9.]+)\] SERVING/#)).1
    let answered = try #require(said.lines.first.flatMap(Double.init), "\(said.everything)")
    let listening = try #require(Double(serving))
    #expect(answered - listening < 3, "with all of ssh's keys; libslirp alone takes up to 12")
    try scratch.expectReplay("run.rr", equals: recorded)
  }

  /// Only the digests of what the guest sent are kept, and that is enough to compare.
  @Test func digestsOfWhatIsSentAreEnough() throws {
    let scratch = try Scratch()
    let recorded = try scratch.rrtool(
      [
        "record", "-o", scratch.path("run.rr"), "--smp", "2", "--icount", "sleep=off", "--netdev",
        "user,id=n,log=digest",
      ]
        + ["--device", "virtio-net-device,netdev=n,host_mtu=1400"] + options("net.dhcp net.ping=10.0.2.2"),
      seconds: 600)
    #expect(
      recorded.status == 0 && recorded.text.contains("received=3 of 3"), "\(recorded.everything.suffix(1000))"
    )
    #expect(recorded.text.contains("mtu=1400"))
    try scratch.expectReplay("run.rr", equals: recorded)
  }

  @Test func sshComesInAndIsReplayed() throws {
    let scratch = try Scratch()
    let port = try freePort()
    let guest = try scratch.start(
      [Place.tool.path, "record", "-o", scratch.path("run.rr"), "--net", "user,hostfwd=tcp::\(port)-:22"]
        + options("net.dhcp net.serve"))
    try guest.wait(for: "SERVING ssh=22")
    let configuration = Self.folder.appending(path: "network/ssh_config").path
    let ssh = ["ssh", "-F", configuration, "-p", port, "guest"]
    let said = try scratch.run(ssh + ["uname -s; echo $((6 * 7)) > /tmp/answer"], seconds: 120)
    #expect(said.text == "Linux\n", "\(said.errors)")
    let copied = try scratch.run(
      ["scp", "-F", configuration, "-P", port, "guest:/tmp/answer", scratch.path("answer")], seconds: 120)
    #expect(copied.status == 0, "\(copied.errors)")
    #expect(try scratch.bytes("answer") == Array("42\n".utf8))
    _ = try scratch.run(ssh + ["poweroff"], seconds: 120)
    let recorded = try guest.waitForResult()
    #expect(recorded.status == 0, "\(recorded.errors)")
    try scratch.expectReplay("run.rr", equals: recorded)
  }

  /// Two machines on one wire: both are recorded, and each replays alone.
  @Test func twoMachinesPingEachOther() throws {
    let scratch = try Scratch()
    func start(_ name: String, _ last: Int, _ peer: Int, server: String) throws -> HostProgram {
      try scratch.start(
        [
          Place.tool.path, "record", "-o", scratch.path(name), "--netdev",
          "stream,id=n,path=\(scratch.path("wire"))\(server),delay=2ms,jitter=1ms,seed=3", "--device",
          "virtio-net-device,netdev=n,mac=02:00:00:00:00:0\(last)",
        ] + options("net.static=10.1.1.\(last)/24 net.ping=10.1.1.\(peer),5,1000 net.wait=3"))
    }
    let one = try start("one.rr", 1, 2, server: ",server=on")
    let two = try start("two.rr", 2, 1, server: "")
    for (name, program) in [("one.rr", one), ("two.rr", two)] {
      let recorded = try program.waitForResult()
      #expect(
        recorded.status == 0 && recorded.text.contains("received=5 of 5"),
        "\(recorded.everything.suffix(1000))")
      try scratch.expectReplay(name, equals: recorded)
    }
  }

  /// What cannot be is one line, before the guest runs.
  @Test func whatCannotBeOpenedIsOneLine() throws {
    let scratch = try Scratch()
    let port = try freePort()
    let listener = try scratch.start([
      "python3", "-c",
      "import socket, time; s = socket.socket(); s.bind(('127.0.0.1', \(port))); s.listen(); print('READY', flush=True); time.sleep(99)",
    ])
    try listener.wait(for: "READY")
    _ = try scratch.file("taken", [1])
    let bios = ["--bios", Place.guest("hello")]
    for (network, words) in [
      (
        ["--net", "user,hostfwd=tcp::\(port)-:22"],
        "hostfwd=tcp:127.0.0.1:\(port): cannot listen there: Address already in use"
      ),
      (["--net", "user,net=10.0.2.0/24,host=10.9.9.9"], "host=10.9.9.9 is not in the network"),
      (["--net", "tap"], "'tap' is no network that rrtool has"),
      (
        [
          "--netdev", "stream,id=n,path=\(scratch.path("taken")),server=on", "--device",
          "virtio-net-device,netdev=n",
        ], "cannot listen there"
      ),
      (["--netdev", "user,id=n"], "leads to no network card"),
    ] {
      let refused = try scratch.rrtool(["run"] + bios + network)
      #expect(
        refused.status != 0 && refused.output.isEmpty && refused.errors.contains(words), "\(refused.errors)")
      #expect(refused.errors.split(separator: "\n").count == 1, "\(refused.errors)")
    }
    let drives = (0..<7).flatMap { _ in ["--drive", "file=\(scratch.path("taken"))"] }
    let full = try scratch.rrtool(["run"] + bios + drives + ["--net", "user"])
    #expect(full.errors.contains("7 drives are not possible beside 1 network card"), "\(full.errors)")
  }

  /// A replay that is left is connected anew, or not at all, and says so.
  @Test func aReplayThatIsLeftHasAnotherNetwork() throws {
    let scratch = try Scratch()
    let recorded = try scratch.rrtool(
      ["record", "-o", scratch.path("run.rr"), "--net", "user"]
        + options("net.watch net.dhcp net.wait=2 net.ping=10.0.2.2"), seconds: 600)
    try #require(recorded.status == 0 && recorded.text.contains("received=3 of 3"), "\(recorded.everything)")
    for (network, pinged) in [(["--net", "user"], true), ([], false)] {
      let left = try scratch.rrtool(
        ["replay", scratch.path("run.rr"), "--to", "85%", "--live", "--serial", "null"] + network,
        seconds: 600)
      #expect(
        left.errors.contains(pinged ? "its links go down and come up again" : "its links go down;"),
        "\(left.errors)")
    }
    let wrong = try scratch.rrtool(
      ["replay", scratch.path("run.rr"), "--to", "85%", "--live", "--net", "user", "--net", "user"],
      seconds: 600)
    #expect(wrong.status != 0 && wrong.errors.contains("only 1 network card"), "\(wrong.errors)")
  }
}
