#include "engine/metrics/aggregates.hpp"

#include <stdexcept>

#include "engine/core/check.hpp"

namespace bcbench::aggregates {

MetricResult mean_of(const std::vector<Member>& members) {
    require(!members.empty(), "an aggregate needs at least one metric");
    std::string missing;
    double sum = 0.0;
    for (const Member& member : members) {
        if (member.value) {
            sum += *member.value;
        } else {
            missing += (missing.empty() ? "" : ", ") + member.name;
        }
    }
    if (!missing.empty()) return not_applicable("incomplete without " + missing);
    MetricResult result;
    result.value = sum / static_cast<double>(members.size());
    return result;
}

Aggregates aggregate(const std::vector<Member>& batch_correction, const std::vector<Member>& bio_conservation,
                     const Options& options) {
    const double weight = options.bio_weight;
    if (!(weight >= 0.0 && weight <= 1.0)) {
        throw std::invalid_argument("the weight of biology must lie in [0, 1], but is " + std::to_string(weight));
    }
    Aggregates all;
    all.batch_correction = mean_of(batch_correction);
    all.bio_conservation = mean_of(bio_conservation);
    if (all.batch_correction.value && all.bio_conservation.value) {
        all.total.value = weight * *all.bio_conservation.value + (1.0 - weight) * *all.batch_correction.value;
        return all;
    }
    for (const MetricResult* part : {&all.batch_correction, &all.bio_conservation}) {
        if (part->value) continue;
        all.total.reason += (all.total.reason.empty() ? "" : "; ") + part->reason;
    }
    return all;
}

}  // namespace bcbench::aggregates
