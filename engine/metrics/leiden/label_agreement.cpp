#include "engine/metrics/leiden/label_agreement.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "engine/core/parallel.hpp"
#include "engine/metrics/groups.hpp"
#include "engine/metrics/partitions/agreement.hpp"

namespace bcbench::leiden {

namespace {

Options options_of(const AgreementOptions& options, double resolution) {
    return {.resolution = resolution, .n_iterations = options.n_iterations, .randomness = options.randomness};
}

}  // namespace

void validate(const AgreementOptions& options) {
    if (options.resolutions.empty()) throw std::invalid_argument("Leiden needs at least one resolution");
    for (const double resolution : options.resolutions) validate(options_of(options, resolution));
}

Agreement agreement(const WeightedGraph& graph, const Labels& label, const AgreementOptions& options) {
    validate(options);
    const Groups labels = groups_of(label, graph.count(), "label");
    Agreement found;
    if (graph.target.empty()) {
        found.nmi = found.ari = not_applicable("the graph of the cells has no edges");
        return found;
    }
    const std::size_t count = options.resolutions.size();
    std::vector<Membership> clusters(count);
    found.trials.resize(count);
    parallel_for(count, [&](std::size_t i) {
        Trial& trial = found.trials[i];
        trial.resolution = options.resolutions[i];
        const Key key = fold_in(make_key(options.seed), static_cast<std::uint32_t>(i));
        clusters[i] = cluster(graph, options_of(options, trial.resolution), key);
        trial.n_clusters = *std::max_element(clusters[i].begin(), clusters[i].end()) + 1;
        trial.modularity = modularity(graph, clusters[i], trial.resolution);
        const PartitionAgreement agreed = partition_agreement(clusters[i], labels.of_cell);
        trial.nmi = agreed.nmi;
        trial.ari = agreed.ari;
    });
    const auto best = std::max_element(found.trials.begin(), found.trials.end(),
                                       [](const Trial& a, const Trial& b) { return a.nmi < b.nmi; });
    found.clusters = std::move(clusters[static_cast<std::size_t>(best - found.trials.begin())]);
    found.nmi = nmi_of(found.clusters, label);
    found.ari = ari_of(found.clusters, label);
    for (MetricResult* result : {&found.nmi, &found.ari}) {
        result->details.push_back({"resolution", best->resolution});
        result->details.push_back({"n_clusters", static_cast<double>(best->n_clusters)});
        result->details.push_back({"modularity", best->modularity});
    }
    return found;
}

}  // namespace bcbench::leiden
