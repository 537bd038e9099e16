#include "experiments/h5ad/worker/elements.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "engine/io/csv.hpp"
#include "engine/io/utf8.hpp"

namespace bcbench::h5ad {

namespace {

static_assert(std::endian::native == std::endian::little, "little-endian elements are read as they lie in memory");

constexpr std::size_t longest_fixed_text = std::size_t{1} << 20;
constexpr int most_members = 100'000;

// A variable-length text on disk: its length (4 bytes), the address of a heap collection (8), an index in it (4).
constexpr std::size_t reference_size = 16;
constexpr std::size_t reference_size_in_memory = sizeof(char*);  // what the library says of an open type

bool is_big_endian(hid_t type) { return H5Tget_order(type) == H5T_ORDER_BE; }

// Whether all bits count, in one of the two usual byte orders.
bool fills_its_bytes(hid_t type) {
    const H5T_order_t order = H5Tget_order(type);
    return (order == H5T_ORDER_LE || order == H5T_ORDER_BE) && H5Tget_offset(type) == 0 &&
           H5Tget_precision(type) == 8 * H5Tget_size(type);
}

Element integer_element(hid_t type) {
    Element element;
    element.size = H5Tget_size(type);
    const bool known = element.size == 1 || element.size == 2 || element.size == 4 || element.size == 8;
    if (!known || !fills_its_bytes(type)) return element;
    element.kind = Element::Kind::integer;
    element.is_signed = H5Tget_sign(type) == H5T_SGN_2;
    element.big_endian = is_big_endian(type);
    element.name = std::string(element.is_signed ? "int" : "uint") + std::to_string(8 * element.size);
    return element;
}

Element real_element(hid_t type) {
    Element element;
    element.size = H5Tget_size(type);
    element.name = "float" + std::to_string(8 * element.size);
    std::size_t sign = 0, exponent = 0, exponent_size = 0, mantissa = 0, mantissa_size = 0;
    if (!fills_its_bytes(type) ||
        H5Tget_fields(type, &sign, &exponent, &exponent_size, &mantissa, &mantissa_size) < 0) {
        return element;
    }
    const std::size_t bits = 8 * element.size;
    const std::size_t ieee_exponent = bits == 16 ? 5 : bits == 32 ? 8 : bits == 64 ? 11 : 0;
    const bool ieee = ieee_exponent != 0 && exponent_size == ieee_exponent && sign == bits - 1 && mantissa == 0 &&
                      mantissa_size == bits - 1 - ieee_exponent && exponent == mantissa_size &&
                      H5Tget_ebias(type) == (std::size_t{1} << (ieee_exponent - 1)) - 1 &&
                      H5Tget_norm(type) == H5T_NORM_IMPLIED;
    if (ieee) element.kind = Element::Kind::real;
    element.big_endian = is_big_endian(type);
    return element;
}

// h5py writes booleans as an enumeration of FALSE = 0 and TRUE = 1 over int8.
Element enumeration_element(hid_t type) {
    Element element;
    element.size = H5Tget_size(type);
    element.name = "an enumeration";
    if (element.size != 1 || H5Tget_nmembers(type) != 2) return element;
    bool found[2] = {false, false};
    for (unsigned i = 0; i < 2; ++i) {
        unsigned char value = 2;
        char* name = H5Tget_member_name(type, i);
        if (name == nullptr || H5Tget_member_value(type, i, &value) < 0) value = 2;
        if (value < 2) found[value] = std::strcmp(name, value == 0 ? "FALSE" : "TRUE") == 0;
        H5free_memory(name);
    }
    if (found[0] && found[1]) {
        element.kind = Element::Kind::boolean;
        element.name = "bool";
    }
    return element;
}

Element text_element(hid_t type) {
    Element element;
    const bool variable = H5Tis_variable_str(type) > 0;
    element.kind = variable ? Element::Kind::variable_text : Element::Kind::fixed_text;
    element.size = variable ? reference_size : H5Tget_size(type);
    element.name = "string";
    if (element.size == 0 || element.size > longest_fixed_text) element.kind = Element::Kind::other;
    return element;
}

Element simple_element(hid_t type) {
    switch (H5Tget_class(type)) {
        case H5T_INTEGER:
            return integer_element(type);
        case H5T_FLOAT:
            return real_element(type);
        case H5T_STRING:
            return text_element(type);
        case H5T_ENUM:
            return enumeration_element(type);
        default:
            break;
    }
    Element element;
    element.size = H5Tget_size(type);
    const H5T_class_t kind = H5Tget_class(type);
    element.name = kind == H5T_COMPOUND    ? "a table"
                   : kind == H5T_REFERENCE ? "references"
                   : kind == H5T_VLEN      ? "lists"
                   : kind == H5T_ARRAY     ? "arrays"
                   : kind == H5T_OPAQUE    ? "opaque bytes"
                                           : "of a type of its own";
    return element;
}

Member member_of(hid_t compound, unsigned index, const std::string& path) {
    Member member;
    char* name = H5Tget_member_name(compound, index);
    if (name == nullptr) fail(path, "a column of the table cannot be read; the file is damaged");
    member.name = name;
    H5free_memory(name);
    if (!is_utf8(member.name)) fail(path, "the column name " + shown(member.name) + " is no UTF-8 text");
    member.offset = H5Tget_member_offset(compound, index);
    const Handle type(H5Tget_member_type(compound, index), H5Tclose);
    if (!type.valid()) fail(path, "the column " + shown(member.name) + " cannot be read; the file is damaged");
    if (H5Tget_class(type.get()) != H5T_ARRAY) {
        member.element = simple_element(type.get());
        return member;
    }
    const Handle base(H5Tget_super(type.get()), H5Tclose);
    hsize_t extents[H5S_MAX_RANK] = {};
    const int rank = H5Tget_array_ndims(type.get());
    if (!base.valid() || rank != 1 || H5Tget_array_dims2(type.get(), extents) != 1) {
        member.element.size = H5Tget_size(type.get());
        member.element.name = "arrays";
        return member;
    }
    member.count = static_cast<std::size_t>(extents[0]);
    member.element = simple_element(base.get());
    if (member.element.kind == Element::Kind::variable_text) member.element.kind = Element::Kind::other;
    return member;
}

// The library gives sizes and offsets as in memory, where a variable-length text takes 8 bytes; on disk it takes 16.
ElementType compound_type(hid_t type, const std::string& path) {
    ElementType result;
    result.element.kind = Element::Kind::compound;
    result.element.name = "a table";
    result.element.size = H5Tget_size(type);
    const int n_members = H5Tget_nmembers(type);
    if (n_members < 1 || n_members > most_members) fail(path, "the table has no columns; the file is damaged");
    for (int i = 0; i < n_members; ++i) result.members.push_back(member_of(type, static_cast<unsigned>(i), path));
    std::sort(result.members.begin(), result.members.end(),
              [](const Member& a, const Member& b) { return a.offset < b.offset; });
    std::size_t grown = 0, end = 0;
    for (Member& member : result.members) {
        member.offset += grown;
        if (member.element.kind == Element::Kind::variable_text) grown += reference_size - reference_size_in_memory;
        const std::size_t size = member.element.size * member.count;
        const bool fits =
            member.offset >= end && (member.element.size == 0 || size / member.element.size == member.count);
        if (!fits) fail(path, "the columns of the table overlap; the file is damaged");
        end = member.offset + size;
    }
    result.element.size += grown;
    if (end > result.element.size) fail(path, "the columns of the table are longer than its rows; the file is damaged");
    return result;
}

// ---- bytes to numbers ----

template <class Stored>
Stored load(const std::byte* from, bool swap) {
    std::byte bytes[sizeof(Stored)];
    std::memcpy(bytes, from, sizeof bytes);
    if (swap) std::reverse(bytes, bytes + sizeof bytes);
    Stored value;
    std::memcpy(&value, bytes, sizeof bytes);
    return value;
}

template <class T, class Stored>
T exact(Stored value, const std::string& path) {
    if constexpr (std::is_same_v<T, std::int64_t>) {
        if constexpr (std::is_same_v<Stored, std::uint64_t>) {
            if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
                fail(path, "holds " + std::to_string(value) + ", beyond the range of a 64-bit integer");
            }
        }
        return static_cast<std::int64_t>(value);
    } else {
        if constexpr (sizeof(Stored) >= sizeof(T)) {
            constexpr auto largest = static_cast<Stored>(Stored{1} << std::numeric_limits<T>::digits);
            bool within = value <= largest;
            if constexpr (std::is_signed_v<Stored>) within = within && value >= -largest;
            if (!within) fail(path, "holds the integer " + std::to_string(value) + ", which no float holds exactly");
        }
        return static_cast<T>(value);
    }
}

template <class T, class Stored>
void decode_integers(const Element& element, const std::byte* from, std::size_t count, std::size_t stride, T* to,
                     const std::string& path) {
    const bool swap = element.big_endian && sizeof(Stored) > 1;
    for (std::size_t i = 0; i < count; ++i) to[i] = exact<T>(load<Stored>(from + i * stride, swap), path);
}

template <class T, class Stored>
void decode_reals(const Element& element, const std::byte* from, std::size_t count, std::size_t stride, T* to) {
    if (std::is_same_v<T, Stored> && !element.big_endian && stride == sizeof(T)) {
        std::memcpy(to, from, count * sizeof(T));
        return;
    }
    for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<T>(load<Stored>(from + i * stride, element.big_endian));
}

float half_value(std::uint16_t bits) {
    const int exponent = (bits >> 10) & 31;
    const auto mantissa = static_cast<float>(bits & 1023);
    float value = 0.0F;
    if (exponent == 31) {
        value = mantissa == 0.0F ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
    } else if (exponent == 0) {
        value = std::ldexp(mantissa, -24);
    } else {
        value = std::ldexp(1024.0F + mantissa, exponent - 25);
    }
    return (bits & 0x8000) != 0 ? -value : value;
}

template <class T>
void decode_real(const Element& element, const std::byte* from, std::size_t count, std::size_t stride, T* to) {
    if (element.size == 8) return decode_reals<T, double>(element, from, count, stride, to);
    if (element.size == 4) return decode_reals<T, float>(element, from, count, stride, to);
    for (std::size_t i = 0; i < count; ++i) {
        to[i] = static_cast<T>(half_value(load<std::uint16_t>(from + i * stride, element.big_endian)));
    }
}

template <class T>
void decode_booleans(const std::byte* from, std::size_t count, std::size_t stride, T* to, const std::string& path) {
    for (std::size_t i = 0; i < count; ++i) {
        const auto value = std::to_integer<unsigned>(from[i * stride]);
        if (value > 1)
            fail(path, "holds " + std::to_string(value) + ", expected a boolean, 0 or 1; the file is damaged");
        to[i] = static_cast<T>(value);
    }
}

}  // namespace

