// Parallel loops whose results do not depend on the number of threads: the caller cuts the work into fixed tiles,
// each tile writes its own slot, and slots are combined in order afterwards.
#pragma once

#include <cstddef>
#include <functional>

namespace bcbench {

/// Threads that one parallel loop of the calling thread may use (at least 1). Applies to the calling thread only.
void set_thread_count(unsigned threads);
unsigned thread_count();

/// Calls body(i) once for each i < count, in any order, on up to thread_count() threads. The first exception thrown
/// by a body is rethrown after all threads have stopped. Loops inside a body run on the body's own thread. Before each
/// body stands a checkpoint (checkpoint.hpp).
void parallel_for(std::size_t count, const std::function<void(std::size_t)>& body);

/// A fixed cut of `total` items into tiles of `width`; the last tile may be narrower.
struct Tiles {
    std::size_t total = 0;
    std::size_t width = 1;

    std::size_t count() const { return (total + width - 1) / width; }
    std::size_t first(std::size_t tile) const { return tile * width; }
    std::size_t size(std::size_t tile) const { return first(tile) + width <= total ? width : total - first(tile); }
};

/// Inner tile of every pass over cells: small enough for the cache, wide enough for the matrix product.
inline constexpr std::size_t tile_cells = 256;

/// A cut of `n_cells` into at most 64 chunks, each a multiple of tile_cells. A sum over cells keeps one partial sum
/// per chunk and adds them in order, so that it depends on n_cells alone.
inline Tiles chunks_of(std::size_t n_cells) {
    const std::size_t tiles_per_chunk = (Tiles{n_cells, tile_cells}.count() + 63) / 64;
    return {n_cells, tile_cells * (tiles_per_chunk == 0 ? 1 : tiles_per_chunk)};
}

/// Calls body(first, count) for each tile of tile_cells cells of one chunk, in order.
template <class Body>
void for_each_tile(const Tiles& chunks, std::size_t chunk, const Body& body) {
    const std::size_t end = chunks.first(chunk) + chunks.size(chunk);
    for (std::size_t first = chunks.first(chunk); first < end; first += tile_cells) {
        body(first, first + tile_cells <= end ? tile_cells : end - first);
    }
}

}  // namespace bcbench
