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
/// by a body is rethrown after all threads have stopped. Loops inside a body run on the body's own thread.
void parallel_for(std::size_t count, const std::function<void(std::size_t)>& body);

/// A fixed cut of `total` items into tiles of `width`; the last tile may be narrower.
struct Tiles {
    std::size_t total = 0;
    std::size_t width = 1;

    std::size_t count() const { return (total + width - 1) / width; }
    std::size_t first(std::size_t tile) const { return tile * width; }
    std::size_t size(std::size_t tile) const { return first(tile) + width <= total ? width : total - first(tile); }
};

}  // namespace bcbench
