// The parameter `preprocess` of datasets: from counts to principal components, in scanpy's steps.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "experiments/catalog/parameter.hpp"

namespace bcbench {

/// The parameters, and `preprocess`.
std::vector<Parameter> with_preprocess(std::vector<Parameter> parameters);

/// Steps that do not stand in their order, or twice.
std::vector<ParameterFault> preprocess_faults(const nlohmann::json& params);

}  // namespace bcbench
