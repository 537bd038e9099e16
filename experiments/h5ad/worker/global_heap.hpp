// Texts of variable length lie in heap collections of the file; the arrays hold references. The library's own reader of
// these is where most damaged files crashed it, so they are read here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "experiments/h5ad/worker/hdf.hpp"

namespace bcbench::h5ad {

class GlobalHeap {
  public:
    explicit GlobalHeap(const File& file) : file_(file) {}

    /// The text that the 16 bytes at `reference` stand for; valid until the next call. Throws FileFault if they point
    /// to none, or it is no UTF-8 text.
    std::string_view text(const std::byte* reference, const std::string& path);

  private:
    struct Span {
        std::size_t first = 0;
        std::size_t size = 0;
    };
    struct Collection {
        std::vector<std::byte> bytes;
        std::unordered_map<std::uint32_t, Span> objects;  // by index
    };
    const Collection& collection_at(std::uint64_t address, const std::string& path);

    const File& file_;
    std::map<std::uint64_t, Collection> collections_;
    std::size_t held_ = 0;  // bytes
    std::uint64_t last_address_ = 0;
    const Collection* last_ = nullptr;
};

}  // namespace bcbench::h5ad
