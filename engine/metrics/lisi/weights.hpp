// The weights of a cell's neighbours in LISI: the exponential of the distance, of a width that makes the neighbours
// count as many as the perplexity says. Distances here are not squared.
#pragma once

#include <cstddef>

namespace bcbench::lisi {

/// beta of one cell, with m = `count` distances d >= 0: H(beta) = ln S + beta sum_j d_j p_j = `log_perplexity` to 1e-5,
/// p_j = exp(-beta d_j) / S, S = sum_j exp(-beta d_j), and H = 0 where S = 0. Bisection from 1 with at most 50 updates,
/// doubling or halving until both bounds are known: the rule of the published program, which its values depend on.
double solve_beta(const double* distance, std::size_t count, double log_perplexity);

/// p [count] of one beta; false if all weights underflow, so that there are none.
bool weights_of(const double* distance, std::size_t count, double beta, double* p);

}  // namespace bcbench::lisi
