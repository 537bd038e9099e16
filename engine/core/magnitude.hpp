// Cells so small or so large that squares of their differences leave the range of double.
#pragma once

#include "engine/core/types.hpp"

namespace bcbench {

/// The exponent e for which the largest entry of `cells` times 2^e lies in [1, 2), where that entry is below 2^-300 or
/// above 2^300; else 0. Multiplying by a power of 2 changes no digit. Entries must be finite.
template <class Real>
int exponent_to_unit(const Matrix<Real>& cells);

/// `cells` times 2^`exponent`.
template <class Real>
Matrix<Real> times_power_of_2(const Matrix<Real>& cells, int exponent);

}  // namespace bcbench
