// Memory for arrays that vectors work on: aligned, not set to 0, and in huge pages where it takes many and the system
// gives them on request: such pages are handed out and found several times as fast.
#pragma once

#include <cstddef>
#include <memory>

namespace bcbench {

struct FreeLarge {
    void operator()(const void* memory) const;
};

template <class Real>
using LargeArray = std::unique_ptr<Real[], FreeLarge>;

/// Throws std::bad_alloc.
void* allocate_large(std::size_t bytes);

template <class Real>
LargeArray<Real> large_array(std::size_t n) {
    return LargeArray<Real>(static_cast<Real*>(allocate_large(n * sizeof(Real))));
}

}  // namespace bcbench
