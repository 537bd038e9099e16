#include "engine/core/large_array.hpp"

#include <hwy/aligned_allocator.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <new>

namespace bcbench {

void FreeLarge::operator()(const void* memory) const { hwy::FreeAlignedBytes(memory, nullptr, nullptr); }

void* allocate_large(std::size_t bytes) {
    constexpr std::size_t many_pages = std::size_t{4} << 20;
    constexpr std::uintptr_t page = 4096;
    // malloc underneath: glibc's aligned_alloc leaves splinters behind that no later array fits between
    void* memory = hwy::AllocateAlignedBytes(std::max<std::size_t>(bytes, 1), nullptr, nullptr);
    if (memory == nullptr) throw std::bad_alloc();
    if (bytes >= many_pages) {
        const std::uintptr_t first = reinterpret_cast<std::uintptr_t>(memory) / page * page;
        madvise(reinterpret_cast<void*>(first), bytes, MADV_HUGEPAGE);  // a wish: what it returns does not matter
    }
    return memory;
}

}  // namespace bcbench
