// The leading eigenvectors of a large symmetric matrix that is known by its products only: block Lanczos iteration with
// full reorthogonalisation (Golub and Underwood 1977).
#pragma once

#include <functional>
#include <optional>

#include "engine/core/types.hpp"

namespace bcbench {

/// S X [n x b] of X [n x b], for a symmetric positive semidefinite S.
using SymmetricProduct = std::function<arma::mat(const arma::mat& x)>;

/// Orthonormal eigenvectors [n x count] of the largest eigenvalues, in falling order. Each meets
/// ||S v - lambda v|| <= 1e-10 * the largest eigenvalue; where eigenvalues are equal to that, any basis of their space
/// may come out. The start is fixed: the same products give the same vectors. Nothing if that takes a space of more
/// than `most_dimensions`.
std::optional<arma::mat> leading_eigenvectors(const SymmetricProduct& product, arma::uword n, arma::uword count,
                                              arma::uword most_dimensions);

}  // namespace bcbench
