import Glibc

/// What `call` answers, called again for as long as a signal interrupts it. On file systems that are programs or far away that
/// befalls opening, locking and syncing too.
@inline(__always)
package func uninterrupted<Answer: SignedInteger>(_ call: () -> Answer) -> Answer {
  while true {
    let answer = call()
    if answer >= 0 || errno != EINTR { return answer }
  }
}
