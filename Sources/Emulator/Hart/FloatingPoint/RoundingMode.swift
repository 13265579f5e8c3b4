// SPDX-License-Identifier: Apache-2.0

/// The rounding modes, with the numbers that instructions and `frm` give them (unprivileged specification,
/// "Floating-Point Control and Status Register"). 5 and 6 are reserved; 7 in an instruction means "the mode in `frm`".
package enum RoundingMode: UInt8, CaseIterable, Sendable {
  case nearestTiesToEven = 0
  case towardZero = 1
  case down = 2
  case up = 3
  case nearestTiesToMaxMagnitude = 4
}
