// Harmony as its equations read: double, one loop nest per equation, no helper shared with engine/methods. Slow, and
// never edited for speed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::reference {

/// Concrete values of everything; nothing is left to a default that depends on the cells. Covariates' levels are all
/// their names, each with cells, covariate after covariate.
struct RealHarmonyOptions {
    bool first_version = false;
    std::size_t n_clusters = 1;
    std::vector<double> theta;                  // [B] before tau
    std::vector<double> sigma;                  // [K]
    std::optional<std::vector<double>> lambda;  // [B]; none: alpha E
    double alpha = 0.2;
    double tau = 0.0;
    int max_iter = 10;
    int max_rounds = 4;
    std::optional<double> epsilon_cluster = 1e-3;
    std::optional<double> epsilon_harmony = 1e-2;
    double block_size = 0.05;
    double batch_prop_cutoff = 1e-5;
    bool sum_of_penalties = false;
    bool stop_on_increase = true;
    std::vector<std::size_t> reference;  // levels
    int lloyd_steps = 10;
    std::uint64_t seed = 0;
    std::vector<std::uint32_t> seeds;                // cells, or empty: drawn
    std::vector<std::vector<std::uint32_t>> orders;  // per round, or empty: drawn
};

struct RealHarmonyResult {
    arma::mat corrected;                           // [F x n]
    arma::mat assignments;                         // [K x n]
    arma::mat centroids;                           // [F x K]
    arma::cube coefficients;                       // [F x B x K]
    arma::mat expected;                            // [K x B]
    arma::mat observed;                            // [K x B]
    arma::vec cluster_weight;                      // [K]
    arma::mat cluster_sum;                         // [F x K]
    std::vector<std::vector<std::uint32_t>> kept;  // [K]
    arma::mat objective_rounds;                    // [3 x 1 + rounds] distance, entropy, diversity
    std::vector<double> objective;                 // of the start and every iteration
    std::vector<int> rounds;                       // of every iteration
    int iterations = 0;
    std::string status;
    std::vector<std::uint32_t> start_cells;
    std::vector<std::uint32_t> seeds;
};

RealHarmonyResult harmony(const arma::mat& cells, const std::vector<Labels>& covariates,
                          const RealHarmonyOptions& options);

/// New cells [F x m] onto a reference that stays: corrected cells, and assignments in the second place.
std::pair<arma::mat, arma::mat> map_onto_harmony(const arma::mat& cells, const std::vector<Labels>& covariates,
                                                 const arma::mat& centroids, const std::vector<double>& sigma,
                                                 const arma::vec& cluster_weight, const arma::mat& cluster_sum,
                                                 double lambda);

}  // namespace bcbench::reference
