// What a fit computed beside the corrected cells, and its gradients, as named arrays that another program can read.
#pragma once

#include <functional>
#include <string>

#include "engine/io/npy.hpp"
#include "experiments/bindings/method.hpp"

namespace bcbench {

/// Everything that a method computed besides the cells, under the name it has in results/README.md.
template <class Real>
npy::NamedArrays arrays_of(const Fit<Real>& fit);

/// Whether the parameter of this name is a list of numbers, one per unit of a layer.
bool is_bias(const std::string& name);

/// In float64, with the shapes that users and saved models have: cells (n, F), kernels (in, out), biases (out),
/// centroids (K, F), losses (1):
///   batch [n]                     places of the batches in the dataset's list
///   input.<input>                 the cells and every parameter
///   value.<output>                the corrected cells and every loss
///   gradient.<output>.<input>     of the sum of the output's entries, with respect to the input
/// and if there is an `adjoint` of an output's value, which has the value's shape:
///   adjoint.<output>              it
///   adjoint_gradient.<output>.<input>   of the sum of adjoint % value
/// These are derivatives of what is computed forward: a reversal of gradients inside the method is not in them. Throws
/// NumericalError if one is not finite.
npy::NamedArrays gradients_of(const Differentiable& fit, const Labels& batch,
                              const std::function<arma::mat(const arma::mat& value)>& adjoint = nullptr);

}  // namespace bcbench
