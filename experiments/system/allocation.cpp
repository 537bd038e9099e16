#include "experiments/system/allocation.hpp"

#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace bcbench {

void keep_freed_memory() {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 32 << 20);  // larger matrices still have pages of their own
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
#endif
}

}  // namespace bcbench
