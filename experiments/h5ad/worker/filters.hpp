// What chunks went through before they were written: compression, shuffling, checksums. Undone here, not by the
// library, so that a chunk that is not what it claims is found out. Filters of plugin folders are never loaded.
#pragma once

#include <hdf5.h>

#include <cstddef>
#include <string>
#include <vector>

namespace bcbench::h5ad {

/// The filters of a dataset in the order in which they were applied when writing.
struct Pipeline {
    std::vector<H5Z_filter_t> filters;
    std::size_t element_size = 0;  // for the shuffle filter

    /// Throws FileFault naming a filter that is not supported, and what to do.
    void require_supported(const std::string& path) const;

    /// "gzip", "lzf", "zstd", or "" if nothing compresses.
    std::string compression() const;

    /// The bytes of one chunk, undone to exactly `size` bytes. Bit i of `skipped`: filter i was not applied to it.
    /// Throws FileFault if they come out shorter or longer, or a checksum is wrong.
    std::vector<std::byte> undo(std::vector<std::byte> bytes, unsigned skipped, std::size_t size,
                                const std::string& path) const;
};

Pipeline pipeline_of(hid_t creation, std::size_t element_size, const std::string& path);

/// Fletcher's checksum as the format defines it: big-endian words of 16 bits, an odd byte padded with zero.
std::uint32_t fletcher32(const std::byte* bytes, std::size_t size);

}  // namespace bcbench::h5ad
