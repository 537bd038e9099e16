// What the steps of Leiden share: the graph of one level, whose nodes are groups of cells, and clusters of its nodes.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/neighbors/weighted_graph.hpp"

namespace bcbench::leiden {

/// The cluster of each node. [n]
using Membership = std::vector<std::uint32_t>;

/// Edges inside a node are left out of its graph, for they never change; its strength counts them.
struct Level {
    WeightedGraph graph;
    std::vector<double> strength;  // [n] the sum of the strengths of its cells
};

/// What every gain is counted in: an edge of weight w inside a cluster adds w, and two nodes in one cluster cost
/// resolution / 2m times the product of their strengths, 2m being the sum of all strengths.
struct Gains {
    double cost = 0.0;  // resolution / 2m

    double merging(double weight_between, double strength_a, double strength_b) const {
        return weight_between - cost * strength_a * strength_b;
    }
};

/// Renumbers clusters by their first node; returns how many there are.
std::uint32_t renumber(Membership& membership);

/// The nodes of each of `n_clusters` clusters, one cluster after the other, in the order of `order`.
struct ClusterNodes {
    std::vector<std::size_t> start;   // [n_clusters+1]
    std::vector<std::uint32_t> node;  // [n]
};
ClusterNodes nodes_of_clusters(const Membership& membership, std::uint32_t n_clusters,
                               const std::vector<std::uint32_t>& order);

/// Weights from one node to clusters, cleared in the time of what was added.
class WeightsToClusters {
  public:
    explicit WeightsToClusters(std::size_t n_clusters) : weight_(n_clusters, 0.0), seen_(n_clusters, 0) {}

    void add(std::uint32_t cluster, double weight) {
        if (!seen_[cluster]) {
            seen_[cluster] = 1;
            clusters_.push_back(cluster);
        }
        weight_[cluster] += weight;
    }
    /// In the order in which they were first added.
    const std::vector<std::uint32_t>& clusters() const { return clusters_; }
    double operator[](std::uint32_t cluster) const { return weight_[cluster]; }
    void clear() {
        for (const std::uint32_t cluster : clusters_) weight_[cluster] = 0.0, seen_[cluster] = 0;
        clusters_.clear();
    }

  private:
    std::vector<double> weight_;
    std::vector<char> seen_;
    std::vector<std::uint32_t> clusters_;
};

}  // namespace bcbench::leiden
