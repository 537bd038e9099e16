// The weights of one cell's edges in a UMAP graph, exp(-excess / sigma).
#pragma once

#include <cstddef>

namespace bcbench::umap_weights {

inline constexpr std::size_t at_a_time = 8;

/// The sigma at which the weights of all `excess` [padded, a multiple of 8] add up to `target`, as near as UMAP's own
/// bisection comes. Infinity weighs nothing. The same bits on every machine.
double bisected_sigma(const double* excess, std::size_t padded, double target);

/// exp(-excess / sigma) for each, to an absolute error of a few 1e-16; 1 at 0. The same bits on every machine.
void weigh(const double* excess, std::size_t padded, double sigma, double* weight);

}  // namespace bcbench::umap_weights
