// Maximum mean discrepancy between groups of cells in the latent space (Gretton et al. 2012, JMLR 13), with Gaussian
// kernels
//   k(u, v) = mean over bandwidths w of exp(-||u - v||^2 / (2 w^2)).
// The loss is sqrt(max(v, 0)) with v = E k(a, a) + E k(b, b) - 2 E k(a, b); its slope is 0 where v <= 0 and
// 0.5 / sqrt(max(v, 1e-12)) elsewhere. Pairs are visited in tiles: time O(n^2 L), memory O(n L), with a gradient O(n L
// B).
#pragma once

#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::mmd {

enum class Estimator {
    masked,          // groups a = z m n/n_a and b = z (1-m) n/n_b keep all n rows, the other group's cells as zero rows
    biased,          // E over the group's own cells, i = j included
    unbiased,        // E over the group's own cells, pairs of a cell with itself left out
    masked_unbiased  // masked; within a group the pairs of a row with itself are left out, between groups none
};

constexpr const char* words_of(Estimator) { return "masked biased unbiased masked_unbiased"; }

enum class Pairs {
    first_vs_rest,  // batch 0 against all other cells
    each_vs_all     // mean over batches of the batch against all cells
};
constexpr const char* words_of(Pairs) { return "first_vs_rest each_vs_all"; }

struct Options {
    Estimator estimator = Estimator::masked;
    Pairs pairs = Pairs::first_vs_rest;
    std::vector<double> bandwidths = {1.0};  // in units of the latent space; larger compare coarser structure
};

/// Whether groups keep all n rows.
bool is_masked(Estimator estimator);

/// Cells that the estimator needs in each group: 1; unbiased: 2; the masked ones: 0, an empty group being all zero
/// rows.
std::size_t fewest_cells(Estimator estimator);

/// The loss of `latent` [L x n]; adds loss_bar times its gradient to `latent_bar` [L x n] unless it is nullptr. Groups
/// with fewer cells than the estimator needs are left out; where that leaves fewer than two, the loss is 0.
template <class Real>
double loss(const Matrix<Real>& latent, const Labels& batch, const Options& options, Matrix<Real>* latent_bar = nullptr,
            double loss_bar = 1.0);

/// Median distance between pairs of at most `max_cells` cells, one at random from each of as many stretches of equal
/// length: the unit of relative bandwidths. Throws NumericalError if a distance is not finite.
template <class Real>
double median_distance(const Matrix<Real>& cells, arma::uword max_cells = 500);

}  // namespace bcbench::mmd
