// How well Leiden clusters of a graph agree with labels, at the resolution where they agree best (Luecken et al. 2022,
// scIB: NMI and ARI of clusters with an optimised resolution). Optimistic by design: the labels choose the resolution.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/types.hpp"
#include "engine/metrics/leiden/leiden.hpp"
#include "engine/metrics/result.hpp"

namespace bcbench::leiden {

struct AgreementOptions {
    /// The resolutions that are tried; larger ones make more clusters.
    std::vector<double> resolutions = {0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0};
    /// As Options::n_iterations.
    std::int64_t n_iterations = 2;
    /// As Options::randomness.
    double randomness = 0.01;
    /// Of the draws: resolution number i has the key of request i of the stream of this seed.
    std::uint64_t seed = 0;
};

/// Throws std::invalid_argument unless there is a resolution and cluster() would accept the options.
void validate(const AgreementOptions& options);

/// What one resolution gave.
struct Trial {
    double resolution = 0.0;
    std::uint32_t n_clusters = 0;
    double modularity = 0.0;  // at this resolution
    double nmi = 0.0;
    double ari = 0.0;
};

struct Agreement {
    /// NMI and ARI of the trial with the largest NMI, the first one on ties. Details of both: its `resolution`,
    /// `n_clusters` and `modularity`. Not applicable if the graph has no edges.
    MetricResult nmi;
    MetricResult ari;
    std::vector<Trial> trials;  // [resolutions]
    Membership clusters;        // [n] of the chosen trial
};

/// `graph` is usually umap_graph with 14 others. Resolutions share the threads, and each has draws of its own: the same
/// bits for any number of threads. Throws std::invalid_argument on bad options or labels.
Agreement agreement(const WeightedGraph& graph, const Labels& label, const AgreementOptions& options = {});

}  // namespace bcbench::leiden
