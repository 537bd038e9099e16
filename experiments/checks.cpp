#include "experiments/checks.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace bcbench {

namespace {

constexpr CheckDefinition checks[] = {
    {"optimized_matches_reference", "the engine's result equals the slow reference implementation",
     "Largest absolute difference of corrected cells, further arrays and losses: at most 1e-5 in float32, 1e-10 in float64 "
     "and tf32 (which is double arithmetic)."},
};

// Largest absolute difference; infinity if the shapes differ or an entry is not finite.
template <class Real>
double max_difference(const Matrix<Real>& values, const arma::mat& reference) {
    if (values.n_rows != reference.n_rows || values.n_cols != reference.n_cols) return INFINITY;
    double largest = 0.0;
    for (arma::uword i = 0; i < values.n_elem; ++i) {
        const double difference = std::abs(static_cast<double>(values.memptr()[i]) - reference.memptr()[i]);
        if (!std::isfinite(difference)) return INFINITY;
        largest = std::max(largest, difference);
    }
    return largest;
}

template <class Real>
double max_difference(const Fit<Real>& fit, const ReferenceFit& reference) {
    double largest = max_difference(fit.corrected, reference.corrected);
    if (fit.arrays.size() != reference.arrays.size() || fit.losses.size() != reference.losses.size()) return INFINITY;
    for (std::size_t i = 0; i < fit.arrays.size(); ++i) {
        largest = std::max(largest, max_difference(fit.arrays[i].values, reference.arrays[i].values));
    }
    for (std::size_t i = 0; i < fit.losses.size(); ++i) {
        if (fit.losses[i].value.has_value() != reference.losses[i].value.has_value()) return INFINITY;
        if (fit.losses[i].value) largest = std::max(largest, std::abs(*fit.losses[i].value - *reference.losses[i].value));
    }
    return largest;
}

template <class Real>
void check_reference(const Fit<Real>& fit, Precision precision, PointRecord& record) {
    // float32: the documented tolerance. In double, sums of ~1e3 terms of size ~10 differ by the order of summation
    // by about 1e3 * 10 * 1e-16 = 1e-12; 1e-10 leaves room for ten iterations that pass it on.
    const double tolerance = precision == Precision::float32 ? 1e-5 : 1e-10;
    const double difference = max_difference(fit, fit.reference());
    record.scores.push_back(score("optimized_matches_reference", difference <= tolerance ? 1.0 : 0.0, Direction::higher));
    record.outputs["reference_max_difference"] = difference;
}

}  // namespace

std::span<const CheckDefinition> check_table() { return checks; }

template <class Real>
void run_check(const std::string& name, const Dataset<Real>&, const Fit<Real>& fit, Precision precision,
               PointRecord& record) {
    if (name == "optimized_matches_reference") return check_reference(fit, precision, record);
    throw std::invalid_argument("there is no check '" + name + "'");
}

template void run_check(const std::string&, const Dataset<float>&, const Fit<float>&, Precision, PointRecord&);
template void run_check(const std::string&, const Dataset<double>&, const Fit<double>&, Precision, PointRecord&);

bool has_failed_check(const PointRecord& record) {
    return std::any_of(record.scores.begin(), record.scores.end(), [](const Score& score) {
        return std::any_of(std::begin(checks), std::end(checks), [&](const CheckDefinition& check) { return score.metric == check.name; }) &&
               score.value != 1.0;
    });
}

}  // namespace bcbench
