// The orthonormal basis that a block Lanczos iteration grows.
#pragma once

#include <vector>

#include "engine/core/parallel.hpp"
#include "engine/core/random.hpp"
#include "engine/core/types.hpp"

namespace bcbench::linear {

/// The length of each column of `vectors` [n x b]. [b]
arma::rowvec lengths(const arma::mat& vectors);

/// An orthonormal basis V [n x width] in tiles of rows, and what a symmetric matrix S is on it, V^T S V.
class KrylovSpace {
  public:
    KrylovSpace(arma::uword n, arma::uword capacity);

    arma::uword width() const { return width_; }
    arma::uword capacity() const { return projected_.n_cols; }

    /// V^T S V as far as it is known. [width x width]
    arma::mat projected() const { return projected_.submat(0, 0, arma::size(width_, width_)); }

    /// Takes the columns of `block` [n x b] into V: orthonormal, and orthogonal to V.
    void append(const arma::mat& block);

    /// Makes `block` [n x b] orthogonal to columns from .. width-1 of V; returns what it had of them. [width-from x b]
    arma::mat remove(arma::uword from, arma::mat& block) const;

    /// Takes `coefficients` [width x b] as V^T S V of the last b columns, and of the last b rows.
    void set_image_of_last(const arma::mat& coefficients);

    /// V y for y [width x c]. [n x c]
    arma::mat times(const arma::mat& y) const;

    /// Restarts from V y, on which the matrix is diagonal with `values`.
    void restart(const arma::mat& y, const arma::vec& values);

  private:
    arma::uword first(std::size_t tile) const { return rows_.first(tile); }
    arma::uword last(std::size_t tile) const { return rows_.first(tile) + rows_.size(tile) - 1; }

    Tiles rows_;
    std::vector<arma::mat> parts_;  // [rows of the tile x capacity]
    arma::mat projected_;           // [capacity x capacity]
    arma::uword width_ = 0;
};

/// block = q r with orthonormal q.
struct Factored {
    arma::mat q;  // [n x r]
    arma::mat r;  // [r x b]
};

/// Of `block` [n x b]; columns that are within `smallest` of the others' span are left out of q.
Factored orthonormalised(const arma::mat& block, double smallest);

/// Random directions outside the space, for a start or where it has closed on itself. [n x up to width]
arma::mat new_directions(const KrylovSpace& space, arma::uword n, arma::uword width, Stream& stream);

}  // namespace bcbench::linear
