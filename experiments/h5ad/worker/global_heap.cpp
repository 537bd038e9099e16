#include "experiments/h5ad/worker/global_heap.hpp"

#include <cstring>

#include "engine/io/csv.hpp"
#include "engine/io/utf8.hpp"

namespace bcbench::h5ad {

namespace {

// HDF5 File Format Specification 3.0, III.E "Disk Format: Level 1E - Global Heap"; lengths and addresses of 8 bytes.
constexpr std::size_t header_size = 16;         // "GCOL", version, 3 reserved, size of the collection (8)
constexpr std::size_t object_header_size = 16;  // index (2), references (2), reserved (4), size (8)
constexpr std::size_t most_held = std::size_t{256} << 20;

template <class T>
T number_at(const std::byte* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

}  // namespace

std::string_view GlobalHeap::text(const std::byte* reference, const std::string& path) {
    const auto length = number_at<std::uint32_t>(reference);
    const auto address = number_at<std::uint64_t>(reference + 4);
    const auto index = number_at<std::uint32_t>(reference + 12);
    if (length == 0) return {};
    const Collection& collection = collection_at(address, path);
    const auto found = collection.objects.find(index);
    if (found == collection.objects.end() || found->second.size < length) {
        fail(path, "a text is not where the file says it is; the file is damaged");
    }
    const std::string_view text(reinterpret_cast<const char*>(collection.bytes.data() + found->second.first), length);
    // some writers count the final zero
    const std::string_view trimmed = text.substr(0, text.find_last_not_of('\0') + 1);
    if (trimmed.find('\0') != std::string_view::npos || !is_utf8(trimmed)) {
        fail(path, "holds " + shown(trimmed) + ", which is no UTF-8 text");
    }
    return trimmed;
}

const GlobalHeap::Collection& GlobalHeap::collection_at(std::uint64_t address, const std::string& path) {
    if (last_ != nullptr && last_address_ == address) return *last_;
    const auto known = collections_.find(address);
    if (known == collections_.end()) {
        std::byte header[header_size];
        file_.read_at(address, header, header_size, path);
        const auto size = number_at<std::uint64_t>(header + 8);
        const bool is_heap = std::memcmp(header, "GCOL\x01", 5) == 0 && size >= header_size && size <= file_.size();
        if (!is_heap) fail(path, "a text is not where the file says it is; the file is damaged");
        file_.require_memory({size}, path);
        if (held_ + size > most_held) {
            collections_.clear();
            held_ = 0;
        }
        Collection collection;
        collection.bytes.resize(size);
        file_.read_at(address, collection.bytes.data(), size, path);
        for (std::size_t at = header_size; size - at >= object_header_size;) {
            const std::byte* object = collection.bytes.data() + at;
            const auto index = number_at<std::uint16_t>(object);
            const auto bytes = number_at<std::uint64_t>(object + 8);
            if (index == 0) break;  // the free space at the end
            at += object_header_size;
            if (bytes > size - at) fail(path, "its texts overlap; the file is damaged");
            if (!collection.objects.emplace(index, Span{at, bytes}).second) {
                fail(path, "two of its texts have the same number; the file is damaged");
            }
            const std::size_t padded = (bytes + 7) / 8 * 8;
            if (padded > size - at) break;
            at += padded;
        }
        held_ += size;
        last_ = &collections_.emplace(address, std::move(collection)).first->second;
    } else {
        last_ = &known->second;
    }
    last_address_ = address;
    return *last_;
}

}  // namespace bcbench::h5ad
