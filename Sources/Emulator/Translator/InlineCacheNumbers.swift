// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// Gives inline caches of one kind to groups of accesses. When all are given away, they are given away again: two groups then
  /// share one, and each may find what the other has filled. So all that ever share one agree about what it holds.
  struct InlineCacheNumbers {
    /// What an inline cache may be for: one for a group that is an aligned unit of memory, or the logarithm of the bytes that a
    /// group of another form spans at most.
    typealias Class = Int

    private var numbers = [[Int]](repeating: [], count: AccessGroups.Group.classCount)
    private var next = [Int](repeating: 0, count: AccessGroups.Group.classCount)
    private var used = 0
    /// How many there are.
    private let count: Int

    init(count: Int) { self.count = count }

    /// For a group of this class. Nil when there is none but those that other groups of its block have: between the first and
    /// the last access of one of them, nobody else may fill it.
    mutating func claim(_ kind: Class, except taken: some Collection<Int>) -> Int? {
      if used < count {
        numbers[kind].append(used)
        used += 1
        return used - 1
      }
      for _ in numbers[kind].indices {
        next[kind] = (next[kind] + 1) % numbers[kind].count
        let number = numbers[kind][next[kind]]
        if !taken.contains(number) { return number }
      }
      return nil
    }
  }
#endif
