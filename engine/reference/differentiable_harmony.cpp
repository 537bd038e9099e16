#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/reference/methods.hpp"

namespace bcbench::reference {

using arma::uword;

namespace {

// A(k, i): softmax over k of -||y_i - c_k||^2 / (sigma * temperature). [K x n]
arma::mat soft_assignments(const arma::mat& cells, const arma::mat& centroids, const HarmonyOptions& options) {
    arma::mat assigned(centroids.n_cols, cells.n_cols);
    for (uword i = 0; i < cells.n_cols; ++i) {
        double highest = -std::numeric_limits<double>::infinity();
        for (uword k = 0; k < centroids.n_cols; ++k) {
            double cell_norm = 0.0;
            double centroid_norm = 0.0;
            double product = 0.0;
            for (uword f = 0; f < cells.n_rows; ++f) {
                cell_norm += cells(f, i) * cells(f, i);
                centroid_norm += centroids(f, k) * centroids(f, k);
                product += cells(f, i) * centroids(f, k);
            }
            const double squared_distance = cell_norm + centroid_norm - 2.0 * product;
            assigned(k, i) = -squared_distance / (options.sigma * options.temperature);
            highest = std::max(highest, assigned(k, i));
        }
        double sum = 0.0;
        for (uword k = 0; k < centroids.n_cols; ++k) sum += std::exp(assigned(k, i) - highest);
        for (uword k = 0; k < centroids.n_cols; ++k) assigned(k, i) = std::exp(assigned(k, i) - highest) / sum;
    }
    return assigned;
}

}  // namespace

HarmonyResult differentiable_harmony(const arma::mat& cells, const Labels& batch, const arma::mat& centroids,
                                     const HarmonyOptions& options) {
    const auto n = static_cast<double>(cells.n_cols);
    arma::vec batch_share(batch.names.size(), arma::fill::zeros);
    for (const std::uint32_t code : batch.code) batch_share[code] += 1.0 / n;

    HarmonyResult result;
    result.corrected = cells;
    arma::mat& y = result.corrected;
    for (int iteration = 0; iteration < options.n_iterations; ++iteration) {
        const arma::mat a = soft_assignments(y, centroids, options);
        arma::mat p(centroids.n_cols, batch.names.size(), arma::fill::zeros);
        for (uword k = 0; k < centroids.n_cols; ++k) {
            double total = 0.0;
            for (uword i = 0; i < y.n_cols; ++i) {
                p(k, batch.code[i]) += a(k, i);
                total += a(k, i);
            }
            for (uword b = 0; b < p.n_cols; ++b) p(k, b) /= total + 1e-10;
        }
        for (uword i = 0; i < y.n_cols; ++i) {
            uword top = 0;
            for (uword k = 1; k < centroids.n_cols; ++k) {
                if (a(k, i) > a(top, i)) top = k;
            }
            const double s = std::clamp(p(top, batch.code[i]) / (batch_share[batch.code[i]] + 1e-10), 0.5, 2.0);
            for (uword f = 0; f < y.n_rows; ++f) {
                double target = 0.0;
                for (uword k = 0; k < centroids.n_cols; ++k) target += a(k, i) * centroids(f, k);
                y(f, i) += 0.1 * s * (target - y(f, i));
            }
        }
    }
    result.assignments = soft_assignments(y, centroids, options);
    return result;
}

}  // namespace bcbench::reference
