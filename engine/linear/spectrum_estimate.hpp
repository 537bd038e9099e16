// How the eigenvalues of a symmetric matrix are distributed, roughly, from few products.
#pragma once

#include "engine/core/random.hpp"
#include "engine/linear/extreme_eigenpairs.hpp"

namespace bcbench::linear {

/// The largest eigenvalue in size, from below, and a size that about `count` eigenvalues reach, or all that are not 0.
struct SpectrumEstimate {
    double largest = 0.0;
    double reached = 0.0;
};

/// Of S [n x n], by stochastic Lanczos quadrature (Golub and Welsch 1969; Lin, Saad and Yang 2016): Lanczos iterations
/// from random vectors, whose Ritz values, weighted by the squares of what the start has of them, are distributed as
/// the eigenvalues. `count` is met to about sqrt(count) / 2.
SpectrumEstimate estimated_spectrum(const SymmetricRows& product, arma::uword n, arma::uword count, Stream& stream);

}  // namespace bcbench::linear
