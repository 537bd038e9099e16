#include "experiments/checks/checks.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "experiments/bindings/checks.hpp"
#include "experiments/checks/check_gradient.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {

namespace {

// A difference that rounding explains is in proportion to the values it is of: the tolerances below are for values up
// to 10, and for an array of larger ones its differences count in proportion.
constexpr double tolerated_size = 10.0;

double largest_entry(const arma::mat& values) { return values.empty() ? 0.0 : arma::abs(values).max(); }

// Largest absolute difference, of values up to 10; infinity if the shapes differ or an entry is not finite.
template <class Real>
double max_difference(const Matrix<Real>& values, const arma::mat& reference) {
    if (values.n_rows != reference.n_rows || values.n_cols != reference.n_cols) return INFINITY;
    double largest = 0.0;
    for (arma::uword i = 0; i < values.n_elem; ++i) {
        const double difference = std::abs(static_cast<double>(values.memptr()[i]) - reference.memptr()[i]);
        if (!std::isfinite(difference)) return INFINITY;
        largest = std::max(largest, difference);
    }
    return largest / std::max(1.0, largest_entry(reference) / tolerated_size);
}

double difference(const Score& loss, const Score& reference) {
    const double a = *loss.value;
    const double b = *reference.value;
    // The root of a difference of means of kernels: near 0 only its square says something. Rounding moves it by 1e-16,
    // in float32 by 3e-9 (measured, equal batches); a hundredth of the tolerance, 1e-12 and 1e-7, leaves room.
    if (loss.metric == "mmd_loss") return std::min(std::abs(a - b), 100.0 * std::abs(a * a - b * b));
    return std::abs(a - b) / std::max(1.0, std::abs(b) / tolerated_size);
}

// What is computed from the corrected cells differs in proportion to what a difference of these makes of it.
template <class Real>
double max_difference(const FurtherArray<Real>& array, const Fit<Real>& fit, const ReferenceFit& reference,
                      std::size_t i) {
    const double tolerated_cells = std::max(1.0, largest_entry(reference.corrected) / tolerated_size);
    return max_difference(array.values(fit.corrected), reference.arrays[i].values) /
           std::max(1.0, array.sensitivity * tolerated_cells);
}

template <class Real>
double max_difference(const Fit<Real>& fit, const ReferenceFit& reference) {
    double largest = max_difference(fit.corrected, reference.corrected);
    if (fit.arrays.size() != reference.arrays.size() || fit.losses.size() != reference.losses.size()) return INFINITY;
    for (std::size_t i = 0; i < fit.arrays.size(); ++i) {
        largest = std::max(largest, max_difference(fit.arrays[i], fit, reference, i));
    }
    for (std::size_t i = 0; i < fit.losses.size(); ++i) {
        if (fit.losses[i].value.has_value() != reference.losses[i].value.has_value()) return INFINITY;
        if (!fit.losses[i].value) continue;
        const double apart = difference(fit.losses[i], reference.losses[i]);
        if (!std::isfinite(apart)) return INFINITY;
        largest = std::max(largest, apart);
    }
    return largest;
}

template <class Real>
void check_reference(const Fit<Real>& fit, Precision precision, PointRecord& record) {
    // float32: the documented tolerance. In double, sums of ~1e3 terms of size ~10 differ by the order of summation
    // by about 1e3 * 10 * 1e-16 = 1e-12; 1e-10 leaves room for ten iterations that pass it on.
    const double tolerance = precision == Precision::float32 ? fit.float32_tolerance : 1e-10;
    const ScoreRow& row = check_named("optimized_matches_reference").rows.front();
    if (!fit.reference) {
        record.scores.push_back(not_applicable(row, "the method has no reference implementation"));
        return;
    }
    const double difference = max_difference(fit, fit.reference());
    record.scores.push_back(score(row, difference <= tolerance ? 1.0 : 0.0));
    record.outputs["reference_max_difference"] = difference;
    if (difference <= tolerance) return;
    record.outputs["check_failures"][row.name] = "the largest difference to the reference is " +
                                                 number_text(difference) + ", allowed " + number_text(tolerance) +
                                                 (precision == Precision::float32 ? "; try precision float64" : "");
}

}  // namespace

template <class Real>
void run_check(const std::string& name, const Fit<Real>& fit, Precision precision, PointRecord& record) {
    using Check = void (*)(const Fit<Real>&, Precision, PointRecord&);
    constexpr std::pair<const char*, Check> functions[] = {
        {"optimized_matches_reference", check_reference<Real>},
        {"gradient", check_gradient_of_fit<Real>},
    };
    for (const auto& [check, function] : functions) {
        if (name == check) return function(fit, precision, record);
    }
    throw std::invalid_argument("there is no check '" + name + "'");
}

template void run_check(const std::string&, const Fit<float>&, Precision, PointRecord&);
template void run_check(const std::string&, const Fit<double>&, Precision, PointRecord&);

bool has_failed_check(const PointRecord& record) {
    return std::any_of(record.scores.begin(), record.scores.end(), [](const Score& score) {
        return score.group == Group::check && score.value && *score.value != 1.0;
    });
}

}  // namespace bcbench
