// k-means, the agreement of partitions and principal component regression as they are defined, for tests.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::reference {

struct KmeansResult {
    std::vector<std::uint32_t> cluster;      // [n]
    std::vector<std::uint32_t> first_cells;  // [K]
    double inertia = 0.0;
};

/// k-means of `cells` [F x n] from one seed, one initialisation.
KmeansResult kmeans(const arma::mat& cells, arma::uword n_clusters, std::uint64_t seed);

/// Normalised mutual information from the joint distribution of two partitions.
double nmi(const std::vector<std::uint32_t>& a, const std::vector<std::uint32_t>& b);

/// Adjusted Rand index from all pairs of cells.
double ari(const std::vector<std::uint32_t>& a, const std::vector<std::uint32_t>& b);

/// The regression itself: R^2 of every principal component of `cells` [F x n] on one-hot batches, weighted by the
/// component's variance.
double between_batch_share(const arma::mat& cells, const Labels& batch);

}  // namespace bcbench::reference
