// SPDX-License-Identifier: Apache-2.0

/// Moments of the wall clock as people write them.
package enum UTCDate {
  /// "2026-11-21 06:43:04 UTC". Howard Hinnant's days-to-civil algorithm, which counts years from March.
  package static func text(nanoseconds: UInt64) -> String {
    let seconds = nanoseconds / 1_000_000_000
    let (days, second) = (Int(seconds / 86_400), Int(seconds % 86_400))
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    func two(_ number: Int) -> String { (number < 10 ? "0" : "") + String(number) }
    return
      "\(year)-\(two(month))-\(two(day)) \(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60)) UTC"
  }
}
