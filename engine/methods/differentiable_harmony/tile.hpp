// What is done to the entries of tiles, with the machine's widest vectors.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/core/types.hpp"
#include "engine/methods/differentiable_harmony/tile_array.hpp"

namespace bcbench::differentiable_harmony {

/// Which columns of a matrix a tile holds: columns[0 .. count-1].
struct TileCells {
    const std::uint32_t* columns = nullptr;
    std::size_t count = 0;
};

/// Copies columns of `matrix` into the rows of `tile`, and back.
template <class Real>
void load(const Matrix<Real>& matrix, TileCells cells, Tile<Real> tile);
template <class Real>
void store(const Tile<Real>& tile, TileCells cells, Matrix<Real>& matrix);

/// moved = y + sign * by [F], the same for all cells. y and moved, here and below, [F x W]
template <class Real>
void shift(const Tile<Real>& y, std::size_t count, Real sign, const Real* by, Tile<Real> moved);

/// moved = y + rate (target - y), cell by cell. rate [W]
template <class Real>
void move_towards(const Tile<Real>& target, const Tile<Real>& y, std::size_t count, const Real* rate, Tile<Real> moved);

/// Undoes it: target_bar = rate y_bar, y_bar -= target_bar.
template <class Real>
void move_towards_backward(std::size_t count, const Real* rate, Tile<Real> y_bar, Tile<Real> target_bar);

/// sums[r] of the first `count` cells of every row, added to what is there.
template <class Real>
void add_row_sums(const Tile<Real>& tile, std::size_t count, Real* sums);

/// dot[i] = <bar, after - before> of every cell [W].
template <class Real>
void dot_differences(const Tile<Real>& bar, const Tile<Real>& after, const Tile<Real>& before, std::size_t count,
                     Real* dot);

}  // namespace bcbench::differentiable_harmony
