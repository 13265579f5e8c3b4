// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The options that say who may control a run.
struct MonitorOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Serve a monitor at a socket, in QMP: unix:SOCKET. 'rrtool monitor SOCKET' talks to it.",
      valueName: "where"), completion: .list(["unix:"]))
  var qmp: String?

  @Flag(help: "Do not start the guest before the monitor's 'cont'.")
  var paused = false
}
