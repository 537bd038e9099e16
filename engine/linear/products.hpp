// Matrix products under a precision policy, and views on columns.
#pragma once

#include <string>

#include "engine/core/types.hpp"

namespace bcbench {

/// Columns first .. first+count-1 of `matrix`, sharing its memory. The view must not outlive the matrix.
template <class Real>
Matrix<Real> columns(Matrix<Real>& matrix, arma::uword first, arma::uword count) {
    return Matrix<Real>(matrix.colptr(first), matrix.n_rows, count, false, true);
}

/// Read-only columns: the view is const, its memory is never written.
template <class Real>
const Matrix<Real> columns(const Matrix<Real>& matrix, arma::uword first, arma::uword count) {
    return Matrix<Real>(const_cast<Real*>(matrix.colptr(first)), matrix.n_rows, count, false, true);
}

/// Sum of term(i) over i < n, in double and in a fixed order: eight sums side by side, for which there are vectors.
template <class Term>
double sum_of(arma::uword n, const Term& term) {
    constexpr arma::uword lanes = 8;
    double sums[lanes] = {};
    arma::uword i = 0;
    for (; i + lanes <= n; i += lanes) {
        for (arma::uword lane = 0; lane < lanes; ++lane) sums[lane] += term(i + lane);
    }
    double sum = 0.0;
    for (; i < n; ++i) sum += term(i);
    for (const double part : sums) sum += part;
    return sum;
}

/// Rounds to 10 mantissa bits, to nearest, ties away from zero, through float32: what tensor cores do to operands.
double round_to_tf32(double value);

/// True if a product (n x inner)(inner x outer) of a dense layer runs on tensor cores: both multiples of 4.
bool tf32_eligible(Precision precision, arma::uword inner, arma::uword outer);

/// `values` with every entry rounded by round_to_tf32.
template <class Real>
Matrix<Real> rounded_to_tf32(const Matrix<Real>& values);

/// Name, version and kernel of the BLAS that is linked, as it reports them itself.
std::string blas_description();

/// The kernel alone: "Haswell", "SkylakeX", ...
std::string blas_kernel();

/// Keeps BLAS on the calling thread: parallel loops over tiles are the engine's own. Call once at start.
void use_single_threaded_blas();

}  // namespace bcbench
