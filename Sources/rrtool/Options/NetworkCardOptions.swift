// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Execution
import HostSystem

/// The guest's network cards, and what their wires lead to.
struct NetworkCardOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A network card and the network that it is on, in one word: user[,hostfwd=tcp::2222-:22][,host-loopback=on][,...], or none. "
        + "What comes in is recorded, and a replay needs no network (docs/network.md).",
      valueName: "network"))
  var net: [String] = []

  @Option(
    help: ArgumentHelp(
      "A network, as QEMU has it: user,id=NAME[,hostfwd=...][,restrict=on][,...], stream,id=NAME[,server=on],path=SOCKET or dgram,id=NAME,...; "
        + "with each [,loss=1%][,delay=5ms][,jitter=1ms][,reorder=5%][,seed=N][,log=digest].",
      valueName: "network"))
  var netdev: [String] = []

  @Option(
    help: ArgumentHelp(
      "A network card on one: virtio-net-device,netdev=NAME[,mac=ADDRESS][,host_mtu=N].", valueName: "device")
  )
  var device: [String] = []

  var isEmpty: Bool { net.isEmpty && netdev.isEmpty && device.isEmpty }

  func parsed() throws(Failure) -> [NetworkOptions] {
    try NetworkOptions.parse(netdevs: netdev, devices: device, net: net)
  }
}
