// kBET per label (Luecken et al. 2022, scIB) as scib-metrics 0.6 defines it: kbet.hpp inside each label, in
// neighbourhoods of a diffusion embedding (diffusion_embedding.hpp) of the label's own part of a graph.
//   k0 = min(70, max(10, n_l / b_l / 4)) others, of a label with n_l cells in b_l batches
// A label of fewer than 10 cells or of one batch is left out. If its part of the graph is not connected, components of
// at least 3 k0 cells are kept; if they hold less than 3/4 of its cells the label scores 0.
// Eigenvectors are exact and every label has min(100, n_l - 1) of them, whatever the other labels are; scib-metrics
// differs in both (float32, and the number falls for all labels after a small one), which is not copied.
// Cost: per label about 400 products with its graph, 4 n_l 400^2 operations, and neighbours in 100 dimensions.
#pragma once

#include <cstdint>

#include "engine/core/types.hpp"
#include "engine/metrics/result.hpp"
#include "engine/neighbors/weighted_graph.hpp"

namespace bcbench::kbet_per_label {

struct Options {
    /// Level of the test; larger rejects more neighbourhoods.
    double alpha = 0.05;
    /// Eigenvectors of the diffusion embedding; fewer see only the coarse shape of a label.
    std::int64_t n_components = 100;
};

/// Throws std::invalid_argument unless 0 < alpha < 1 and n_components is at least 1.
void validate(const Options& options);

/// The mean over labels, in [0, 1], with per_label values. `connectivities` is usually umap_graph with 49 others.
/// Details: `left_out`, and `set_to_zero`, the labels that fell apart; the warnings name these and those of which small
/// components were left out. Not applicable if all labels are left out. Throws std::invalid_argument on bad options or
/// shapes, NumericalError if an embedding does not converge.
MetricResult evaluate(const WeightedGraph& connectivities, const Labels& label, const Labels& batch,
                      const Options& options = {});

}  // namespace bcbench::kbet_per_label
