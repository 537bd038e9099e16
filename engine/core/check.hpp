// The errors of the engine: who is at fault decides the type.
#pragma once

#include <stdexcept>
#include <string>

#include "engine/core/types.hpp"

namespace bcbench {

/// The numbers went wrong: an overflow, a NaN, a training that diverged.
struct NumericalError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A data file is wrong; the message says file, line and what was expected.
struct DataError : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

/// Throws std::invalid_argument with `message` unless `holds`.
inline void require(bool holds, const char* message) {
    if (!holds) throw std::invalid_argument(message);
}

/// Throws NumericalError naming `what` and the first offending entry unless every entry is finite.
template <class Real>
void require_finite(const Matrix<Real>& values, const char* what);

/// Throws std::invalid_argument unless the dataset has cells, features and one batch code per cell.
template <class Real>
void require_valid(const Dataset<Real>& data);

}  // namespace bcbench
