// How the program keeps memory.
#pragma once

namespace bcbench {

/// Keeps up to 1 GiB of freed memory for the next matrices instead of giving it back to the system at once: a
/// training step frees and takes some megabytes, a gradient of Harmony a state of all cells per iteration, and every
/// page that comes back costs a page fault. Call it first in main.
void keep_freed_memory();

/// Gives whole pages between the two addresses back to the system, of a matrix that is read for the last time: they
/// read as zero afterwards.
void release_pages(void* first, void* last);

}  // namespace bcbench
