#include "engine/metrics/silhouettes/isolated_labels.hpp"

#include <algorithm>
#include <string>

#include "engine/core/check.hpp"

namespace bcbench::isolated_labels {

MetricResult evaluate(const silhouette::DistanceSums& sums, const Options& options) {
    require(!options.n_max_batches || *options.n_max_batches >= 1,
            "labels are isolated in at least 1 batch (n_max_batches)");
    require(sums.has_batches(), "isolated labels need distance sums that were measured with batches");
    const Groups& label = sums.label;
    if (label.count() < 2) return not_applicable("needs at least two labels");
    std::size_t most = sums.batch_size[0].size();
    for (const std::vector<std::size_t>& batches : sums.batch_size) most = std::min(most, batches.size());
    if (options.n_max_batches) most = static_cast<std::size_t>(*options.n_max_batches);
    const std::vector<double> silhouettes = silhouette::label_silhouettes(sums);
    MetricResult result;
    double n_used = 0.0;
    std::vector<GroupValue> values(label.count());
    for (std::size_t l = 0; l < label.count(); ++l) {
        const std::size_t n_batches = sums.batch_size[l].size();
        if (n_batches > most) {
            values[l].reason = "not isolated: the label occurs in " + std::to_string(n_batches) + " batches";
            continue;
        }
        double sum = 0.0;
        for (const std::uint32_t i : label.members[l]) sum += (silhouettes[i] + 1.0) / 2.0;
        values[l].value = sum / static_cast<double>(label.members[l].size());
        n_used += 1.0;
    }
    set_mean_over_labels(values, label, sums.label_names, result);
    result.details = {{"n_max_batches", static_cast<double>(most)}, {"n_labels", n_used}};
    if (!result.value) result.reason = "no label occurs in at most " + std::to_string(most) + " batches";
    for (std::size_t l = 0; l < label.count(); ++l) {
        if (!values[l].value || label.members[l].size() >= 10) continue;
        result.warnings.push_back("the isolated label '" + sums.label_names[label.code[l]] + "' has only " +
                                  std::to_string(label.members[l].size()) + " cells");
    }
    return result;
}

}  // namespace bcbench::isolated_labels
