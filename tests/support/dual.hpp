// Forward-mode derivatives for tests: numbers that carry their derivative along one direction, and the methods written
// once more with them, one loop nest per equation. Exact to rounding, and sharing nothing with the reverse passes.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "engine/kernels/mmd.hpp"
#include "engine/methods/differentiable_harmony/method.hpp"
#include "engine/networks/mlp.hpp"

namespace bcbench::testing {

struct Dual {
    double value = 0.0;
    double slope = 0.0;

    Dual() = default;
    Dual(double v, double s = 0.0) : value(v), slope(s) {}  // NOLINT: numbers are constants
};

inline Dual operator+(Dual a, Dual b) { return {a.value + b.value, a.slope + b.slope}; }
inline Dual operator-(Dual a, Dual b) { return {a.value - b.value, a.slope - b.slope}; }
inline Dual operator*(Dual a, Dual b) { return {a.value * b.value, a.slope * b.value + a.value * b.slope}; }
inline Dual operator/(Dual a, Dual b) { return {a.value / b.value, (a.slope - a.value / b.value * b.slope) / b.value}; }
inline Dual& operator+=(Dual& a, Dual b) { return a = a + b; }
inline Dual exp(Dual a) { return {std::exp(a.value), std::exp(a.value) * a.slope}; }
inline Dual relu(Dual a) { return a.value > 0.0 ? a : Dual(0.0); }

struct DualMatrix {
    arma::mat value;
    arma::mat slope;

    DualMatrix(arma::mat v, arma::mat s) : value(std::move(v)), slope(std::move(s)) {}
    DualMatrix(arma::uword rows, arma::uword columns)
        : value(rows, columns, arma::fill::zeros), slope(rows, columns, arma::fill::zeros) {}

