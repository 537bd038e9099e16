// Products of a small matrix, packed once, with many columns: what dense layers are made of. At their shapes (tens to
// hundreds of units, a tile of cells) a general product spends much of its time on preparation, and bias, ReLU and its
// mask are passes over memory of their own; here they happen while the sums are still in registers.
// A value is a sum over steps in order, in blocks of 256 steps, multiply-adds fused where the machine can: it depends
// on nothing else, neither on the width of vectors nor on how columns are cut into tiles.
#pragma once

#include <hwy/aligned_allocator.h>

#include <cstddef>

#include "engine/core/types.hpp"

namespace bcbench {

/// A left operand a [R x S]: blocks of rows that fill vectors, step by step. Its order belongs to the instruction set
/// that packed it.
template <class Real>
struct PackedRows {
    std::size_t n_rows = 0;
    std::size_t n_steps = 0;
    hwy::AlignedFreeUniquePtr<Real[]> values;
};

template <class Real>
PackedRows<Real> pack_rows(const Matrix<Real>& a);

/// The same of the transpose of a, or of the transpose of its first `n_steps` rows.
template <class Real>
PackedRows<Real> pack_transposed(const Matrix<Real>& a);
template <class Real>
PackedRows<Real> pack_transposed(const Matrix<Real>& a, std::size_t n_steps);

/// y [R x n] = a x, x [S x n].
template <class Real>
void multiply(const PackedRows<Real>& a, const Matrix<Real>& x, Matrix<Real>& y);

/// y = a x + bias, with `rectify` max(a x + bias, 0).
template <class Real>
void multiply_add_bias(const PackedRows<Real>& a, const Matrix<Real>& x, const Vector<Real>& bias, bool rectify,
                       Matrix<Real>& y);

/// y = a x where `active` [R x n] is positive, 0 elsewhere.
template <class Real>
void multiply_where_active(const PackedRows<Real>& a, const Matrix<Real>& x, const Matrix<Real>& active,
                           Matrix<Real>& y);

/// y [R x n] += a x, of the first S rows of x.
template <class Real>
void add_product(const PackedRows<Real>& a, const Matrix<Real>& x, Matrix<Real>& y);

/// y [R x P] += a x^T, x [P x S].
template <class Real>
void add_product_with_transposed(const PackedRows<Real>& a, const Matrix<Real>& x, Matrix<Real>& y);

}  // namespace bcbench
