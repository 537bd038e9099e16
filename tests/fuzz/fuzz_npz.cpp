// Arbitrary bytes as a .npy and a .npz file: either a DataError, or arrays that survive a round trip.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/core/check.hpp"
#include "engine/io/npy.hpp"

using namespace bcbench;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    try {
        const std::string written = npy::encode(npy::decode(bytes, "file"));
        if (npy::encode(npy::decode(written, "file")) != written) std::abort();
    } catch (const DataError&) {
    }
    try {
        const npy::NamedArrays arrays = npy::decode_npz(bytes, "file");
        if (arrays.count("")) return 0;  // a member called ".npy" reads, but is no name to write
        const std::string written = npy::encode_npz(arrays);
        if (npy::encode_npz(npy::decode_npz(written, "file")) != written) std::abort();
    } catch (const DataError&) {
    }
    return 0;
}
