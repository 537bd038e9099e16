// The elements of stored arrays: what type they have on disk, and how their bytes become numbers and texts. The library
// only says what the type is; the bytes are read here, so that no claim of a file decides how much is written where.
#pragma once

#include <hdf5.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/h5ad/worker/hdf.hpp"

namespace bcbench::h5ad {

struct Element {
    enum class Kind { integer, real, boolean, fixed_text, variable_text, compound, other };
    Kind kind = Kind::other;
    std::size_t size = 0;  // bytes on disk
    bool is_signed = false;
    bool big_endian = false;
    std::string name;  // "int32", for messages

    bool is_number() const { return kind == Kind::integer || kind == Kind::real || kind == Kind::boolean; }
    bool is_text() const { return kind == Kind::fixed_text || kind == Kind::variable_text; }
    /// Whether float32 holds each value exactly.
    bool fits_float() const { return kind == Kind::boolean || (kind == Kind::real ? size <= 4 : size <= 2); }
};

/// A field of a compound element, as files of AnnData 0.6 and before have them.
struct Member {
    std::string name;
    std::size_t offset = 0;  // bytes from the beginning of the compound element, on disk
    std::size_t count = 1;   // of an array
    Element element;
};

struct ElementType {
    Element element;
    std::vector<Member> members;  // of a compound
};

/// What a data type of the library is on disk.
ElementType element_type(hid_t type, const std::string& path);

/// `count` elements, `stride` bytes apart, as numbers: `to[i]`. The element must be a number. Integers that T cannot
/// hold exactly throw FileFault, and so does a boolean that is neither 0 nor 1. T: float, double or std::int64_t (which
/// takes no floats).
template <class T>
void decode(const Element& element, const std::byte* from, std::size_t count, std::size_t stride, T* to,
            const std::string& path);

/// A fixed-length text without its padding. Throws FileFault if it is no UTF-8.
std::string_view fixed_text(const std::byte* from, std::size_t size, const std::string& path);

}  // namespace bcbench::h5ad
