// The arithmetic of a tile of cells for differentiable_harmony, with the machine's widest vectors. A tile holds its
// cells feature by feature, so that one vector holds the same feature (or cluster) of neighbouring cells: nothing has
// to be summed across a vector, and no number of features or clusters is awkward.
#pragma once

#include <hwy/aligned_allocator.h>

#include <cstddef>
#include <cstdint>

#include "engine/core/types.hpp"

namespace bcbench::differentiable_harmony {

inline constexpr std::size_t tile_width = 128;   // cells
inline constexpr std::size_t tile_stride = 144;  // between rows: no power of two, so that rows do not share cache sets

/// Rows of tile_width cells: features [F x W] or clusters [K x W], not set to 0 first. Work is on whole vectors of
/// cells: those beyond the tile's count hold no meaning.
template <class Real>
struct Tile {
    std::size_t n_rows = 0;
    hwy::AlignedFreeUniquePtr<Real[]> values;

    Tile() = default;
    explicit Tile(std::size_t rows);
    Real* row(std::size_t r) { return values.get() + r * tile_stride; }
    const Real* row(std::size_t r) const { return values.get() + r * tile_stride; }
};

/// A matrix [R x S] packed as the left operand of `multiply`: blocks of a few rows, step by step.
template <class Real>
struct Panels {
    std::size_t n_rows = 0;
    std::size_t n_steps = 0;
    std::vector<Real> values;
};

/// Packs `matrix` [R x S].
template <class Real>
Panels<Real> pack(const Matrix<Real>& matrix);

/// product [R x W] = a [R x S] x [S x W], for the first `count` cells.
template <class Real>
void multiply(const Panels<Real>& a, const Tile<Real>& x, std::size_t count, Tile<Real>& product);

/// Which columns of a matrix a tile holds: columns[0 .. count-1].
struct TileCells {
    const std::uint32_t* columns = nullptr;
    std::size_t count = 0;
};

/// Copies columns of `matrix` into the rows of `tile`, and back.
template <class Real>
void load(const Matrix<Real>& matrix, TileCells cells, Tile<Real>& tile);
template <class Real>
void store(const Tile<Real>& tile, TileCells cells, Matrix<Real>& matrix);

/// A = 2^l / sum of 2^l over clusters [K x W], l = a y + offset with a [K x F] and y [F x W].
/// `top` [W] receives the most likely cluster, the first on ties; mass[k] the sum of A over the tile, unless it is
/// nullptr.
template <class Real>
void assign(const Panels<Real>& a, const Real* offset, const Tile<Real>& y, std::size_t count, Tile<Real>& assigned,
            std::uint32_t* top, double* mass);

/// Undoes A = softmax: bar becomes A ((bar + shift) - <A, bar + shift>), shift [K] the same for all cells.
template <class Real>
void softmax_backward(const Tile<Real>& assigned, std::size_t count, const Real* shift, Tile<Real>& bar);

/// y += rate (target - y), cell by cell. rate [W]
template <class Real>
void move_towards(const Tile<Real>& target, std::size_t count, const Real* rate, Tile<Real>& y);

/// Undoes y' = y + rate (target - y): target_bar = rate y_bar, y_bar -= target_bar.
template <class Real>
void move_towards_backward(std::size_t count, const Real* rate, Tile<Real>& y_bar, Tile<Real>& target_bar);

/// x += factor * term.
template <class Real>
void add_scaled(const Tile<Real>& term, std::size_t count, Real factor, Tile<Real>& x);

/// <bar, after - before> of vectors of n values.
template <class Real>
double dot_difference(const Real* bar, const Real* after, const Real* before, std::size_t n);

}  // namespace bcbench::differentiable_harmony
