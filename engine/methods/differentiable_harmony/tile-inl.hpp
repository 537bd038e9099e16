// How tiles are cut into vectors. Included by files that are compiled once per instruction set.
#if defined(BCBENCH_HARMONY_TILE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef BCBENCH_HARMONY_TILE_INL
#undef BCBENCH_HARMONY_TILE_INL
#else
#define BCBENCH_HARMONY_TILE_INL
#endif

#include <hwy/highway.h>

#include <cstddef>

#include "engine/methods/differentiable_harmony/tile.hpp"

HWY_BEFORE_NAMESPACE();
namespace bcbench::differentiable_harmony::HWY_NAMESPACE {

constexpr std::size_t block_vectors = 2;

template <class Real>
constexpr std::size_t lanes = HWY_LANES(Real);

template <class Real>
constexpr std::size_t block_cells = block_vectors* lanes<Real>;

static_assert(tile_width % block_cells<float> == 0);

/// A vector's first cell past `count`, rounded up to whole vectors.
template <class Real>
constexpr std::size_t whole_vectors(std::size_t count) {
    return (count + lanes<Real> - 1) / lanes<Real> * lanes<Real>;
}

/// The same in whole blocks: all that a product of `count` cells reads.
template <class Real>
constexpr std::size_t whole_blocks(std::size_t count) {
    return (count + block_cells<Real> - 1) / block_cells<Real> * block_cells<Real>;
}

}  // namespace bcbench::differentiable_harmony::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
