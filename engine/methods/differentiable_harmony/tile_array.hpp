// Tiles of cells for differentiable_harmony. A tile holds its cells feature by feature, so that one vector holds the
// same feature (or cluster) of neighbouring cells: nothing has to be summed across a vector, and no number of features
// or clusters is awkward.
#pragma once

#include <algorithm>
#include <cstddef>

#include "engine/core/large_array.hpp"

namespace bcbench::differentiable_harmony {

/// Cells. Rows begin 6 lines of memory apart in float, 12 in double: they fall into many sets of a cache, unlike those
/// of a power of two.
inline constexpr std::size_t tile_width = 96;

/// Rows of tile_width cells, features [F x W] or clusters [K x W]: a view. Work is on whole vectors of cells: those
/// beyond the tile's count hold no meaning.
template <class Real>
struct Tile {
    std::size_t n_rows = 0;
    Real* values = nullptr;

    Real* row(std::size_t r) { return values + r * tile_width; }
    const Real* row(std::size_t r) const { return values + r * tile_width; }
};

/// Tiles side by side, not set to 0 first.
template <class Real>
class TileArray {
  public:
    TileArray() = default;
    TileArray(std::size_t n_tiles, std::size_t n_rows)
        : n_values_(n_tiles * n_rows * tile_width), n_rows_(n_rows), values_(large_array<Real>(n_values_)) {}
    TileArray(const TileArray& other)
        : n_values_(other.n_values_), n_rows_(other.n_rows_), values_(large_array<Real>(n_values_)) {
        std::copy_n(other.values_.get(), n_values_, values_.get());
    }
    TileArray(TileArray&&) = default;
    TileArray& operator=(TileArray&&) = default;

    Tile<Real> operator[](std::size_t t) { return {n_rows_, values_.get() + t * n_rows_ * tile_width}; }
    /// Read-only: the view is const, its memory is never written.
    const Tile<Real> operator[](std::size_t t) const { return {n_rows_, values_.get() + t * n_rows_ * tile_width}; }

  private:
    std::size_t n_values_ = 0;
    std::size_t n_rows_ = 0;
    LargeArray<Real> values_;
};

}  // namespace bcbench::differentiable_harmony
