// The three steps of a level of Leiden (Traag, Waltman and van Eck 2019, algorithm A.2).
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/random.hpp"
#include "engine/metrics/leiden/level.hpp"

namespace bcbench::leiden {

/// Step 1, local moving (MoveNodesFast): every node, in `order`, moves to the cluster of a neighbour, or to one of its
/// own, where that gains most; the neighbours of a node that moved wait for their turn again. Ends when no single move
/// gains.
void move_nodes(const Level& level, const Gains& gains, const std::vector<std::uint32_t>& order,
                Membership& membership);

/// Step 2, refinement (RefinePartition): clusters inside the `n_clusters` clusters of `membership`, grown from single
/// nodes in `order`. A node that is well connected to its cluster joins a well connected refined cluster, at random
/// with probability proportional to exp(gain / randomness) among those that do not lose, its own included. Draws are
/// the words of `key` in order.
Membership refine(const Level& level, const Gains& gains, const Membership& membership, std::uint32_t n_clusters,
                  const std::vector<std::uint32_t>& order, double randomness, Key key);

/// Step 3, aggregation: the level whose nodes are the `n_clusters` clusters of `membership`.
Level aggregate(const Level& level, const Membership& membership, std::uint32_t n_clusters);

}  // namespace bcbench::leiden
