#include "engine/metrics/leiden/leiden.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

#include "engine/core/check.hpp"
#include "engine/core/checkpoint.hpp"
#include "engine/metrics/leiden/steps.hpp"

namespace bcbench::leiden {

namespace {

// The keys of successive levels: (key, s) <- split(key, 2), as often as they are asked for.
class Keys {
  public:
    explicit Keys(Key key) : key_(key) {}
    Key next() {
        const std::vector<Key> pair = split(key_, 2);
        key_ = pair[0];
        return pair[1];
    }

  private:
    Key key_;
};

// Clusters of the aggregated nodes: those that the nodes came from. [n_refined]
Membership inherited(const Membership& membership, const Membership& refined, std::uint32_t n_refined) {
    Membership coarse(n_refined);
    for (std::size_t i = 0; i < membership.size(); ++i) coarse[refined[i]] = membership[i];
    return coarse;
}

// One iteration from `cells`, the cluster of each cell, which it replaces; whether anything changed.
bool iterate(const Level& base, const Gains& gains, double randomness, Keys& keys, Membership& cells) {
    const Membership before = cells;
    Level level = base;
    Membership node_of_cell(cells.size());
    std::iota(node_of_cell.begin(), node_of_cell.end(), 0U);
    Membership membership = cells;
    while (true) {
        checkpoint();
        const std::size_t n = membership.size();
        const std::vector<std::uint32_t> order = permutation(keys.next(), static_cast<std::uint32_t>(n));
        move_nodes(level, gains, order, membership);
        const std::uint32_t n_clusters = renumber(membership);
        for (std::size_t i = 0; i < cells.size(); ++i) cells[i] = membership[node_of_cell[i]];
        const Key refinement = keys.next();
        if (n_clusters == n) break;
        Membership parts = refine(level, gains, membership, n_clusters, order, randomness, refinement);
        std::uint32_t n_parts = renumber(parts);
        if (n_parts == n) {  // nothing was refined: the clusters themselves become nodes
            parts = membership;
            n_parts = n_clusters;
        }
        level = aggregate(level, parts, n_parts);
        membership = inherited(membership, parts, n_parts);
        for (std::uint32_t& node : node_of_cell) node = parts[node];
    }
    renumber(cells);
    return cells != before;
}

}  // namespace

void validate(const Options& options) {
    if (!(options.resolution > 0.0) || !std::isfinite(options.resolution)) {
        throw std::invalid_argument("the resolution of Leiden is " + std::to_string(options.resolution) +
                                    " and must be positive");
    }
    if (options.n_iterations < 1) {
        throw std::invalid_argument("the iterations of Leiden are " + std::to_string(options.n_iterations) +
                                    " and must be at least 1");
    }
    if (!(options.randomness > 0.0) || !std::isfinite(options.randomness)) {
        throw std::invalid_argument("the randomness of Leiden is " + std::to_string(options.randomness) +
                                    " and must be positive");
    }
}

Membership cluster(const WeightedGraph& graph, const Options& options, Key key) {
    validate(options);
    Membership cells(graph.count());
    std::iota(cells.begin(), cells.end(), 0U);
    const Level base{graph, strengths(graph)};
    const double total = std::accumulate(base.strength.begin(), base.strength.end(), 0.0);
    if (!(total > 0.0)) return cells;
    const Gains gains{options.resolution / total};
    Keys keys(key);
    for (std::int64_t i = 0; i < options.n_iterations; ++i) {
        if (!iterate(base, gains, options.randomness, keys, cells)) break;
    }
    return cells;
}

double modularity(const WeightedGraph& graph, const Membership& membership, double resolution) {
    require(membership.size() == graph.count(), "modularity needs one cluster for each node");
    const std::vector<double> strength = strengths(graph);
    const double total = std::accumulate(strength.begin(), strength.end(), 0.0);
    require(total > 0.0, "the modularity of a graph without edges is not defined");
    Membership clusters = membership;
    std::vector<double> of_cluster(renumber(clusters), 0.0);
    double within = 0.0;
    for (std::size_t i = 0; i < clusters.size(); ++i) {
        of_cluster[clusters[i]] += strength[i];
        for (std::size_t e = graph.start[i]; e < graph.start[i + 1]; ++e) {
            if (clusters[graph.target[e]] == clusters[i]) within += graph.weight[e];
        }
    }
    double expected = 0.0;
    for (const double each : of_cluster) expected += (each / total) * (each / total);
    return within / total - resolution * expected;
}

}  // namespace bcbench::leiden
