// The table of metrics: each scores corrected cells against their labels; none sees a method.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "engine/core/types.hpp"
#include "engine/neighbors/neighbors.hpp"
#include "experiments/catalog/parameter.hpp"
#include "experiments/catalog/score.hpp"

namespace bcbench {

/// What a metric may look at.
struct MetricInput {
    const Labels& batch;
    const Labels& type;
    const std::vector<double>& batch_means;  // [B] of the corrected cells
    const Neighbors& neighbors;              // nearest first; as many as the metric asking for most needs, or as exist
};

struct MetricDefinition {
    const char* name;  // also the name of its main row
    const char* summary;
    const char* notes;
    std::span<const ScoreRow> rows;  // those that every dataset has
    int version;                     // raise it when the definition changes
    std::vector<Parameter> (*parameters)();
    std::vector<Score> (*compute)(const nlohmann::json& params, const MetricInput& input);
};

std::span<const MetricDefinition> metric_table();

const MetricDefinition& metric_named(const std::string& type);

/// Neighbours that the metric needs with these parameters; 0: none.
arma::uword neighbors_needed(const nlohmann::json& params);

}  // namespace bcbench
