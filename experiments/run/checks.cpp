#include "experiments/run/checks.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <utility>

#include "engine/core/random.hpp"
#include "experiments/bindings/checks.hpp"
#include "experiments/run/gradcheck.hpp"

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
}

// How far rounding may take the run's gradient from the float64 one: measured 1e-6 in float32 while no unit switches,
// and up to 0.04 in tf32, whose coarse rounding switches many. One switched unit of one cell changes about a tenth of
// that cell's share, so 0.01 allows one cell in a hundred; a wrong term in one arithmetic alone would change it by its
// whole size.
double max_float64_difference(Precision precision) { return precision == Precision::tf32 ? 0.2 : 0.01; }

constexpr arma::uword gradient_coordinates = 24;  // each costs two forward passes
constexpr std::uint64_t random_adjoint_seed = 0x6772616402;

// The run's gradient of <corrected_bar, corrected cells>, beside the float64 one and its check against differences.
struct CheckedGradient {
    arma::mat gradient;  // [F x n]
    CellsGradient exact;
    double difference = 0.0;  // of the two, relative to the float64 one

    bool is_plausible(Precision precision) const {
        return gradient.is_finite() && difference <= max_float64_difference(precision);
    }
    bool is_right(Precision precision) const {
        return is_plausible(precision) && bcbench::is_right(exact.report, gradient_tolerance);
    }
    // Nothing to compare with: a choice flips at every coordinate.
    bool cannot_tell(Precision precision) const { return is_plausible(precision) && exact.report.checked == 0; }
};

// Under the adjoint of the sum of all corrected entries, and under a random one: a method that keeps the sum of the
// cells has a gradient of ones whatever it does; the random adjoint sees what it does.
template <class Real>
std::array<CheckedGradient, 2> check_gradients_under_sum_and_random(const Fit<Real>& fit) {
    const arma::uword n_features = fit.corrected.n_rows;
    const arma::uword n_cells = fit.corrected.n_cols;
    const std::vector<arma::mat> bars = {
        arma::ones(n_features, n_cells),
        arma::conv_to<arma::mat>::from(normal(make_key(random_adjoint_seed), n_features, n_cells))};
    std::vector<CellsGradient> exact = check_cells_gradients(fit.differentiable(), bars, gradient_coordinates);
    std::array<CheckedGradient, 2> checked;
    for (std::size_t a = 0; a < bars.size(); ++a) {
        checked[a].gradient = arma::conv_to<arma::mat>::from(fit.backward(arma::conv_to<Matrix<Real>>::from(bars[a])));
        checked[a].exact = std::move(exact[a]);
    }
    // Rounding is in proportion to the adjoint, not to what cancels in the gradient: that of the sum of z-scores is 0.
    // A thousandth of the other gradient leaves a difference of float32's 1e-7 at 1e-4, far below what is accepted.
    for (std::size_t a = 0; a < bars.size(); ++a) {
        const double own = arma::norm(checked[a].exact.gradient, "fro");
        const double other = arma::norm(checked[1 - a].exact.gradient, "fro");
        checked[a].difference =
            arma::norm(checked[a].gradient - checked[a].exact.gradient, "fro") / std::max({own, 1e-3 * other, 1e-300});
    }
    return checked;
}

// The row with its value, or without one for the reason given.
void add_gradient_row(const std::string& name, std::optional<double> value, const char* reason, PointRecord& record) {
    const std::span<const ScoreRow> rows = check_named("gradient").rows;
    const ScoreRow& row =
        *std::find_if(rows.begin(), rows.end(), [&](const ScoreRow& each) { return name == each.name; });
    record.scores.push_back(value ? score(row, *value) : not_applicable(row, reason));
}

template <class Real>
void check_gradient_of_sum(const Fit<Real>& fit, Precision precision, PointRecord& record) {
    if (!fit.backward || !fit.differentiable) {
        for (Score& row : not_applicable(check_named("gradient").rows, "the method is not differentiable"))
            record.scores.push_back(std::move(row));
        return;
    }
    const auto [of_sum, of_any] = check_gradients_under_sum_and_random(fit);
    const bool right = of_sum.is_right(precision) && of_any.is_right(precision);

    const arma::mat& gradient = of_sum.gradient;
    record.outputs["gradient_shape"] = {gradient.n_cols, gradient.n_rows};
    const double difference = std::max(of_sum.difference, of_any.difference);
    if (precision != Precision::float64 && std::isfinite(difference))
        record.outputs["gradient_float64_difference"] = difference;

    const auto number = [](double value) { return std::isfinite(value) ? std::optional(value) : std::nullopt; };
    const auto yes_or_no = [](bool holds) { return std::optional(holds ? 1.0 : 0.0); };
    const auto add = [&](const char* name, std::optional<double> value, const char* reason) {
        add_gradient_row(name, value, reason, record);
    };
    const GradientReport& report = of_sum.exact.report;
    const bool cannot_tell = of_sum.cannot_tell(precision) && of_any.cannot_tell(precision);
    add("gradient", cannot_tell ? std::nullopt : yes_or_no(right),
        "a discrete choice flips at every coordinate, which leaves nothing to compare with");
    add("gradient_nonzero", yes_or_no(arma::any(arma::vectorise(gradient != 0.0))), "");
    add("gradient_finite", yes_or_no(gradient.is_finite()), "");
    add("gradient_l2_norm", number(arma::norm(gradient, "fro")), "the gradient is not finite");
    add("gradient_max_relative_error", number(report.worst_error), "the gradient or a difference is not finite");
    add("gradient_coordinates_checked", static_cast<double>(report.checked), "");
    add("gradient_coordinates_skipped", static_cast<double>(report.skipped), "");
}

}  // namespace

template <class Real>
void run_check(const std::string& name, const Fit<Real>& fit, Precision precision, PointRecord& record) {
    using Check = void (*)(const Fit<Real>&, Precision, PointRecord&);
    constexpr std::pair<const char*, Check> functions[] = {
        {"optimized_matches_reference", check_reference<Real>},
        {"gradient", check_gradient_of_sum<Real>},
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