    Dual at(arma::uword row, arma::uword column) const { return {value(row, column), slope(row, column)}; }
    void set(arma::uword row, arma::uword column, Dual entry) {
        value(row, column) = entry.value;
        slope(row, column) = entry.slope;
    }
};

/// Kernel and bias of each layer, as for_each_parameter lists them.
using DualNetwork = std::array<DualMatrix, 6>;

inline DualMatrix network(const DualNetwork& layers, const DualMatrix& x) {
    DualMatrix input = x;
    for (std::size_t l = 0; l < 3; ++l) {
        const DualMatrix& kernel = layers[2 * l];
        DualMatrix output(kernel.value.n_rows, input.value.n_cols);
        for (arma::uword i = 0; i < input.value.n_cols; ++i) {
            for (arma::uword o = 0; o < kernel.value.n_rows; ++o) {
                Dual sum = layers[2 * l + 1].at(o, 0);
                for (arma::uword d = 0; d < kernel.value.n_cols; ++d) sum += kernel.at(o, d) * input.at(d, i);
                output.set(o, i, l < 2 ? relu(sum) : sum);
            }
        }
        input = output;
    }
    return input;
}

inline Dual mean_squared_difference(const DualMatrix& a, const DualMatrix& b) {
    Dual sum;
    for (arma::uword i = 0; i < a.value.n_cols; ++i) {
        for (arma::uword f = 0; f < a.value.n_rows; ++f) sum += (a.at(f, i) - b.at(f, i)) * (a.at(f, i) - b.at(f, i));
    }
    return sum / Dual(static_cast<double>(a.value.n_elem));
}

// A(k, i), distances in full. [K x n]
inline DualMatrix soft_assignments(const DualMatrix& y, const DualMatrix& centroids, double width) {
    DualMatrix a(centroids.value.n_cols, y.value.n_cols);
    for (arma::uword i = 0; i < y.value.n_cols; ++i) {
        std::vector<Dual> logits;
        double highest = -arma::datum::inf;
        for (arma::uword k = 0; k < centroids.value.n_cols; ++k) {
            Dual squared;
            for (arma::uword f = 0; f < y.value.n_rows; ++f) {
                squared += (y.at(f, i) - centroids.at(f, k)) * (y.at(f, i) - centroids.at(f, k));
            }
            logits.push_back(Dual(-1.0 / width) * squared);
            highest = std::max(highest, logits.back().value);
        }
        Dual sum;
        for (Dual& logit : logits) sum += logit = exp(logit - Dual(highest));
        for (arma::uword k = 0; k < logits.size(); ++k) a.set(k, i, logits[k] / sum);
    }
    return a;
}

inline DualMatrix harmony(const DualMatrix& cells, const Labels& batch, const DualMatrix& centroids,
                          const differentiable_harmony::Options& options) {
    const std::vector<std::size_t> sizes = label_sizes(batch);
    DualMatrix y = cells;
    for (std::int64_t iteration = 0; iteration < options.n_iterations; ++iteration) {
        const DualMatrix a = soft_assignments(y, centroids, options.sigma * options.temperature);
        DualMatrix mass(centroids.value.n_cols, batch.count());
        for (arma::uword i = 0; i < y.value.n_cols; ++i) {
            for (arma::uword k = 0; k < centroids.value.n_cols; ++k) {
                mass.set(k, batch.code[i], mass.at(k, batch.code[i]) + a.at(k, i));
            }
        }
        DualMatrix moved = y;
        for (arma::uword i = 0; i < y.value.n_cols; ++i) {
            const arma::uword top = a.value.col(i).index_max();
            Dual total(1e-10);
            for (arma::uword b = 0; b < batch.count(); ++b) total += mass.at(top, b);
            const double share = static_cast<double>(sizes[batch.code[i]]) / static_cast<double>(batch.code.size());
            Dual s = mass.at(top, batch.code[i]) / total / Dual(share + 1e-10);
            if (s.value <= 0.5) s = Dual(0.5);
            if (s.value >= 2.0) s = Dual(2.0);
            for (arma::uword f = 0; f < y.value.n_rows; ++f) {
                Dual target;
                for (arma::uword k = 0; k < centroids.value.n_cols; ++k) target += a.at(k, i) * centroids.at(f, k);
                moved.set(f, i, y.at(f, i) + Dual(0.1) * s * (target - y.at(f, i)));
            }
        }
        y = moved;
    }
    return y;
}

// The rows of one side of an MMD comparison; masked groups hold the other cells as zero columns.
inline DualMatrix mmd_group(const DualMatrix& latent, const std::vector<bool>& member, mmd::Estimator estimator) {
    const auto n = static_cast<double>(member.size());
    const auto n_members = static_cast<double>(std::count(member.begin(), member.end(), true));
    const bool masked = mmd::is_masked(estimator);
    DualMatrix group(latent.value.n_rows, masked ? member.size() : static_cast<arma::uword>(n_members));
    arma::uword next = 0;
    for (arma::uword i = 0; i < member.size(); ++i) {
        const double scale = masked ? n / std::max(n_members, 1.0) : 1.0;
        for (arma::uword l = 0; member[i] && l < latent.value.n_rows; ++l)
            group.set(l, next, Dual(scale) * latent.at(l, i));
        if (masked || member[i]) ++next;
    }
    return group;
}

// `a_cells` and `b_cells` are the cells the columns stand for; pairs of a cell with itself are left out if `unbiased`.
inline Dual mean_kernel(const DualMatrix& a, const std::vector<arma::uword>& a_cells, const DualMatrix& b,
                        const std::vector<arma::uword>& b_cells, const mmd::Options& options, bool unbiased) {
    Dual total;
    double pairs = 0.0;
    for (arma::uword i = 0; i < a.value.n_cols; ++i) {
        Dual row;
        for (arma::uword j = 0; j < b.value.n_cols; ++j) {
            if (unbiased && a_cells[i] == b_cells[j]) continue;
            pairs += 1.0;
            Dual squared;
            for (arma::uword l = 0; l < a.value.n_rows; ++l)
                squared += (a.at(l, i) - b.at(l, j)) * (a.at(l, i) - b.at(l, j));
            for (const double w : options.bandwidths) row += exp(Dual(-0.5 / (w * w)) * squared);
        }
        total += row;
    }
    return total / Dual(pairs * static_cast<double>(options.bandwidths.size()));
}

inline Dual mmd_comparison(const DualMatrix& latent, const std::vector<bool>& first, const std::vector<bool>& second,
                           const mmd::Options& options) {
    const DualMatrix a = mmd_group(latent, first, options.estimator);
    const DualMatrix b = mmd_group(latent, second, options.estimator);
    const bool masked = mmd::is_masked(options.estimator);
    const bool unbiased = options.estimator == mmd::Estimator::unbiased;
    const bool unbiased_within = unbiased || options.estimator == mmd::Estimator::masked_unbiased;
    std::vector<arma::uword> a_cells;
    std::vector<arma::uword> b_cells;
    for (arma::uword i = 0; i < first.size(); ++i) {
        if (masked || first[i]) a_cells.push_back(i);
        if (masked || second[i]) b_cells.push_back(i);
    }
    const Dual v = mean_kernel(a, a_cells, a, a_cells, options, unbiased_within) +
                   mean_kernel(b, b_cells, b, b_cells, options, unbiased_within) -
                   Dual(2.0) * mean_kernel(a, a_cells, b, b_cells, options, unbiased);
    if (v.value <= 0.0) return {0.0};
    return {std::sqrt(v.value), 0.5 / std::sqrt(std::max(v.value, 1e-12)) * v.slope};
}

inline Dual mmd_loss(const DualMatrix& latent, const Labels& batch, const mmd::Options& options) {
    const auto members = [&](std::uint32_t code, bool equal) {
        std::vector<bool> member;
        for (const std::uint32_t b : batch.code) member.push_back((b == code) == equal);
        return member;
    };
    if (options.pairs == mmd::Pairs::first_vs_rest) {
        return mmd_comparison(latent, members(0, true), members(0, false), options);
    }
    Dual sum;
    double n_present = 0.0;
    for (std::uint32_t b = 0; b < batch.count(); ++b) {
        if (label_sizes(batch)[b] == 0) continue;
        sum += mmd_comparison(latent, members(b, true), std::vector<bool>(batch.code.size(), true), options);
        n_present += 1.0;
    }
    return sum / Dual(n_present);
}

}  // namespace bcbench::testing
