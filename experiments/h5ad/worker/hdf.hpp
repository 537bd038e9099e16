// Handles, links and attributes of an HDF5 file. Used by the worker only.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace bcbench::h5ad {

/// Something in the file is not as it must be.
struct FileFault : std::runtime_error {
    FileFault(std::string where, const std::string& what) : std::runtime_error(what), path(std::move(where)) {}
    std::string path;  // inside the file; empty: the file itself
};

[[noreturn]] void fail(const std::string& path, const std::string& what);

/// An identifier of the library that closes itself.
class Handle {
  public:
    Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
    Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
    Handle& operator=(Handle&&) = delete;
    ~Handle() {
        if (id_ >= 0) close_(id_);
    }
    hid_t get() const { return id_; }
    bool valid() const { return id_ >= 0; }

  private:
    hid_t id_;
    herr_t (*close_)(hid_t);
};

struct Budget {
    std::uint64_t memory = 0;  // bytes
    unsigned stall_seconds = 0;
    unsigned threads = 1;
};

/// An open file, and what reading it may cost.
class File {
  public:
    /// Throws FileFault if the library cannot open it.
    File(const std::string& name, bool writable, Budget budget);
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File();

    hid_t id() const { return file_.get(); }
    std::uint64_t size() const { return size_; }
    const Budget& budget() const { return budget_; }

    /// Bytes of the file itself, past the library. Throws FileFault unless they are all there.
    void read_at(std::uint64_t offset, void* to, std::size_t bytes, const std::string& path) const;

    /// Throws FileFault if the product of `counts` exceeds the memory that may be used.
    void require_memory(const std::vector<std::uint64_t>& counts, const std::string& path) const;

    /// Another piece is done: the time without progress begins again.
    void progress() const;

  private:
    Handle file_;
    int descriptor_ = -1;
    std::uint64_t size_ = 0;
    Budget budget_;
};

enum class ObjectKind { absent, group, dataset, other };

/// Walks `path` link by link. Only hard links are followed: throws FileFault at any other.
ObjectKind kind_of(const File& file, const std::string& path);
Handle open_object(const File& file, const std::string& path);

/// Names of the links of a group in alphabetical order. Throws FileFault if there are more than a million.
std::vector<std::string> members_of(const File& file, const std::string& group);

/// Attributes of an open object; none if there is no such attribute, or it is of another kind.
std::optional<std::string> text_attribute(const Handle& object, const char* name, const std::string& path);
std::vector<std::string> texts_attribute(const Handle& object, const char* name, const std::string& path);
std::vector<std::int64_t> integers_attribute(const Handle& object, const char* name, const std::string& path);

/// The attribute "encoding-type" of what lies at `path`, or "".
std::string encoding_of(const File& file, const std::string& path);

}  // namespace bcbench::h5ad
