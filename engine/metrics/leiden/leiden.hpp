// Leiden clustering (Traag, Waltman and van Eck 2019, "From Louvain to Leiden: guaranteeing well-connected
// communities") on modularity with a resolution (Reichardt and Bornholdt 2006):
//   Q = 1/2m sum_ij (A_ij - resolution k_i k_j / 2m) [c_i = c_j],   k strengths, 2m their sum
// An iteration goes up level by level: local moving, refinement, aggregation by the refined clusters, until no cluster
// of the level holds two of its nodes. The defaults are those of igraph's community_leiden, whose draws (and therefore
// clusters) are others.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/random.hpp"
#include "engine/metrics/leiden/level.hpp"

namespace bcbench::leiden {

struct Options {
    /// Larger resolutions make more and smaller clusters.
    double resolution = 1.0;
    /// Iterations, each from the clusters of the one before; ends early where nothing changes.
    std::int64_t n_iterations = 2;
    /// Larger values make the refinement choose more at random.
    double randomness = 0.01;
};

/// Throws std::invalid_argument unless all are finite and positive.
void validate(const Options& options);

/// The cluster of each node, numbered by their first nodes. Nodes without edges are clusters of their own. Draws depend
/// on `key` alone: every level takes two keys from it, for its order of nodes and for its refinement. O(edges) a level.
Membership cluster(const WeightedGraph& graph, const Options& options, Key key);

/// Q of a partition, at most 1. Throws std::invalid_argument unless the graph has edges and `membership` one cluster
/// for each node.
double modularity(const WeightedGraph& graph, const Membership& membership, double resolution = 1.0);

}  // namespace bcbench::leiden
