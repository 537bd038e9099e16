#include "experiments/h5ad/worker/filters.hpp"

#include <liblzf/lzf.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

#include "experiments/h5ad/worker/hdf.hpp"

namespace bcbench::h5ad {

namespace {

constexpr H5Z_filter_t lzf = 32000;  // the registered numbers of these filters
constexpr H5Z_filter_t zstd = 32015;
constexpr unsigned most_filters = 32;  // the bits of a chunk's mask
constexpr std::size_t checksum_size = 4;

bool compresses(H5Z_filter_t filter) { return filter == H5Z_FILTER_DEFLATE || filter == lzf || filter == zstd; }

std::string filter_name(H5Z_filter_t filter) {
    switch (filter) {
        case H5Z_FILTER_DEFLATE:
            return "gzip";
        case H5Z_FILTER_SZIP:
            return "szip";
        case H5Z_FILTER_NBIT:
            return "nbit";
        case H5Z_FILTER_SCALEOFFSET:
            return "scaleoffset";
        case lzf:
            return "lzf";
        case zstd:
            return "zstd";
        case 307:
            return "bzip2";
        case 32001:
            return "blosc";
        case 32004:
            return "lz4";
        case 32008:
            return "bitshuffle";
        case 32026:
            return "blosc2";
        default:
            return "number " + std::to_string(filter);
    }
}

[[noreturn]] void fail_chunk(const std::string& path, const char* why) {
    fail(path, std::string("a compressed chunk ") + why + "; the file is damaged");
}

using Bytes = std::vector<std::byte>;

Bytes inflated(const Bytes& bytes, std::size_t size, const std::string& path) {
    if (bytes.size() > std::numeric_limits<uInt>::max() || size > std::numeric_limits<uInt>::max()) {
        fail_chunk(path, "is larger than 4 GB");
    }
    Bytes result(size);
    z_stream stream = {};
    if (inflateInit(&stream) != Z_OK) throw std::bad_alloc();
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(result.data());
    stream.avail_out = static_cast<uInt>(size);
    const int state = inflate(&stream, Z_FINISH);
    const bool whole = state == Z_STREAM_END && stream.avail_in == 0 && stream.total_out == size;
    inflateEnd(&stream);
    if (!whole) fail_chunk(path, "does not inflate (gzip) to the size it must have");
    return result;
}

Bytes unpacked_lzf(const Bytes& bytes, std::size_t size, const std::string& path) {
    if (bytes.size() > std::numeric_limits<unsigned>::max() || size > std::numeric_limits<unsigned>::max()) {
        fail_chunk(path, "is larger than 4 GB");
    }
    Bytes result(size);
    const unsigned written =
        lzf_decompress(bytes.data(), static_cast<unsigned>(bytes.size()), result.data(), static_cast<unsigned>(size));
    if (written != size) fail_chunk(path, "does not decompress (lzf) to the size it must have");
    return result;
}

Bytes unpacked_zstd(const Bytes& bytes, std::size_t size, const std::string& path) {
    Bytes result(size);
    if (ZSTD_decompress(result.data(), size, bytes.data(), bytes.size()) != size) {
        fail_chunk(path, "does not decompress (zstd) to the size it must have");
    }
    return result;
}

// The first bytes of all elements, then the second ones, and so on; a rest shorter than an element stays as it is.
Bytes unshuffled(const Bytes& bytes, std::size_t element_size) {
    if (element_size < 2) return bytes;
    Bytes result(bytes.size());
    const std::size_t count = bytes.size() / element_size;
    for (std::size_t part = 0; part < element_size; ++part) {
        const std::byte* from = bytes.data() + part * count;
        std::byte* to = result.data() + part;
        for (std::size_t i = 0; i < count; ++i) to[i * element_size] = from[i];
    }
    std::copy(bytes.begin() + static_cast<std::ptrdiff_t>(count * element_size), bytes.end(),
              result.begin() + static_cast<std::ptrdiff_t>(count * element_size));
    return result;
}

Bytes without_checksum(Bytes bytes, const std::string& path) {
    if (bytes.size() < checksum_size) fail_chunk(path, "is shorter than its checksum");
    const std::size_t size = bytes.size() - checksum_size;
    std::uint32_t stored = 0;
    std::memcpy(&stored, bytes.data() + size, checksum_size);
    if (stored != fletcher32(bytes.data(), size)) fail_chunk(path, "does not match its checksum");
    bytes.resize(size);
    return bytes;
}

}  // namespace

std::uint32_t fletcher32(const std::byte* bytes, std::size_t size) {
    std::uint32_t first = 0, second = 0;
    constexpr std::size_t most_words = 360;  // until the sums could overflow
    std::size_t words = size / 2;
    while (words > 0) {
        const std::size_t block = std::min(words, most_words);
        for (std::size_t i = 0; i < block; ++i, bytes += 2) {
            first += std::to_integer<std::uint32_t>(bytes[0]) << 8 | std::to_integer<std::uint32_t>(bytes[1]);
            second += first;
        }
        first = (first & 0xffff) + (first >> 16);
        second = (second & 0xffff) + (second >> 16);
        words -= block;
    }
    if (size % 2 != 0) {
        first += std::to_integer<std::uint32_t>(bytes[0]) << 8;
        second += first;
        first = (first & 0xffff) + (first >> 16);
        second = (second & 0xffff) + (second >> 16);
    }
    first = (first & 0xffff) + (first >> 16);
    second = (second & 0xffff) + (second >> 16);
    return second << 16 | first;
}

Pipeline pipeline_of(hid_t creation, std::size_t element_size, const std::string& path) {
    Pipeline pipeline;
    pipeline.element_size = element_size;
    const int count = H5Pget_nfilters(creation);
    if (count < 0 || count > static_cast<int>(most_filters))
        fail(path, "its filters cannot be read; the file is damaged");
    for (unsigned i = 0; i < static_cast<unsigned>(count); ++i) {
        unsigned flags = 0, configuration = 0;
        std::size_t n_values = 0;
        const H5Z_filter_t filter = H5Pget_filter2(creation, i, &flags, &n_values, nullptr, 0, nullptr, &configuration);
        if (filter < 0) fail(path, "its filters cannot be read; the file is damaged");
        pipeline.filters.push_back(filter);
    }
    return pipeline;
}

void Pipeline::require_supported(const std::string& path) const {
    int compressors = 0;
    for (const H5Z_filter_t filter : filters) {
        compressors += compresses(filter);
        if (compresses(filter) || filter == H5Z_FILTER_SHUFFLE || filter == H5Z_FILTER_FLETCHER32) continue;
        fail(path, "is compressed with the filter " + filter_name(filter) +
                       ", which is not supported (gzip, lzf and zstd are); rewrite the file: "
                       "anndata.read_h5ad(...).write_h5ad(..., compression=\"gzip\")");
    }
    if (compressors > 1) fail(path, "is compressed twice, which is not supported");
}

std::string Pipeline::compression() const {
    for (const H5Z_filter_t filter : filters) {
        if (filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32) return filter_name(filter);
    }
    return "";
}

std::vector<std::byte> Pipeline::undo(Bytes bytes, unsigned skipped, std::size_t size, const std::string& path) const {
    // how large the chunk was before each filter; only a compressor's result has a size that is not known
    std::vector<std::size_t> before;
    std::size_t current = size;
    for (std::size_t i = 0; i < filters.size(); ++i) {
        before.push_back(current);
        if (filters[i] == H5Z_FILTER_FLETCHER32 && (skipped >> i & 1) == 0) current += checksum_size;
    }
    for (std::size_t i = filters.size(); i-- > 0;) {
        if ((skipped >> i & 1) != 0) continue;
        if (filters[i] == H5Z_FILTER_SHUFFLE) bytes = unshuffled(bytes, element_size);
        if (filters[i] == H5Z_FILTER_FLETCHER32) bytes = without_checksum(std::move(bytes), path);
        if (filters[i] == H5Z_FILTER_DEFLATE) bytes = inflated(bytes, before[i], path);
        if (filters[i] == lzf) bytes = unpacked_lzf(bytes, before[i], path);
        if (filters[i] == zstd) bytes = unpacked_zstd(bytes, before[i], path);
    }
    if (bytes.size() != size) fail(path, "a chunk does not have the size it must have; the file is damaged");
    return bytes;
}

}  // namespace bcbench::h5ad
