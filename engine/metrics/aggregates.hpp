// The field's summary of a correction (Luecken et al. 2022): batch correction, conservation of biology, and both.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/metrics/result.hpp"

namespace bcbench::aggregates {

struct Member {
    std::string name;
    std::optional<double> value;  // none: not applicable
};

struct Options {
    /// Weight of biology in the total; batch correction has the rest. 0.6 in the literature.
    double bio_weight = 0.6;
};

struct Aggregates {
    MetricResult batch_correction, bio_conservation, total;
};

/// The mean of raw values, none of them rescaled by those of other methods; with a missing member there is none, and
/// the reason names what is missing: a mean over fewer members would be another quantity.
MetricResult mean_of(const std::vector<Member>& members);

/// The two means and their weighted sum. Throws std::invalid_argument unless the weight lies in [0, 1].
Aggregates aggregate(const std::vector<Member>& batch_correction, const std::vector<Member>& bio_conservation,
                     const Options& options = {});

/// The members in the definition of scib-metrics 0.6.
inline const std::vector<std::string> scib_batch_correction = {"bras", "ilisi", "kbet_per_label", "graph_connectivity",
                                                               "pcr_comparison"};
inline const std::vector<std::string> scib_bio_conservation = {"isolated_labels", "nmi_kmeans", "ari_kmeans",
                                                               "silhouette_label", "clisi"};

/// What an embedding decides of the metrics of OpenProblems' batch integration task, where each has the same weight.
inline const std::vector<std::string> openproblems_batch_correction = {
    "silhouette_batch",   "bras",   "pcr_comparison", "kbet", "kbet_pg_label",
    "graph_connectivity", "cilisi", "cilisi_means"};
inline const std::vector<std::string> openproblems_bio_conservation = {
    "silhouette_label", "isolated_labels", "nmi_leiden", "ari_leiden", "ksim", "ksim_accept_rate"};

}  // namespace bcbench::aggregates
