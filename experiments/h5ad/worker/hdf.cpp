#include "experiments/h5ad/worker/hdf.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "engine/io/csv.hpp"
#include "engine/io/utf8.hpp"
#include "experiments/h5ad/sizes.hpp"

namespace bcbench::h5ad {

namespace {

constexpr hsize_t most_links = 1'000'000;
constexpr std::size_t longest_text = std::size_t{1} << 20;  // of an attribute; AnnData's have a few words

Handle open_file(const std::string& name, bool writable) {
    const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
    return {H5Fopen(name.c_str(), writable ? H5F_ACC_RDWR : H5F_ACC_RDONLY, access.get()), H5Fclose};
}

Handle open_link(hid_t group, const std::string& name, const std::string& path) {
    H5L_info_t info;
    if (H5Lget_info(group, name.c_str(), &info, H5P_DEFAULT) < 0) fail(path, "the link cannot be read");
    if (info.type != H5L_TYPE_HARD) {
        fail(path, std::string(info.type == H5L_TYPE_SOFT ? "is a soft link" : "is a link to another file") +
                       ", which is not followed; write the data itself with anndata: "
                       "anndata.read_h5ad(...).write_h5ad(...)");
    }
    Handle object(H5Oopen(group, name.c_str(), H5P_DEFAULT), H5Oclose);
    if (!object.valid()) fail(path, "cannot be opened; the file is damaged");
    return object;
}

// The object at `path`, or nothing if a link of it is not there.
std::optional<Handle> find_object(const File& file, const std::string& path) {
    auto current = std::make_optional<Handle>(H5Oopen(file.id(), "/", H5P_DEFAULT), H5Oclose);
    if (!current->valid()) fail("", "its root group cannot be opened; the file is damaged");
    for (std::size_t first = 0; first < path.size();) {
        const std::size_t last = std::min(path.find('/', first), path.size());
        const std::string name = path.substr(first, last - first);
        if (name.empty() || name == "." || H5Iget_type(current->get()) != H5I_GROUP) return std::nullopt;
        if (H5Lexists(current->get(), name.c_str(), H5P_DEFAULT) <= 0) return std::nullopt;
        Handle next = open_link(current->get(), name, path.substr(0, last));
        current.emplace(std::move(next));
        first = last + 1;
    }
    return current;
}

std::size_t n_elements(const Handle& attribute) {
    const Handle space(H5Aget_space(attribute.get()), H5Sclose);
    const hssize_t count = space.valid() ? H5Sget_simple_extent_npoints(space.get()) : -1;
    return count < 0 ? 0 : static_cast<std::size_t>(count);
}

std::string checked_text(std::string text, const char* name, const std::string& path) {
    if (text.size() > longest_text || !is_utf8(text)) {
        fail(path, std::string("the attribute '") + name + "' is no UTF-8 text; the file is damaged");
    }
    return text;
}

std::vector<std::string> variable_texts(const Handle& attribute, const Handle& type, std::size_t count,
                                        const char* name, const std::string& path) {
    const Handle memory(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(memory.get(), H5T_VARIABLE);
    H5Tset_cset(memory.get(), H5Tget_cset(type.get()));
    std::vector<char*> texts(count, nullptr);
    const bool read = H5Aread(attribute.get(), memory.get(), texts.data()) >= 0;
    std::vector<std::string> result;
    for (char* text : texts) {
        if (read) result.emplace_back(text == nullptr ? "" : text);
        H5free_memory(text);
    }
    if (!read) fail(path, std::string("the attribute '") + name + "' cannot be read; the file is damaged");
    return result;
}

std::vector<std::string> fixed_texts(const Handle& attribute, const Handle& type, std::size_t count, const char* name,
                                     const std::string& path) {
    const std::size_t size = H5Tget_size(type.get());
    if (size == 0 || size > longest_text || count > longest_text / size) {
        fail(path, std::string("the attribute '") + name + "' is too long; the file is damaged");
    }
    std::string bytes(size * count, '\0');
    if (H5Aread(attribute.get(), type.get(), bytes.data()) < 0) {
        fail(path, std::string("the attribute '") + name + "' cannot be read; the file is damaged");
    }
    std::vector<std::string> result;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string text = bytes.substr(i * size, size);
        result.push_back(text.substr(0, text.find('\0')));
    }
    return result;
}

}  // namespace

void fail(const std::string& path, const std::string& what) { throw FileFault(path, what); }

File::File(const std::string& name, bool writable, Budget budget)
    : file_(open_file(name, writable)), descriptor_(open(name.c_str(), O_RDONLY | O_CLOEXEC)), budget_(budget) {
    struct stat status = {};
    if (descriptor_ < 0 || fstat(descriptor_, &status) != 0) {
        const int error = errno;
        if (descriptor_ >= 0) close(descriptor_);
        fail("", std::string("cannot be opened: ") + std::strerror(error));
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
    if (!file_.valid()) {
        close(descriptor_);
        fail("", "the HDF5 library cannot open it: it is truncated, damaged or no HDF5 file");
    }
}

File::~File() { close(descriptor_); }

void File::read_at(std::uint64_t offset, void* to, std::size_t bytes, const std::string& path) const {
    if (offset > size_ || bytes > size_ - offset)
        fail(path, "lies beyond the end of the file; it is truncated or damaged");
    char* next = static_cast<char*>(to);
    while (bytes > 0) {
        const ssize_t count = pread(descriptor_, next, bytes, static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0)
            fail(path, std::string("cannot be read: ") + (count < 0 ? std::strerror(errno) : "the file ends"));
        next += count;
        offset += static_cast<std::uint64_t>(count);
        bytes -= static_cast<std::size_t>(count);
    }
}

void File::require_memory(const std::vector<std::uint64_t>& counts, const std::string& path) const {
    const auto bytes = product(counts);
    if (bytes && *bytes <= budget_.memory) return;
    fail(path, "would take " + (bytes ? byte_text(*bytes) : std::string("more than 2^64 bytes")) +
                   " of memory, the limit is " + byte_text(budget_.memory));
}

void File::progress() const { alarm(budget_.stall_seconds); }

ObjectKind kind_of(const File& file, const std::string& path) {
    const auto object = find_object(file, path);
    if (!object) return ObjectKind::absent;
    const H5I_type_t type = H5Iget_type(object->get());
    return type == H5I_GROUP ? ObjectKind::group : type == H5I_DATASET ? ObjectKind::dataset : ObjectKind::other;
}

Handle open_object(const File& file, const std::string& path) {
    auto object = find_object(file, path);
    if (!object) fail(path, "is not in the file");
    return std::move(*object);
}

std::vector<std::string> members_of(const File& file, const std::string& group) {
    const Handle object = open_object(file, group);
    std::vector<std::string> names;
    const auto add = [](hid_t, const char* name, const H5L_info_t*, void* to) -> herr_t {
        auto& list = *static_cast<std::vector<std::string>*>(to);
        if (list.size() >= most_links) return -1;
        list.emplace_back(name);
        return 0;
    };
    if (H5Literate(object.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names) < 0) {
        fail(group, "its members cannot be listed; the file is damaged");
    }
    for (const std::string& name : names) {
        if (!is_utf8(name)) fail(group, "has a member whose name " + shown(name) + " is no UTF-8 text");
    }
    return names;
}

std::vector<std::string> texts_attribute(const Handle& object, const char* name, const std::string& path) {
    if (H5Aexists(object.get(), name) <= 0) return {};
    const Handle attribute(H5Aopen(object.get(), name, H5P_DEFAULT), H5Aclose);
    if (!attribute.valid())
        fail(path, std::string("the attribute '") + name + "' cannot be opened; the file is damaged");
    const Handle type(H5Aget_type(attribute.get()), H5Tclose);
    const std::size_t count = n_elements(attribute);
    if (!type.valid() || count == 0 || H5Tget_class(type.get()) != H5T_STRING) return {};
    if (count > most_links) fail(path, std::string("the attribute '") + name + "' is too long; the file is damaged");
    std::vector<std::string> texts = H5Tis_variable_str(type.get()) > 0
                                         ? variable_texts(attribute, type, count, name, path)
                                         : fixed_texts(attribute, type, count, name, path);
    for (std::string& text : texts) text = checked_text(std::move(text), name, path);
    return texts;
}

std::optional<std::string> text_attribute(const Handle& object, const char* name, const std::string& path) {
    const std::vector<std::string> texts = texts_attribute(object, name, path);
    if (texts.size() != 1) return std::nullopt;
    return texts.front();
}

std::vector<std::int64_t> integers_attribute(const Handle& object, const char* name, const std::string& path) {
    if (H5Aexists(object.get(), name) <= 0) return {};
    const Handle attribute(H5Aopen(object.get(), name, H5P_DEFAULT), H5Aclose);
    if (!attribute.valid())
        fail(path, std::string("the attribute '") + name + "' cannot be opened; the file is damaged");
    const Handle type(H5Aget_type(attribute.get()), H5Tclose);
    const std::size_t count = n_elements(attribute);
    constexpr std::size_t most = 8;
    if (!type.valid() || count == 0 || count > most || H5Tget_class(type.get()) != H5T_INTEGER) return {};
    std::vector<std::int64_t> values(count);
    if (H5Aread(attribute.get(), H5T_NATIVE_INT64, values.data()) < 0) {
        fail(path, std::string("the attribute '") + name + "' cannot be read; the file is damaged");
    }
    return values;
}

std::string encoding_of(const File& file, const std::string& path) {
    return text_attribute(open_object(file, path), "encoding-type", path).value_or("");
}

}  // namespace bcbench::h5ad
