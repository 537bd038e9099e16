#include "experiments/system/allocation.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace bcbench {

void keep_freed_memory() {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 32 << 20);  // larger matrices still have pages of their own
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

void release_pages(void* first, void* last) {
    constexpr std::uintptr_t page = 4096;
    const std::uintptr_t from = (reinterpret_cast<std::uintptr_t>(first) + page - 1) / page * page;
    const std::uintptr_t to = reinterpret_cast<std::uintptr_t>(last) / page * page;
    if (from < to) madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
}

}  // namespace bcbench
