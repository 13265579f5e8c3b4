// SPDX-License-Identifier: Apache-2.0

extension DriveOptions {
  /// The files that the drive begins with: the image, and what lies under it.
  public var filesNeeded: [String] {
    guard case .file(let path, let format) = source else { return [] }
    // What is wrong with it is told when it is opened to be used.
    return (try? BaseImages.open(path, format: format))?.bases.flatMap(\.files) ?? [path]
  }
}
