// Small problems and random arrays that the tests of gradients share.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "engine/core/random.hpp"
#include "engine/gradients/gradient_check.hpp"

namespace bcbench::testing {

/// Standard normal entries; another `number`, other entries.
inline arma::mat random_matrix(std::uint64_t number, arma::uword rows, arma::uword columns) {
    return arma::conv_to<arma::mat>::from(normal(make_key(number), rows, columns));
}

inline arma::mat random_like(std::uint64_t number, const arma::mat& shape) {
    return random_matrix(number, shape.n_rows, shape.n_cols);
}

/// `sizes[b]` cells in batch b, in order.
inline Labels batches_of(const std::vector<std::size_t>& sizes) {
    Labels batch;
    for (std::size_t b = 0; b < sizes.size(); ++b) {
        batch.code.insert(batch.code.end(), sizes[b], static_cast<std::uint32_t>(b));
        batch.names.push_back(std::to_string(b));
    }
    return batch;
}

/// Random cells of `batch`, batch b shifted by b * shift. [F x n]
inline arma::mat shifted_cells(std::uint64_t number, const Labels& batch, arma::uword n_features, double shift) {
    arma::mat cells = random_matrix(number, n_features, batch.code.size());
    for (arma::uword i = 0; i < cells.n_cols; ++i) cells.col(i) += shift * batch.code[i];
    return cells;
}

inline double inner(const arma::mat& a, const arma::mat& b) { return arma::accu(a % b); }

/// Requires the gradient to be right to 1e-6 wherever no choice flips, and few to flip.
inline void require_right(const GradientReport& report) {
    INFO("error " << report.worst_error << " at (" << report.row << ", " << report.column << "): analytic "
                  << report.analytic << ", numeric " << report.numeric << ", step " << report.step << ", checked "
                  << report.checked << ", skipped " << report.skipped);
    REQUIRE(report.checked > 0);
    REQUIRE(report.worst_error <= 1e-6);
    REQUIRE(10 * report.skipped <= report.checked);
}

/// Requires that half a decade of step is a decade of error before rounding takes over, wherever no kink lies between
/// the ends of a step, over at least two half decades.
inline void require_square_fall(const std::vector<StepError>& errors) {
    const auto smallest = std::min_element(errors.begin(), errors.end(),
                                           [](const StepError& a, const StepError& b) { return a.error < b.error; });
    REQUIRE(smallest->error < 1e-8);
    int falls = 0;
    for (auto at = errors.begin(); at + 1 < smallest; ++at) {
        if (!at->same_choices || at->error > 1e-2 || (at + 1)->error < std::max(3e-9, 20.0 * smallest->error)) continue;
        INFO("step " << at->step << ", errors " << at->error << " and " << (at + 1)->error);
        REQUIRE(at->error / (at + 1)->error == Approx(10.0).epsilon(0.15));
        ++falls;
    }
    REQUIRE(falls >= 2);
}

}  // namespace bcbench::testing
