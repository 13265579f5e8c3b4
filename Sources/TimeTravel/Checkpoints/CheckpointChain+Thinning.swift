// SPDX-License-Identifier: Apache-2.0

/// Which checkpoints go when memory is used up.
extension CheckpointChain {
  /// Fewer than this, and an end of the chain goes as a whole instead of one more checkpoint in its middle: what a
  /// removal in the middle frees is only what is in two intervals.
  private static let fewLinks = 12

  /// Removes checkpoints until the rest fit, or only the current one is left.
  ///
  /// What stands closest goes first, closeness being measured against the distance from here: near the present they
  /// stay dense, far from it they become sparse.
  func thin() {
    guard byteCount > policy.memoryLimit else { return }
    // A little more than is needed, so that there is not one removal a checkpoint from now on.
    let aim = policy.memoryLimit - policy.memoryLimit / 16
    while links.count > 1, byteCount > aim, links.count > Self.fewLinks || mayRemove(farEnd) {
      remove(links.count > Self.fewLinks ? closest : farEnd)
    }
  }

  private func mayRemove(_ index: Int) -> Bool {
    index != current && (index < links.count - 1 || !keepsLast)
  }

  private var closest: Int {
    let here = links[current].checkpoint.position
    var best = farEnd
    var bestCloseness = Double.infinity
    for index in 1..<links.count - 1 where index != current {
      let position = links[index].checkpoint.position
      let gap = links[index + 1].checkpoint.position - links[index - 1].checkpoint.position
      let distance = (position > here ? position - here : here - position) + policy.nearSpacing
      let closeness = Double(gap) / Double(distance)
      if closeness < bestCloseness { (best, bestCloseness) = (index, closeness) }
    }
    return best
  }

  /// The end of the chain that is farther from here; the machine does not stand there.
  private var farEnd: Int {
    let here = links[current].checkpoint.position
    let last = links.count - 1
    if keepsLast { return 0 }
    let after = links[last].checkpoint.position - here
    return here - links[0].checkpoint.position > after ? 0 : last
  }
}
