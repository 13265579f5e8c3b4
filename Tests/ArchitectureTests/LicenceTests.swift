// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Who takes a file out of here, or a library in, finds under which licence it is.
@Suite struct LicenceTests {
  @Test func everySwiftFileSaysItsLicence() throws {
    for folder in ["Sources", "Tests"] {
      let root = repository.appendingPathComponent(folder)
      let paths = FileManager.default.enumerator(atPath: root.path)?.compactMap { $0 as? String } ?? []
      let files = paths.filter { $0.hasSuffix(".swift") }
      #expect(!files.isEmpty)
      for file in files {
        let text = try String(contentsOf: root.appendingPathComponent(file), encoding: .utf8)
        #expect(text.hasPrefix("// SPDX-License-Identifier: Apache-2.0\n\n"), "\(folder)/\(file)")
      }
    }
  }

  @Test func everyLibraryIsInTheNotice() throws {
    let text = { try String(contentsOf: repository.appendingPathComponent($0), encoding: .utf8) }
    let (package, notice) = (try text("Package.swift"), try text("NOTICE"))
    var libraries = package.matches(of: #/pkgConfig: "([^"]+)"/#).map { String($0.output.1) }
    libraries += package.matches(of: #/\.package\(url: "[^"]*/([^"/]+)"/#).map { String($0.output.1) }
    #expect(libraries.count >= 4)
    for library in libraries { #expect(notice.contains(library), "\(library) is not in NOTICE") }
    #expect(try text("LICENSE").contains("Apache License"))
  }
}
