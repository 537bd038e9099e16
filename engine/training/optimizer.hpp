// First-order optimisers. With gradient g, rate r and update number t = 1, 2, ...:
//   adam     m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,  w -= r (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + 1e-8)
//   rmsprop  v = b2 v + (1 - b2) g^2,  w -= r g / (sqrt(v) + 1e-8)
//   sgd      m = b1 m + g,  w -= r m
// each after w -= r * weight_decay * w (decoupled decay). Adam: Kingma and Ba 2015; decay: Loshchilov and Hutter 2019;
// RMSprop: Hinton's lecture 6e, 2012.
#pragma once

#include <string>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::optimizer {

enum class Rule { adam, rmsprop, sgd };
constexpr const char* words_of(Rule) { return "adam rmsprop sgd"; }

struct Options {
    Rule rule = Rule::adam;
    double beta1 = 0.9;         // memory of the gradient (adam), momentum (sgd)
    double beta2 = 0.999;       // memory of the squared gradient (adam, rmsprop)
    double weight_decay = 0.0;  // share of a parameter lost per update and unit of rate
};

/// Throws std::invalid_argument on a beta outside [0, 1) or a negative decay.
void validate(const Options& options);

/// The parameters of a model, or their gradients in the same order: what an update walks over.
template <class Real>
using Tensors = std::vector<Matrix<Real>*>;

template <class Real>
struct State {
    long n_updates = 0;
    std::vector<Matrix<Real>> first, second;  // m and v, shaped as the parameters; made by the first update
};

/// One update of `parameters` with their `gradients` at `rate`.
template <class Real>
void update(const Options& options, double rate, const Tensors<Real>& parameters, const Tensors<Real>& gradients,
            State<Real>& state);

/// Euclidean norm of all gradients together.
template <class Real>
double norm(const Tensors<Real>& gradients);

/// Sets every entry to 0.
template <class Real>
void set_zero(const Tensors<Real>& tensors);

/// Limits every entry to [-limit, limit].
template <class Real>
void clip(const Tensors<Real>& parameters, double limit);

}  // namespace bcbench::optimizer
