// The eigenpairs of a symmetric matrix whose eigenvalues are largest in size, at either end of the spectrum.
#pragma once

#include <functional>
#include <optional>

#include "engine/core/types.hpp"

namespace bcbench {

struct Eigenpairs {
    arma::vec values;   // [c] falling in size
    arma::mat vectors;  // [n x c] orthonormal
};

/// Where the sizes of eigenvalues differ by no more than this times the largest, they count as equal.
inline constexpr double equal_eigenvalues = 1e-10;

/// Of a dense symmetric `matrix` [n x n], 1 <= count <= n: the `count` largest in size, and all that equal the last one
/// in size. Computes all eigenpairs: about 9 n^3 operations. Throws NumericalError if that does not converge.
Eigenpairs largest_eigenpairs(const arma::mat& matrix, arma::uword count);

/// y <- factor x S - y, x and y [b x n], for a symmetric S [n x n]: a step of a recurrence in one pass. A column per
/// row of S, so that sparse rows find what they need in one place.
using SymmetricRows = std::function<void(const arma::mat& x, double factor, arma::mat& y)>;

/// The same of a large matrix that is known by its products only, n >= 3 count + 32 + s: block Lanczos iteration with
/// full reorthogonalisation and thick restarts (Wu and Simon 2000; Golub and Underwood 1977). Every pair meets
/// ||S v - lambda v|| <= 1e-10 times the largest eigenvalue. Deterministic: the start is `start` [n x s], s >= 0
/// (orthonormal columns, eigenvectors that are known, say), and normal draws of a fixed key. Repeated eigenvalues are
/// found up to the width of the block, 8, beyond those that `start` holds. The memory is that of at most
/// max(256 MiB, 3 count) columns. Nothing if it does not converge, or if more than `count` further eigenvalues equal
/// the last one.
std::optional<Eigenpairs> largest_eigenpairs(const SymmetricRows& product, arma::uword n, arma::uword count,
                                             const arma::mat& start);

}  // namespace bcbench
