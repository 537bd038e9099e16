// k-means (Lloyd 1982) with greedy k-means++ seeding (Arthur and Vassilvitskii 2007), on Threefry streams: the draws,
// and so the clusters, of scib-metrics 0.6, which seeds on the same streams. All sums and distances are in double on
// centred cells; draws are float32.
//   first centre: the first cell of a random order
//   next centre:  2 + floor(ln K) candidates, drawn without replacement with weights D_i, the squared distance to the
//                 nearest centre so far; the candidate that leaves the smallest sum of D_i becomes the centre
//   rounds:       each cell to its nearest centre, each centre to the mean of its cells, until no cell moves
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/types.hpp"
#include "engine/metrics/result.hpp"

namespace bcbench::kmeans {

struct Options {
    /// Clusters K, at most as many as cells.
    std::int64_t n_clusters = 8;
    /// Initialisations; the clustering of the smallest inertia counts, the earlier of equal ones. More cost as many
    /// times the time and depend less on the draws.
    std::int64_t n_init = 1;
    /// Rounds at most; a limit that is hardly ever reached.
    std::int64_t n_max_rounds = 300;
    std::uint64_t seed = 0;
};

struct Clustering {
    std::vector<std::uint32_t> cluster;      // [n] nearest centre, ties by lower centre
    arma::mat centres;                       // [F x K] means of their cells; of all cells for a cluster without any
    std::vector<std::uint32_t> first_cells;  // [K] the cells that the centres started from
    double inertia = 0.0;                    // sum over cells of the squared distance to their centre
    std::int64_t n_rounds = 0;
    bool converged = false;  // no cell moved in the last round
};

/// Throws std::invalid_argument unless 1 <= n_clusters <= n_cells, n_init >= 1 and n_max_rounds >= 1.
void validate(const Options& options, std::size_t n_cells);

/// Clusters of `cells` [F x n], which must be finite. The result does not depend on the number of threads. Nearest
/// centres are exact: where the matrix product leaves it open which is nearer, squared distances are computed as
/// defined. Time O(n F K) for the seeding, times 2 + ln K, and for each round.
template <class Real>
Clustering cluster(const Matrix<Real>& cells, const Options& options);

/// The same with as many clusters as `label` has categories.
template <class Real>
Clustering cluster_as_labels(const Matrix<Real>& cells, const Labels& label, Options options = {});

}  // namespace bcbench::kmeans
