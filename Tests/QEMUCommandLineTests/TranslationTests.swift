// SPDX-License-Identifier: Apache-2.0

import QEMUCommandLine
import TestSupport
import Testing

@Suite struct TranslationTests {
  /// What a line means, without its first words.
  private func translate(
    _ line: String, verb: Translation.Verb? = nil, leavesOut: Bool = false, own: [String] = []
  ) -> Translation {
    var request = Translator.Request(verb: verb)
    request.leavesOut = leavesOut
    request.ownWords = own
    return Translator.translate(Shell.words("qemu-system-riscv64 -M virt -kernel k " + line), request)
  }

  /// Lines beside what becomes of them, behind `rrtool run --kernel k`.
  @Test(
    arguments: [
      ("", "--memory 128M"), ("-m 2G", "--memory 2G"), ("-m 512", "--memory 512M"),
      ("-m size=1.5G", "--memory 1536M"),
      ("-m 0", "--memory 128M"), ("-m 513K", "--memory 2M"), ("-m 1.9G", "--memory 1946M"),
      ("-m 64M -m 32", "--memory 32M"), ("--m=64M -m 64M", nil),
      ("-smp 4", "--memory 128M --smp 4"), ("-smp cores=2,sockets=2", "--memory 128M --smp 4"),
      ("-smp 1", "--memory 128M"),
      ("-cpu max", "--memory 128M --cpu max"), ("-cpu rv64,v=false,h=off,zba=true", "--memory 128M"),
      ("-cpu rv64,v=true", nil),
      ("-cpu rv64,svpbmt=on", nil), ("-cpu sifive-u54", nil), ("-cpu help", nil),
      ("-initrd 'my initrd' -append 'a b'", "--initrd 'my initrd' --append 'a b' --memory 128M"),
      ("-append --x", "--append=--x --memory 128M"), ("-append ''", "--memory 128M"),
      ("-dtb t.dtb", "--dtb t.dtb --memory 128M"),
      ("-bios none -m 16", "--bios none --memory 16M"),
      (
        "-drive file=a.img,if=none,id=a -device virtio-blk-device,drive=a",
        "--memory 128M --virtio legacy --drive file=a.img"
      ),
      (
        "-global virtio-mmio.force-legacy=false -device virtio-blk-device,drive=a -drive if=none,id=a,file=a,,b,format=raw,readonly=on",
        "--memory 128M --drive file=a,,b,format=raw,readonly=on"
      ),
      (
        "-global driver=virtio-mmio,property=force-legacy,value=off -device virtio-rng-device",
        "--memory 128M"
      ),
      ("-drive file=a.img,format=raw", "--memory 128M --drive file=a.img,format=raw"),
      ("-hda a.img", "--memory 128M --drive file=a.img"),
      ("a.img", "--memory 128M --drive file=a.img"),
      ("-cdrom a.iso", "--memory 128M --drive file=a.iso,readonly=on"),
      ("-device virtio-blk-device,drive=a", nil), ("-device virtio-blk-device", nil),
      ("-drive if=ide,file=a", nil),
      ("-drive file=a,colour=red", nil), ("-drive file=a,format=vmdk", nil), ("-drive if=none,id=a", nil),
      ("-device virtio-net-device", nil), ("-device virtio-blk-pci,drive=a", nil),
      ("-nic user", "--memory 128M --net user"), ("-nic tap", nil), ("-nic user,model=e1000", nil),
      (
        "-nic user,mac=02:00:00:00:00:01,hostfwd=tcp::22-:22",
        "--memory 128M --netdev user,id=nic0,hostfwd=tcp::22-:22 --device virtio-net-device,netdev=nic0,mac=02:00:00:00:00:01"
      ),
      (
        "-netdev user,id=n,restrict=on -device virtio-net-device,netdev=n,mac=02:00:00:00:00:01,id=x",
        "--memory 128M --virtio legacy --netdev user,id=n,restrict=on --device virtio-net-device,netdev=n,mac=02:00:00:00:00:01"
      ),
      (
        "-netdev stream,id=n,addr.type=unix,addr.path=s,server=on -device virtio-net,netdev=n",
        "--memory 128M --virtio legacy --netdev stream,id=n,addr.type=unix,addr.path=s,server=on --device virtio-net-device,netdev=n"
      ),
      ("-netdev tap,id=n -device virtio-net-device,netdev=n", nil),
      ("-device virtio-net-device,netdev=n", nil),
      ("-nic none", "--memory 128M"),
      ("-net none -net nic -net user", "--memory 128M"), ("-netdev user,id=n", "--memory 128M"),
      ("-device loader,file=x", nil),
      (
        "-drive file=a,if=none,id=i,snapshot=on -drive driver=blkreplay,if=none,image=i,id=r -device virtio-blk-device,drive=r",
        "--memory 128M --virtio legacy --drive file=a"
      ),
      (
        "-blockdev driver=file,node-name=f,filename=a.qcow2 -blockdev qcow2,node-name=q,file=f -device virtio-blk-device,drive=q",
        "--memory 128M --virtio legacy --drive file=a.qcow2,format=qcow2"
      ),
      (
        "-blockdev '{\"driver\":\"raw\",\"node-name\":\"q\",\"read-only\":true,\"file\":{\"driver\":\"file\",\"filename\":\"a\"}}' "
          + "-device '{\"driver\":\"virtio-blk-device\",\"drive\":\"q\"}'",
        "--memory 128M --virtio legacy --drive file=a,format=raw,readonly=on"
      ),
      ("-pflash c.fd", "--memory 128M --pflash c.fd"),
      (
        "-drive if=pflash,unit=1,file=v -drive if=pflash,unit=0,file=c,readonly=on",
        "--memory 128M --pflash c,readonly=on --pflash v"
      ),
      ("-drive if=pflash,unit=1,file=v", nil), ("-pflash a -pflash b -pflash c", nil), ("-M pflash0=x", nil),
      ("-serial stdio -nographic -display none", "--memory 128M"),
      ("-serial mon:stdio -serial null", "--memory 128M"),
      ("-serial stdio,signal=off", "--memory 128M --serial stdio,signal=off"),
      ("-chardev stdio,id=c,signal=off -serial chardev:c", "--memory 128M --serial stdio,signal=off"),
      ("-serial none", "--memory 128M --serial null"), ("-nodefaults", "--memory 128M --serial null"),
      ("-serial file:a", "--memory 128M --serial file:a"),
      ("-serial unix:s,server=on,wait=off", "--memory 128M --serial unix:s"),
      ("-serial unix:s", nil), ("-serial tcp::4444,server", nil), ("-serial pty", nil),
      ("-serial chardev:none", nil),
      ("-chardev socket,id=c,path=s,server=on,wait=off -serial chardev:c", "--memory 128M --serial unix:s"),
      ("-qmp unix:q,server,nowait", "--memory 128M --qmp unix:q"), ("-qmp tcp::1,server", nil),
      ("-monitor none", "--memory 128M"),
      (
        "-chardev socket,id=c,path=q,server=on,wait=off -mon chardev=c,mode=control",
        "--memory 128M --qmp unix:q"
      ),
      ("-monitor unix:m,server,nowait", "--memory 128M --qmp unix:m"),
      ("-device virtio-serial-device -device virtconsole", "--memory 128M --virtio legacy --virtio-console"),
      (
        "-serial none -chardev stdio,id=c -device virtio-serial-device -device virtconsole,chardev=c",
        "--memory 128M --virtio legacy --virtio-console"
      ),
      ("-s", "--memory 128M --gdb tcp:1234"), ("-s -S", "--memory 128M --gdb tcp:1234 --paused"),
      ("-S", "--memory 128M --paused"),
      ("-semihosting", "--memory 128M --semihosting"),
      ("-semihosting-config enable=on,target=native", "--memory 128M --semihosting"),
      ("-semihosting-config target=gdb", nil),
      ("-semihosting-config arg=a", nil), ("-icount 5,sleep=off", "--memory 128M --icount shift=5,sleep=off"),
      ("-icount shift=auto", "--memory 128M"), ("-icount shift=11", nil), ("-icount rr=later", nil),
      ("-icount shift=1,rrfile=f", nil),
      ("-rtc base=utc", "--memory 128M"), ("-rtc base=localtime", nil),
      ("-M virt,aclint=on", "--memory 128M"), ("-M virt,aia=aplic", nil),
      ("-M virt,dumpdtb=t", "--memory 128M --dump-dtb t"), ("-M sifive_u", nil), ("-M virt,x=y", nil),
      ("-no-reboot -name a", "--memory 128M --no-reboot"),
      ("-action reboot=shutdown,panic=none", "--memory 128M --no-reboot"),
      ("-action reboot=reset -action shutdown=pause", "--memory 128M"),
      ("-action reboot=bogus", nil), ("-action panic=reset", nil), ("-gdb none", "--memory 128M"),
      ("-accel tcg,thread=single", "--memory 128M"), ("-enable-kvm", "--memory 128M"), ("-frob", nil),
      ("-m", nil), ("-loadvm a", nil),
      ("-smp 0", nil), ("-smp 2,dies=2", nil), ("-smp 3,sockets=2", nil), ("-m lots", nil), ("-m 1.5", nil),
      ("-uuid 1", nil),
      ("-device nvme,drive=a", nil), ("-fw_cfg a", nil), ("-device vmcoreinfo", "--memory 128M"), ("-h", nil),
      ("-machine help", nil), ("-device help", nil), ("-device virtio-blk-device,help", nil), ("-cpu ?", nil),
      ("-accel help", nil), ("-d help", nil), ("-name help", "--memory 128M"),
      ("-m 64M ;", "--memory 64M"), ("-m 64M &", "--memory 64M"), ("-nographic;", "--memory 128M"),
      ("-m 64M '  ' '\\'", "--memory 64M"), ("-m 64M | tee", nil), ("-m 64M > log", nil),
      ("-m 64M && ls -l", nil),
    ] as [(String, String?)])
  func becomes(line: String, expected: String?) {
    let translation = translate(line)
    guard let expected else {
      #expect(!translation.refusals.isEmpty, "\(line): \(translation.line)")
      return
    }
    #expect(translation.refusals == [], "\(line)")
    let words = Shell.words(translation.line)
    #expect(words == ["rrtool"] + translation.arguments, "\(line) is quoted wrongly: \(translation.line)")
    // The kernel and the bios stand in front.
    let bios = line.contains("-bios none") ? "--bios none " : ""
    let rest = expected.replacing("--bios none ", with: "")
    #expect(translation.line == "rrtool run \(bios)--kernel k \(rest)", "\(line)")
  }

