// The .npz half of npy.hpp: a zip archive with stored members, and the files. Layout: for each member a local
// header with its bytes, then a directory with one entry per member, then the end record (PKWARE's
// APPNOTE, 4.3).
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "engine/core/check.hpp"
#include "engine/io/npy.hpp"

namespace bcbench::npy {

namespace {

constexpr std::uint32_t local_signature = 0x04034b50;
constexpr std::uint32_t entry_signature = 0x02014b50;
constexpr std::uint32_t end_signature = 0x06054b50;
constexpr std::size_t local_size = 30, entry_size = 46,
                      end_size = 22;               // without names and other variable parts
constexpr std::uint16_t version = 20;              // 2.0: any reader knows stored members
constexpr std::uint16_t first_day = (1 << 5) | 1;  // 1 January 1980, for identical bytes
constexpr std::uint16_t utf8_names = 1 << 11;
constexpr std::string_view suffix = ".npy";

std::uint32_t checksum(std::string_view bytes) {
    return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

// ---- writing ----

void put16(std::string& out, std::size_t value) {
    out += {static_cast<char>(value & 0xff), static_cast<char>((value >> 8) & 0xff)};
}

void put32(std::string& out, std::size_t value) {
    put16(out, value & 0xffff);
    put16(out, (value >> 16) & 0xffff);
}

// What local header and directory entry have in common: needed version to length of the extra field.
void put_member(std::string& out, const std::string& name, std::uint32_t crc, std::size_t size) {
    put16(out, version);
    put16(out, utf8_names);
    put16(out, 0);  // stored
    put16(out, 0);  // time 00:00
    put16(out, first_day);
    put32(out, crc);
    put32(out, size);  // compressed
    put32(out, size);  // as it is
    put16(out, name.size());
    put16(out, 0);
}

// ---- reading ----

struct Member {
    std::string name;  // without .npy
    std::string_view bytes;
};

class Archive {
  public:
    Archive(std::string_view bytes, const std::string& name) : bytes_(bytes), name_(name) {}

    std::vector<Member> members() const {
        if (bytes_.size() < 4 || (get32(0) != local_signature && get32(0) != end_signature)) {
            fail("is no .npz file (its first bytes are not PK)");
        }
        const std::size_t end = end_record();
        const std::size_t count = get16(end + 10);
        std::size_t at = get32(end + 16);
        std::vector<Member> result;
        std::size_t total = 0;
        for (std::size_t i = 0; i < count; ++i) {
            result.push_back(member(at));
            total += result.back().bytes.size();
            if (total > bytes_.size()) fail("has members that overlap");  // or a small file could fill the memory
            at += entry_size + get16(at + 28) + get16(at + 30) + get16(at + 32);  // name, extra field, comment
        }
        if (at != end) fail("has a directory that does not end where it should");
        return result;
    }

  private:
    [[noreturn]] void fail(const std::string& what) const { throw DataError(name_ + ": " + what); }

    std::string_view part(std::size_t at, std::size_t size) const {
        if (at > bytes_.size() || size > bytes_.size() - at) fail("is truncated or corrupt");
        return bytes_.substr(at, size);
    }

    std::size_t get16(std::size_t at) const {
        const std::string_view two = part(at, 2);
        return static_cast<unsigned char>(two[0]) + std::size_t{256} * static_cast<unsigned char>(two[1]);
    }

    std::size_t get32(std::size_t at) const { return get16(at) + (get16(at + 2) << 16); }

    // The end record is the last thing in the file but for its comment.
    std::size_t end_record() const {
        constexpr std::size_t longest_comment = 0xffff;
        if (bytes_.size() < end_size) fail("is truncated, the zip directory is missing");
        for (std::size_t comment = 0; comment <= longest_comment && comment <= bytes_.size() - end_size; ++comment) {
            const std::size_t at = bytes_.size() - end_size - comment;
            if (get32(at) == end_signature && get16(at + 20) == comment) return at;
        }
        fail("is truncated, the zip directory is missing");
    }

    // The member whose directory entry begins at `at`. Its sizes come from there: NumPy leaves them out of
    // the local header.
    Member member(std::size_t at) const {
        if (get32(at) != entry_signature) fail("has a corrupt zip directory");
        const std::string file(part(at + entry_size, get16(at + 28)));
        if (!std::string_view(file).ends_with(suffix)) fail("holds '" + file + "', which is no .npy file");
        if (get16(at + 8) & 1) fail("holds '" + file + "' encrypted");
        if (get16(at + 10) != 0) fail("holds '" + file + "' compressed; save it with numpy.savez instead");
        const std::size_t size = get32(at + 20), local = get32(at + 42);
        if (size != get32(at + 24)) fail("has two sizes for '" + file + "'");
        if (get32(local) != local_signature) fail("has no header for '" + file + "' where it should be");
        const std::string_view bytes = part(local + local_size + get16(local + 26) + get16(local + 28), size);
        if (checksum(bytes) != get32(at + 16)) fail("holds '" + file + "' damaged (its CRC-32 differs)");
        return {file.substr(0, file.size() - suffix.size()), bytes};
    }

    std::string_view bytes_;
    const std::string& name_;
};

// ---- files ----

std::string read_bytes(const std::string& path) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    if (error) throw DataError(path + ": cannot be read: " + error.message());
    std::string bytes(size, '\0');
    std::ifstream file(path, std::ios::binary);
    if (!file.read(bytes.data(), static_cast<std::streamsize>(size))) throw DataError(path + ": cannot be read");
    return bytes;
}

}  // namespace

std::string encode_npz(const NamedArrays& arrays) {
    constexpr std::size_t largest = std::numeric_limits<std::uint32_t>::max() - 1;
    constexpr std::size_t longest_name = 0xffff;
    require(arrays.size() < 0xffff, "an .npz file holds fewer than 65535 arrays");
    std::string out, directory;
    for (const auto& [name, array] : arrays) {
        const std::string file = name + std::string(suffix);
        require(!name.empty() && file.size() <= longest_name, "the name of an array is empty or too long");
        const std::string bytes = encode(array);
        const std::uint32_t crc = checksum(bytes);
        const std::size_t local = out.size();
        require(bytes.size() <= largest && local + bytes.size() <= largest, "an .npz file holds less than 4 GiB");

        put32(out, local_signature);
        put_member(out, file, crc, bytes.size());
        out += file;
        out += bytes;

        put32(directory, entry_signature);
        put16(directory, version);
        put_member(directory, file, crc, bytes.size());
        directory.append(10, '\0');  // no comment, first disk, no attributes
        put32(directory, local);
        directory += file;
    }
    const std::size_t directory_at = out.size();
    require(directory_at + directory.size() <= largest, "an .npz file holds less than 4 GiB");
    out += directory;
    put32(out, end_signature);
    put32(out, 0);  // this disk and the directory's, both the first
    put16(out, arrays.size());
    put16(out, arrays.size());
    put32(out, directory.size());
    put32(out, directory_at);
    put16(out, 0);  // no comment
    return out;
}

NamedArrays decode_npz(std::string_view bytes, const std::string& name) {
    NamedArrays arrays;
    for (const Member& member : Archive(bytes, name).members()) {
        Array array = decode(member.bytes, name + ": " + member.name);
        if (!arrays.emplace(member.name, std::move(array)).second) {
            throw DataError(name + ": holds two arrays called '" + member.name + "'");
        }
    }
    return arrays;
}

NamedArrays read_npz(const std::string& path) { return decode_npz(read_bytes(path), path); }

}  // namespace bcbench::npy
