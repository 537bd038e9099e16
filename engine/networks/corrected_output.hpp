// The corrected cells of an autoencoder method as a differentiable output.
#pragma once

#include "engine/gradients/differentiable.hpp"
#include "engine/networks/autoencoder.hpp"

namespace bcbench {

/// No loss is computed. The inputs are the cells, the autoencoder's parameters and `unused` further ones, which the
/// corrected cells do not depend on: their adjoints are zeros of these shapes.
DifferentiableOutput corrected_output(const Labels& batch, const Autoencoder<double>& model,
                                      std::vector<arma::mat> unused);

}  // namespace bcbench