  /// What stands around it in a shell is left out, with a line, or refused in one.
  @Test func whatAShellWouldDoIsLeftOut() {
    let line = ["qemu-system-riscv64", "-M", "virt", "-kernel", "k"]
    for prefix in [
      ["sudo"], ["FOO=1"], ["env", "X=1", "Y=a b"], ["nice", "-n", "5"], ["time"], ["$"],
      ["sudo", "-E", "nice"],
    ] {
      for program in ["qemu-system-riscv64", "/usr/local/bin/qemu-system-riscv64"] {
        let translation = Translator.translate(prefix + [program] + line.dropFirst(), .init())
        #expect(translation.refusals == [] && translation.line == "rrtool run --kernel k --memory 128M")
        #expect(
          translation.notes.count == 1
            && translation.notes[0].hasPrefix("'\(prefix.joined(separator: " "))': left out"))
      }
    }
    for end in [[";"], ["&"], ["&", ";"]] {
      let translation = Translator.translate(line + end, .init())
      #expect(translation.refusals == [] && translation.notes.count == end.count)
    }
    for wrong in [
      [line.joined(separator: " ")], line + ["|", "less"], ["sudo", "ls"], ["make", "qemu"],
      ["cd", "d", "&&"] + line,
    ] {
      #expect(Translator.translate(wrong, .init()).refusals.count == 1, "\(wrong)")
    }
    // A text is a text.
    #expect(Translator.translate(line + ["-append", "a;"], .init()).line.contains("--append 'a;'"))
    #expect(Translator.translate(line + ["-append", "help"], .init()).line.contains("--append help"))
  }

  /// rrtool's own words count more, and nothing is there twice.
  @Test func nothingIsSaidTwice() {
    for (line, own, expected) in [
      ("-m 2G -smp 2", ["--memory", "1G"], "rrtool run --kernel k --smp 2 --memory 1G"),
      ("-m 2G", ["--memory=1G"], "rrtool run --kernel k --memory=1G"),
      ("-append --x", ["--append", "y"], "rrtool run --kernel k --memory 128M --append y"),
      (
        "-icount rr=record,rrfile=a", ["--force", "-o", "b.rr"],
        "rrtool record --kernel k --memory 128M --force -o b.rr"
      ),
      (
        "-icount rr=record,rrfile=a", ["--output=b.rr"],
        "rrtool record --kernel k --memory 128M --force --output=b.rr"
      ),
      (
        "-serial null -S", ["--serial", "stdio", "--paused"],
        "rrtool run --kernel k --memory 128M --serial stdio --paused"
      ),
      ("-hda a", ["--drive", "file=b"], "rrtool run --kernel k --memory 128M --drive file=a --drive file=b"),
    ] {
      #expect(translate(line, own: own).line == expected)
    }
  }

  @Test func slotsThatAreAskedForSayTheOrder() {
    let disks = "-drive file=a,if=none,id=a -drive file=b,if=none,id=b "
    #expect(
      translate(disks + "-device virtio-blk-device,drive=b -device virtio-blk-device,drive=a").line.hasSuffix(
        "--drive file=b --drive file=a"))
    let asked = translate(
      disks
        + "-device virtio-blk-device,drive=b,bus=virtio-mmio-bus.1 -device virtio-blk-device,drive=a,bus=virtio-mmio-bus.0"
    )
    #expect(asked.line.hasSuffix("--drive file=a --drive file=b"))
    #expect(asked.notes.contains { $0.contains("vda") })
    let single = translate(
      "-drive file=a,if=none,id=a -device virtio-blk-device,drive=a,bus=virtio-mmio-bus.3")
    #expect(single.notes.contains { $0.contains("slot 0") && $0.contains("0x10001000") })
    #expect(translate(disks + "-device virtio-blk-device,drive=a,bus=virtio-mmio-bus.8").refusals.count == 1)
    let two = translate(
      disks
        + "-device virtio-blk-device,drive=b,bus=virtio-mmio-bus.1 -device virtio-blk-device,drive=a,bus=virtio-mmio-bus.1"
    )
    #expect(two.refusals.count == 1)
  }

  @Test func recordAndReplayAreWhatTheLineSays() {
    let options = "-icount shift=7,rr=record,rrfile=run.bin,rrsnapshot=init"
    #expect(
      translate(options).line
        == "rrtool record --kernel k --memory 128M --icount shift=7,rrsnapshot=init -o run.bin.rr --force")
    #expect(
      translate("-icount shift=7,rr=replay,rrfile=run.bin,rrsnapshot=init -device virtio-net-device").line
        == "rrtool replay run.bin.rr --from init")
    #expect(translate("-icount rr=replay,rrfile=run.rr -s -S").line == "rrtool replay run.rr --gdb tcp:1234")
    #expect(translate("-icount rr=replay -gdb tcp:far:1").refusals.count == 1)
    #expect(translate("-icount rr=replay", verb: .record).refusals.count == 1)
    #expect(
      translate("", verb: .record, own: ["-o", "x.rr"]).line
        == "rrtool record --kernel k --memory 128M -o x.rr")
  }

  @Test func devicesAreLeftOutWhenAsked() {
    let line =
      "-drive file=a,id=a,if=none -device virtio-blk-pci,drive=a -device virtio-net-pci,netdev=n -netdev user,id=n"
    let strict = translate(line)
    #expect(strict.refusals.count == 2 && strict.lacksDevices)
    let lenient = translate(line, leavesOut: true)
    #expect(lenient.refusals == [] && lenient.notes.count >= 2)
    #expect(lenient.line.contains("--drive file=a"))
    #expect(lenient.line.contains("--netdev user,id=n --device virtio-net-device,netdev=n"))
    #expect(!translate("-frob", leavesOut: true).refusals.isEmpty, "what nobody knows is no device")
  }

  @Test func whatIsNoLineIsRefused() {
    for line in [
      [], ["qemu-system-riscv64"], ["qemu-system-aarch64", "-M", "virt"], ["ls", "-l"], ["-M", "virt"],
      ["-kernel", "k"],
    ] {
      #expect(!Translator.translate(line, .init()).refusals.isEmpty, "\(line)")
    }
    var request = Translator.Request()
    request.impliesBoard = true
    #expect(Translator.translate(["-kernel", "k"], request).line == "rrtool run --kernel k --memory 128M")
  }

  @Test func sizesAndCounts() throws {
    for (text, size) in [
      ("512", 512 << 20), ("512M", 512 << 20), ("2g", 2 << 30), ("4096B", 4096), ("0x10", 16 << 20),
      ("0.5G", 512 << 20),
    ]
      as [(String, UInt64)]
    {
      #expect(try MemorySize.parse(text) == size, "\(text)")
    }
    for text in ["", "M", "1.5", "-1", "+1", "1.5.5G", "99999999999G", "5Q", "1e3", "0.M", "٣"] {
      #expect(throws: WordProblem.self, "\(text)") { try MemorySize.parse(text) }
    }
    for (text, count) in [
      ("4", 4), ("cpus=2", 2), ("2,cores=2", 2), ("2,cores=1", 2), ("cores=2", 2), ("2,maxcpus=4", 2),
      ("maxcpus=3", 3),
    ] {
      #expect(try HartCount.parse(text) == count, "\(text)")
    }
    for text in [
      "", "0", "-1", "4,2", ",cores=2", "2,sockets=3", "4,maxcpus=2", "2,clusters=2", "x",
      "99999999999999999999",
    ] {
      #expect(throws: WordProblem.self, "\(text)") { try HartCount.parse(text) }
    }
  }

  /// Any words at all: no trap, and what is not known is never carried out.
  @Test func randomWords() {
    var random = SeededGenerator(seed: 13)
    let pieces = [
      "-M", "virt", "-machine", "-drive", "file=a", ",", "if=none", "id=a", "-device", "virtio-blk-device",
      "drive=a", "-blockdev",
      "node-name=a", "file=b", "node-name=b", "-icount", "shift=", "rr=record", "-smp", "=", "{", "}", "\"",
      "-m", "1.", "0x", "9", "G", "-serial",
      "unix:", "server", "-chardev", "chardev:a", "-pflash", "-cpu", "rv64", "-global", ".", "-S", "-s", "--",
      "no", "image=a", "driver=blkreplay",
      "bus=virtio-mmio-bus.", "-append", "'", "\\", "\u{1}", "é", "-strange", "",
    ]
    for _ in 0..<20_000 {
      let line = (0..<Int.random(in: 0...8, using: &random)).map { _ in
        (0..<Int.random(in: 1...4, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
          .joined()
      }
      let translation = Translator.translate(line, .init())
      #expect(!translation.line.isEmpty)
      if !line.contains(where: { $0.hasPrefix("-M") || $0.hasPrefix("-machine") || $0.hasPrefix("--") }) {
        #expect(!translation.refusals.isEmpty, "\(line): \(translation.line)")
      }
    }
  }
}
