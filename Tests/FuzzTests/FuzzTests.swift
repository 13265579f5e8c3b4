// SPDX-License-Identifier: Apache-2.0

import FuzzTargets
import Testing

/// Some hundred damaged inputs for each parser; `make fuzz` looks for more, at length. A trap ends the tests.
@Suite struct FuzzTests {
  @Test(arguments: FuzzTarget.allCases) func damagedInputsGiveErrors(target: FuzzTarget) throws {
    let seed = UInt64.random(in: 0 ... .max)
    print("\(target.rawValue): seed \(seed)")
    var damage = Damage(seed: seed)
    let seeds = try target.seeds()
    for input in seeds {
      target.feed(input)
      for _ in 0..<(400 / seeds.count) { target.feed(damage.damaged(input)) }
    }
    target.feed([])
    target.feed([UInt8](repeating: 0xff, count: 4096))
  }
}
