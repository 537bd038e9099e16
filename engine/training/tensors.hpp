// A model seen as the list of its parameters, the form in which optimisers and model files know it.
#pragma once

#include <string>

#include "engine/training/optimizer.hpp"

namespace bcbench::training {

/// The parameters of a model or of its gradient, in the order of for_each_parameter. They must not outlive the model.
template <class Real, class Model>
optimizer::Tensors<Real> tensors_of(Model& model) {
    optimizer::Tensors<Real> tensors;
    for_each_parameter(model, [&](const std::string&, Matrix<Real>& parameter) { tensors.push_back(&parameter); });
    return tensors;
}

}  // namespace bcbench::training
