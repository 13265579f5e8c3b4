// SPDX-License-Identifier: Apache-2.0

/// How the device tree names what a hart has: in canonical order, with the small names of the profiles that QEMU 10 gives too.
extension ProcessorExtensions {
  /// Single letters, which belong to the base string.
  var letters: [String] { ["i", "m", "a", "f", "d", "c"] + (contains(.b) ? ["b"] : []) }

  var names: [String] {
    let table: [(name: String, isThere: Bool)] = [
      ("zic64b", true), ("zicbom", contains(.zicbom)), ("zicbop", contains(.zicbop)),
      ("zicboz", contains(.zicboz)), ("ziccamoa", true), ("ziccif", true), ("zicclsm", true),
      ("ziccrse", true), ("zicond", contains(.zicond)), ("zicntr", true), ("zicsr", true),
      ("zifencei", true), ("zihintntl", contains(.zihintntl)), ("zihintpause", true), ("zihpm", true),
      ("zimop", contains(.zimop)), ("zmmul", true), ("za64rs", true), ("zaamo", true),
      ("zabha", contains(.zabha)), ("zacas", contains(.zacas)), ("zalrsc", true),
      ("zawrs", contains(.zawrs)), ("zfa", contains(.zfa)), ("zfh", contains(.zfh)),
      ("zfhmin", contains(.zfhmin)), ("zca", true), ("zcb", contains(.zcb)), ("zcd", true),
      ("zcmop", contains(.zcmop)), ("zba", true), ("zbb", true), ("zbc", contains(.zbc)), ("zbs", true),
      ("ssccptr", true), ("sscofpmf", contains(.sscofpmf)), ("sscounterenw", true), ("sstc", true),
      ("sstvala", true), ("sstvecd", true), ("ssu64xl", true), ("svade", !contains(.svadu)),
      ("svadu", contains(.svadu)), ("svinval", contains(.svinval)), ("svnapot", contains(.svnapot)),
      ("svpbmt", contains(.svpbmt)), ("svvptc", true),
    ]
    return table.filter(\.isThere).map(\.name)
  }
}
