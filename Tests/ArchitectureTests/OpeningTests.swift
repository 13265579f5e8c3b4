// SPDX-License-Identifier: Apache-2.0

import Testing

/// There is one way to open a file: `HostFiles.open`.
@Suite struct OpeningTests {
  @Test func filesAreOpenedInOnePlace() {
    let flags: Set = ["O_CLOEXEC", "O_CREAT", "O_EXCL", "O_NOFOLLOW", "O_TRUNC"]
    let places = SourceFile.all.filter { !$0.named.isDisjoint(with: flags) }.map(\.name)
    #expect(places == ["HostFiles+Open.swift"])
  }
}
