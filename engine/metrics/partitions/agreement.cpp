#include "engine/metrics/partitions/agreement.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "engine/core/check.hpp"
#include "engine/metrics/groups.hpp"

namespace bcbench {

namespace {

struct PairCount {
    std::uint64_t pair = 0;  // group of the first partition in the high half, of the second in the low half
    std::uint64_t count = 0;
};

/// The cells of each pair of groups that occurs, in the order of the pairs.
std::vector<PairCount> contingency(const std::vector<std::uint32_t>& first, const std::vector<std::uint32_t>& second) {
    std::vector<std::uint64_t> pairs(first.size());
    for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i] = (std::uint64_t{first[i]} << 32) | second[i];
    std::sort(pairs.begin(), pairs.end());
    std::vector<PairCount> counts;
    for (const std::uint64_t pair : pairs) {
        if (counts.empty() || counts.back().pair != pair) counts.push_back({pair, 0});
        ++counts.back().count;
    }
    return counts;
}

/// The groups numbered by their first cells: sums over them then do not depend on what they are called, to the last
/// bit.
std::vector<std::uint32_t> by_first_cell(const std::vector<std::uint32_t>& partition) {
    constexpr auto unseen = std::numeric_limits<std::uint32_t>::max();
    std::vector<std::uint32_t> number(std::size_t{*std::max_element(partition.begin(), partition.end())} + 1, unseen);
    std::uint32_t count = 0;
    std::vector<std::uint32_t> renumbered;
    renumbered.reserve(partition.size());
    for (const std::uint32_t group : partition) {
        if (number[group] == unseen) number[group] = count++;
        renumbered.push_back(number[group]);
    }
    return renumbered;
}

/// Cells of each group. [largest group + 1]
std::vector<std::uint64_t> sizes_of(const std::vector<std::uint32_t>& partition) {
    std::vector<std::uint64_t> sizes(std::size_t{*std::max_element(partition.begin(), partition.end())} + 1, 0);
    for (const std::uint32_t group : partition) ++sizes[group];
    return sizes;
}

double entropy(const std::vector<std::uint64_t>& sizes, double n) {
    double sum = 0.0;
    for (const std::uint64_t size : sizes) {
        if (size > 0) sum -= static_cast<double>(size) / n * std::log(static_cast<double>(size) / n);
    }
    return sum;
}

/// Pairs of two cells of the same group.
double pairs_within(const std::vector<std::uint64_t>& sizes) {
    double sum = 0.0;
    for (const std::uint64_t size : sizes) {
        if (size > 1) sum += static_cast<double>(size) * static_cast<double>(size - 1) / 2.0;
    }
    return sum;
}

bool is_one_group(const std::vector<std::uint64_t>& sizes, std::uint64_t n) {
    return std::find(sizes.begin(), sizes.end(), n) != sizes.end();
}

MetricResult scored(double value, const Labels& label, std::size_t n_cells) {
    MetricResult result;
    result.value = value;
    if (groups_of(label, n_cells, "labels").count() == 1) {
        result.warnings.push_back("all cells have one label: the value is 1 or 0 by convention and says nothing");
    }
    return result;
}

}  // namespace

PartitionAgreement partition_agreement(const std::vector<std::uint32_t>& first_groups,
                                       const std::vector<std::uint32_t>& second_groups) {
    require(!first_groups.empty(), "two partitions of no cells cannot be compared");
    if (first_groups.size() != second_groups.size()) {
        throw std::invalid_argument("two partitions can be compared of the same cells only, not of " +
                                    std::to_string(first_groups.size()) + " and " +
                                    std::to_string(second_groups.size()));
    }
    const std::vector<std::uint32_t> first = by_first_cell(first_groups);
    const std::vector<std::uint32_t> second = by_first_cell(second_groups);
    const auto n = static_cast<double>(first.size());
    const std::vector<std::uint64_t> a = sizes_of(first);
    const std::vector<std::uint64_t> b = sizes_of(second);
    double information = 0.0;
    double together = 0.0;
    for (const PairCount& each : contingency(first, second)) {
        const auto count = static_cast<double>(each.count);
        const auto size_a = static_cast<double>(a[each.pair >> 32]);
        const auto size_b = static_cast<double>(b[each.pair & 0xffffffffU]);
        information += count / n * std::log(n * count / (size_a * size_b));
        together += count * (count - 1.0) / 2.0;
    }
    PartitionAgreement agreement;
    const bool one_a = is_one_group(a, first.size());
    const bool one_b = is_one_group(b, first.size());
    if (one_a || one_b) {
        agreement.nmi = one_a && one_b ? 1.0 : 0.0;
    } else {
        agreement.nmi = std::clamp(information / ((entropy(a, n) + entropy(b, n)) / 2.0), 0.0, 1.0);
    }
    const double within_a = pairs_within(a);
    const double within_b = pairs_within(b);
    const double all = n * (n - 1.0) / 2.0;
    const bool alike = (within_a == 0.0 && within_b == 0.0) || (within_a == all && within_b == all);
    const double expected = alike ? 0.0 : within_a * within_b / all;
    agreement.ari = alike ? 1.0 : (together - expected) / ((within_a + within_b) / 2.0 - expected);
    return agreement;
}

MetricResult nmi_of(const std::vector<std::uint32_t>& clusters, const Labels& label) {
    return scored(partition_agreement(clusters, label.code).nmi, label, clusters.size());
}

MetricResult ari_of(const std::vector<std::uint32_t>& clusters, const Labels& label) {
    return scored(partition_agreement(clusters, label.code).ari, label, clusters.size());
}

}  // namespace bcbench
