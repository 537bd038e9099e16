// Products with a tile of cells for differentiable_harmony, and the soft assignment that goes with them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/core/types.hpp"
#include "engine/methods/differentiable_harmony/tile.hpp"

namespace bcbench::differentiable_harmony {

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

/// Memory that the next tile will need, at most three tiles of it, asked for little by little while a product runs, so
/// that nobody waits for it.
class Ahead {
  public:
    template <class Real>
    void want(const Tile<Real>& tile) {
        constexpr std::size_t most_bytes = std::size_t{64} << 10;  // of a tile: all of them fit the second cache
        const char* first = reinterpret_cast<const char*>(tile.row(0));
        wanted_[n_wanted_++] = {first, first + std::min(tile.n_rows * tile_width * sizeof(Real), most_bytes)};
    }
    void forget() { n_wanted_ = 0; }

    /// Asks for the next few lines.
    void go_on() {
        constexpr int lines = 32;  // as a product goes on often enough for three tiles
        for (int i = 0; i < lines && n_wanted_ > 0; ++i) {
            Range& range = wanted_[n_wanted_ - 1];
            __builtin_prefetch(range.first, 0, 2);
            range.first += 64;
            if (range.first >= range.last) --n_wanted_;
        }
    }

  private:
    struct Range {
        const char* first = nullptr;
        const char* last = nullptr;
    };
    std::array<Range, 3> wanted_;
    std::size_t n_wanted_ = 0;
};

/// product [R x W] = a [R x S] x [S x W], for the first `count` cells; with `add` that is added to it.
template <class Real>
void multiply(const Panels<Real>& a, const Tile<Real>& x, std::size_t count, bool add, Tile<Real> product,
              Ahead& ahead);

/// A = 2^l / sum of 2^l over clusters [K x W], l = a y + offset with a [K x F] and y [F x W].
/// `top` [W] receives the most likely cluster, the first on ties, and mass[k] the sum of A over the tile; each may be
/// nullptr.
template <class Real>
void assign(const Panels<Real>& a, const Real* offset, const Tile<Real>& y, std::size_t count, Tile<Real> assigned,
            std::uint32_t* top, double* mass, Ahead& ahead);

/// Undoes A = softmax(l) [K x W] for A's adjoint a x + shift, with a [K x F], x [F x W] and shift [K] the same for all
/// cells: bar = A (A_bar - <A, A_bar>), the adjoint of l.
template <class Real>
void assign_backward(const Panels<Real>& a, const Real* shift, const Tile<Real>& x, const Tile<Real>& assigned,
                     std::size_t count, Tile<Real> bar, Ahead& ahead);

}  // namespace bcbench::differentiable_harmony
