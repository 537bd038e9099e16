// Room in the address space for the threads of a run, which clusters limit (ulimit -v).
#pragma once

#include <stdexcept>

namespace bcbench {

/// The address space has no room for what was to be started; the message says how much is missing.
struct AddressSpaceError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Makes sure, before any of them starts, that `threads` threads have room for their stacks and for the buffers of
/// OpenBLAS, one of 128 MiB for each thread that multiplies at a time: where the system refuses such a buffer, OpenBLAS
/// asks for it again without end. Under a limit of the address space the buffers are taken at once, so that the data of
/// a point cannot take their room. Throws AddressSpaceError.
void reserve_for_threads(unsigned threads);

}  // namespace bcbench
