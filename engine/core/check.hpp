// The errors of the engine: who is at fault decides the type.
#pragma once

#include <charconv>
#include <stdexcept>
#include <string>
#include <type_traits>

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

/// The value of an option that cannot be used, alone or beside the others.
struct OptionError : std::invalid_argument {
    OptionError(const std::string& name, const std::string& wrong)
        : std::invalid_argument(name + " " + wrong), option(name), fault(wrong) {}
    std::string option;  // its name: "warmup_steps"
    std::string fault;   // "is 50, must be at most steps (20)"
};

/// Throws OptionError unless `holds`; `bound` says what the value must be: "at least 1".
template <class Value>
void require_option(bool holds, const char* option, const Value& value, const std::string& bound) {
    static_assert(std::is_arithmetic_v<Value>);
    if (holds) return;
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, value);
    throw OptionError(option, "is " + std::string(digits, end.ptr) + ", must be " + bound);
}

/// Throws std::invalid_argument with `message` unless `holds`.
inline void require(bool holds, const char* message) {
    if (!holds) throw std::invalid_argument(message);
}

/// Throws NumericalError naming `what` and the first offending entry unless every entry is finite.
template <class Real>
void require_finite(const Matrix<Real>& values, const char* what);

/// Throws std::invalid_argument naming `what` unless there is one code per cell and every code has a name.
void require_labels(const Labels& labels, std::size_t n_cells, const char* what);

/// Throws std::invalid_argument unless the dataset has cells, features and one batch code per cell.
template <class Real>
void require_valid(const Dataset<Real>& data);

}  // namespace bcbench
