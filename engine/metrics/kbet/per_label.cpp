#include "engine/metrics/kbet/per_label.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/parallel.hpp"
#include "engine/metrics/kbet/diffusion_embedding.hpp"
#include "engine/metrics/kbet/kbet.hpp"
#include "engine/metrics/label_means.hpp"

namespace bcbench::kbet_per_label {

namespace {

using arma::uword;

constexpr std::size_t fewest_cells = 10;  // of a label

// Other cells of a neighbourhood: a quarter of the mean number of cells per batch, within bounds.
std::size_t others_of(std::size_t n_cells, std::size_t n_batches) {
    return std::clamp<std::size_t>(n_cells / n_batches / 4, 10, 70);
}

// The cells of the components with at least `smallest` cells, rising; all of them if there is one component.
std::vector<std::uint32_t> cells_of_large_components(const WeightedGraph& graph, std::size_t smallest) {
    const auto components = connected_components(graph);
    std::vector<std::uint32_t> cells;
    for (const std::vector<std::uint32_t>& component : components) {
        if (components.size() > 1 && component.size() < smallest) continue;
        cells.insert(cells.end(), component.begin(), component.end());
    }
    std::sort(cells.begin(), cells.end());
    return cells;
}

struct LabelResult {
    LabelValue value;
    std::string warning;  // empty, or what its value hides
    bool fell_apart = false;
};

// The test in the diffusion embedding of `graph`, whose cells `batch` groups.
double acceptance_in_embedding(const WeightedGraph& graph, const Groups& batch, std::size_t others,
                               const Options& options) {
    const auto n_components = std::min<uword>(static_cast<uword>(options.n_components), graph.count() - 1);
    const arma::mat coordinates = diffusion_embedding(graph, n_components).coordinates;
    const uword found = std::min<uword>(others, graph.count() - 1);
    return *kbet::acceptance(nearest_neighbors(coordinates, found), batch, options.alpha).value;
}

LabelResult evaluate_label(const WeightedGraph& connectivities, const std::vector<std::uint32_t>& members,
                           const Groups& batches, const Options& options) {
    LabelResult result;
    const auto left_out = [&](std::string reason) {
        result.value.reason = std::move(reason);
        return result;
    };
    const Groups all = groups_among(batches, members);
    if (all.count() < 2) return left_out("the label occurs in one batch only");
    if (members.size() < fewest_cells) {
        return left_out("the label has " + std::to_string(members.size()) + " cells, fewer than 10");
    }
    const std::size_t others = others_of(members.size(), all.count());
    const WeightedGraph graph = subgraph(connectivities, members);
    const std::vector<std::uint32_t> used = cells_of_large_components(graph, 3 * others);
    const std::string in_large = std::to_string(used.size()) + " of its " + std::to_string(members.size()) +
                                 " cells hang together in groups of at least " + std::to_string(3 * others);
    if (4 * used.size() < 3 * members.size()) {
        result.value.value = 0.0;
        result.warning = "scores 0, for only " + in_large;
        result.fell_apart = true;
        return result;
    }
    const Groups own = groups_among(all, used);
    if (own.count() < 2) return left_out("the label's large components are of one batch");
    if (used.size() < members.size()) result.warning = "is scored on a part: " + in_large;
    const bool whole = used.size() == members.size();
    result.value.value = acceptance_in_embedding(whole ? graph : subgraph(graph, used), own, others, options);
    return result;
}

// Largest first, so that threads end together.
std::vector<std::size_t> by_falling_size(const std::vector<std::vector<std::uint32_t>>& members) {
    std::vector<std::size_t> order(members.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return members[a].size() > members[b].size(); });
    return order;
}

std::vector<LabelResult> evaluate_labels(const WeightedGraph& connectivities, const Labels& label, const Groups& labels,
                                         const Groups& batches, const Options& options) {
    const std::vector<std::vector<std::uint32_t>>& members = labels.members;
    const std::vector<std::size_t> order = by_falling_size(members);
    std::vector<LabelResult> results(labels.count());
    const auto evaluate_at = [&](std::size_t place) {
        const std::size_t l = order[place];
        results[l] = evaluate_label(connectivities, members[l], batches, options);
        results[l].value.label = label.names[labels.code[l]];
    };
    // a label of more than its share of cells has all threads to itself; the others have one each
    std::size_t alone = 0;
    while (alone < order.size() && members[order[alone]].size() * thread_count() > connectivities.count()) {
        evaluate_at(alone++);
    }
    parallel_for(order.size() - alone, [&](std::size_t place) { evaluate_at(alone + place); });
    return results;
}

}  // namespace

void validate(const Options& options) {
    kbet::validate({.alpha = options.alpha});
    if (options.n_components < 1) {
        throw std::invalid_argument("n_components of kBET per label is " + std::to_string(options.n_components) +
                                    " and must be at least 1");
    }
}

MetricResult evaluate(const WeightedGraph& connectivities, const Labels& label, const Labels& batch,
                      const Options& options) {
    validate(options);
    const Groups labels = groups_of(label, connectivities.count(), "label");
    const Groups batches = groups_of(batch, connectivities.count(), "batch");
    if (batches.count() < 2) return not_applicable("kBET compares batches, and there is only one");
    const std::vector<LabelResult> results = evaluate_labels(connectivities, label, labels, batches, options);
    std::vector<LabelValue> values;
    std::vector<std::string> warnings;
    double set_to_zero = 0.0;
    for (const LabelResult& each : results) {
        values.push_back(each.value);
        set_to_zero += each.fell_apart ? 1.0 : 0.0;
        if (!each.warning.empty()) warnings.push_back("label '" + each.value.label + "' " + each.warning);
    }
    MetricResult result =
        mean_of_labels(std::move(values), label, "every label has fewer than 10 cells or occurs in one batch only");
    result.details.push_back({"set_to_zero", set_to_zero});
    result.warnings = std::move(warnings);
    return result;
}

}  // namespace bcbench::kbet_per_label
