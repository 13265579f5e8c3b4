// SPDX-License-Identifier: Apache-2.0

import HostSystem

/// The check of a recording's base images, on a thread of its own: those of older formats are read whole, and others can do what
/// does not depend on the outcome meanwhile.
///
/// Sendable: `failure` is written by the thread alone, and read once that has been joined.
package final class BaseImageCheck: @unchecked Sendable {
  private var failure: Failure?
  private var thread: HostThread?

  package init(_ recording: Recording) {
    thread = HostThread { [self] in
      do throws(Failure) {
        try BaseImages.check(recording)
      } catch {
        failure = error
      }
    }
  }

  /// Waits for the outcome. It must be asked for, once: until then nothing that came from an image may be shown.
  package func verdict() throws(Failure) {
    thread?.join()
    thread = nil
    if let failure { throw failure }
  }
}
