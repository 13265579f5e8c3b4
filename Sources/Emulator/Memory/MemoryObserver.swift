/// Who derives something from memory, as harts do, and must hear what becomes of it.
///
/// A class, so that memory can hold it without counting; each method is overridden.
class MemoryObserver {
  /// A store is about to change a page with some of the flags `PageFlags.observed`. `isWalk`: it is translation that sets A or D bits.
  func storeComes(page: Int, offset: Int, count: Int, flags: PageFlags.Bits, isWalk: Bool) {}
  /// A page that a write TLB may hold is about to need care: take it out of every write TLB.
  func dropFromWriteTLBs(page: Int) {}
  /// Every write TLB is to be emptied.
  func dropAllFromWriteTLBs() {}
  /// A bank of flash does not read as an array any more: no access may take it for one.
  func forgetFlash() {}
}
