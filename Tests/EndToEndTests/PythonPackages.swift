// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Packages from PyPI that `Scripts/set-up tests` puts into .scratch/python where they can be had.
enum PythonPackages {
  /// The interpreter of the virtual environment, when it has this file of a package.
  static func interpreter(having file: String) -> String? {
    let environment = Place.project.appending(path: ".scratch/python").path
    let folders = (try? FileManager.default.contentsOfDirectory(atPath: environment + "/lib")) ?? []
    let hasPackage = folders.contains {
      FileManager.default.fileExists(atPath: environment + "/lib/\($0)/site-packages/\(file)")
    }
    return hasPackage ? environment + "/bin/python" : nil
  }
}
