// The baselines and controls as their equations read: double, one loop nest per equation, no helper shared with
// engine/methods. Slow, and never edited for speed; tests compare against them.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/random.hpp"
#include "engine/core/types.hpp"

namespace bcbench::reference {

struct CombatOptions {
    bool mean_only = false;
    double tolerance = 1e-4;
};

/// [F x n]. Every feature varies within the batches, every batch has at least 2 cells, and there are 2 features or
/// more.
arma::mat combat(const arma::mat& cells, const Labels& batch, const std::vector<Labels>& covariates,
                 const CombatOptions& options);

struct MnnOptions {
    std::size_t n_neighbors = 20;
    double bandwidth = 3.0;
    double min_batch_effect = 0.0;
    std::vector<std::uint32_t> order;  // batches in the order in which they join
};

struct MnnStep {
    std::size_t n_pairs = 0;
    double left_share = 0.0;
    double right_share = 0.0;
    double batch_effect = 0.0;
    std::vector<double> variance_removed;  // [B]
};

struct MnnResult {
    arma::mat corrected;  // [F x n]
    std::vector<MnnStep> steps;
};

MnnResult mnn(const arma::mat& cells, const Labels& batch, const MnnOptions& options);

/// [F x n]
arma::mat batch_mean_centering(const arma::mat& cells, const Labels& batch, bool keep_overall_mean);

/// [F x n]. Every feature varies within every batch.
arma::mat batch_scaling(const arma::mat& cells, const Labels& batch, bool keep_overall);

/// The cells dealt out within each group; no labels: among all. [F x n]
arma::mat shuffled(const arma::mat& cells, const Labels& group, Key key);

/// [T x n]
arma::mat one_hot_types(const Labels& type, double jitter, Key key);

}  // namespace bcbench::reference
