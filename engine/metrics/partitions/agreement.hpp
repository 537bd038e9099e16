// How well two partitions of the same cells agree: clusters against labels, usually.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/types.hpp"
#include "engine/metrics/result.hpp"

namespace bcbench {

struct PartitionAgreement {
    /// Normalised mutual information: mutual information over the arithmetic mean of the two entropies, in [0, 1]. 1 if
    /// both partitions are one group, 0 if only one of them is.
    double nmi = 0.0;
    /// Adjusted Rand index (Hubert and Arabie 1985): 1 for equal partitions, 0 expected of random ones of the same
    /// sizes; it can be slightly negative. 1 if both are one group or both all single cells.
    double ari = 0.0;
};

/// `first` and `second` hold a number of the cell's group each, in no order; at least one cell. [n]
PartitionAgreement partition_agreement(const std::vector<std::uint32_t>& first,
                                       const std::vector<std::uint32_t>& second);

/// nmi of `clusters` [n] against `label`. Both metrics warn if there is one label only, where 1 says nothing.
MetricResult nmi_of(const std::vector<std::uint32_t>& clusters, const Labels& label);

/// ari of `clusters` [n] against `label`.
MetricResult ari_of(const std::vector<std::uint32_t>& clusters, const Labels& label);

}  // namespace bcbench