ElementType element_type(hid_t type, const std::string& path) {
    if (H5Tget_class(type) == H5T_COMPOUND) return compound_type(type, path);
    return {simple_element(type), {}};
}

template <class T>
void decode(const Element& element, const std::byte* from, std::size_t count, std::size_t stride, T* to,
            const std::string& path) {
    if (element.kind == Element::Kind::boolean) return decode_booleans(from, count, stride, to, path);
    if (element.kind == Element::Kind::real) {
        if constexpr (std::is_floating_point_v<T>) return decode_real(element, from, count, stride, to);
    }
    if (element.kind != Element::Kind::integer) fail(path, "holds " + element.name + ", expected whole numbers");
    switch (element.size) {
        case 1:
            return element.is_signed ? decode_integers<T, std::int8_t>(element, from, count, stride, to, path)
                                     : decode_integers<T, std::uint8_t>(element, from, count, stride, to, path);
        case 2:
            return element.is_signed ? decode_integers<T, std::int16_t>(element, from, count, stride, to, path)
                                     : decode_integers<T, std::uint16_t>(element, from, count, stride, to, path);
        case 4:
            return element.is_signed ? decode_integers<T, std::int32_t>(element, from, count, stride, to, path)
                                     : decode_integers<T, std::uint32_t>(element, from, count, stride, to, path);
        default:
            return element.is_signed ? decode_integers<T, std::int64_t>(element, from, count, stride, to, path)
                                     : decode_integers<T, std::uint64_t>(element, from, count, stride, to, path);
    }
}

std::string_view fixed_text(const std::byte* from, std::size_t size, const std::string& path) {
    std::string_view text(reinterpret_cast<const char*>(from), size);
    text = text.substr(0, text.find('\0'));
    if (!is_utf8(text)) fail(path, "holds " + shown(text) + ", which is no UTF-8 text");
    return text;
}

template void decode(const Element&, const std::byte*, std::size_t, std::size_t, float*, const std::string&);
template void decode(const Element&, const std::byte*, std::size_t, std::size_t, double*, const std::string&);
template void decode(const Element&, const std::byte*, std::size_t, std::size_t, std::int64_t*, const std::string&);

}  // namespace bcbench::h5ad
