// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The stretch of a run that a view replays, and how.
struct StretchOptions: ParsableArguments {
  @OptionGroup var range: RangeOptions

  @Option(help: ArgumentHelp("Show what this hart did only.", valueName: "hart"))
  var hart: Int?

  @OptionGroup var symbols: SymbolOptions

  @OptionGroup var engine: EngineOption
}
