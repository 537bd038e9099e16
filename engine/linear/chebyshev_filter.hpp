// What an iteration for extreme eigenvalues works on in place of the matrix itself.
#pragma once

#include "engine/linear/extreme_eigenpairs.hpp"

namespace bcbench::linear {

/// An odd Chebyshev polynomial of a symmetric S, T_d(S / bound). It keeps eigenvalues of a size up to `bound` within
/// [-1, 1] and drives larger ones apart, the order of sizes kept: a space of fewer dimensions finds them, at the price
/// of d products a step, which are cheap.
class ChebyshevFilter {
  public:
    /// The eigenvalues sought are `least` or more in size, as far as is known, and none is larger than about `largest`.
    /// The least of them becomes cosh(3), those within the bound up to 1. Of lower degree where eigenvalues would be
    /// amplified by more than 1e5, for rounding is amplified as well.
    ChebyshevFilter(const SymmetricRows& product, double least, double largest);

    /// The image of x [n x b].
    arma::mat operator()(const arma::mat& x) const;

    double bound() const { return bound_; }

    /// The eigenvalue of S that has become `value`; of one within the bound, which can be any there, the bound.
    double eigenvalue(double value) const;

    /// What a residual of 1 at `value` is at most in terms of S: no eigenvalue, near or far, has moved away less.
    double residual(double value) const;

  private:
    const SymmetricRows* product_;
    double bound_ = 1.0;
    int degree_ = 1;
};

}  // namespace bcbench::linear
