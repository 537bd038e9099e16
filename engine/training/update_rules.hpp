// One update of one tensor by each rule of optimizer.hpp, in the widest vectors that the machine has.
#pragma once

#include <cstddef>

#include "engine/training/optimizer.hpp"

namespace bcbench::optimizer {

/// The coefficients of one update, in the arithmetic of the parameters.
template <class Real>
struct Coefficients {
    Real rate, keep, beta1, rest1, beta2, rest2, first_scale, second_scale;  // rest: 1 - beta, of the unrounded beta
};

/// Of n parameters w with gradients g; m and v are their first and second moments, as far as the rule has them. The
/// operations are those of IEEE 754 one by one: the bits are the same on every machine.
void update_tensor(Rule rule, const Coefficients<float>& c, std::size_t n, const float* g, float* m, float* v,
                   float* w);
void update_tensor(Rule rule, const Coefficients<double>& c, std::size_t n, const double* g, double* m, double* v,
                   double* w);

}  // namespace bcbench::optimizer
