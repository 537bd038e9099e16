#include "experiments/files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

namespace bcbench {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const std::string& action, const fs::path& path, int error) {
    throw FileError("cannot " + action + " " + path.string() + ": " + std::strerror(error));
}

void write_all(int descriptor, std::string_view content, const fs::path& path) {
    while (!content.empty()) {
        const ssize_t written = write(descriptor, content.data(), content.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail("write", path, errno);
        content.remove_prefix(static_cast<std::size_t>(written));
    }
}

const char* const temporary_prefix = ".writing-";
constexpr std::size_t most_flushed_one_by_one = 4;

fs::path directory_of(const fs::path& path) {
    return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

// A file descriptor that closes itself.
class Descriptor {
  public:
    explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
    Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() { close(); }
    int get() const { return descriptor_; }
    bool close() { return descriptor_ < 0 || ::close(std::exchange(descriptor_, -1)) == 0; }

  private:
    int descriptor_;
};

// A file on its way to its place; if it does not arrive, it is removed.
class Temporary {
  public:
    explicit Temporary(const NewFile& file, bool flush)
        : path_(file.path), name_((directory_of(file.path) / temporary_prefix).string() + "XXXXXX") {
        Descriptor descriptor(mkostemp(name_.data(), O_CLOEXEC));
        if (descriptor.get() < 0) {
            name_.clear();
            fail("write", path_, errno);
        }
        try {
            write_all(descriptor.get(), file.content, path_);
            if (fchmod(descriptor.get(), 0644) != 0) fail("write", path_, errno);
            if (flush && fsync(descriptor.get()) != 0) fail("flush", path_, errno);
            if (!descriptor.close()) fail("write", path_, errno);
        } catch (...) {
            unlink(name_.c_str());
            throw;
        }
    }
    Temporary(Temporary&& other) noexcept
        : path_(std::move(other.path_)), name_(std::exchange(other.name_, "")) {}
    Temporary& operator=(Temporary&&) = delete;
    ~Temporary() {
        if (!name_.empty()) unlink(name_.c_str());
    }

    void move_into_place() {
        if (std::rename(name_.c_str(), path_.c_str()) != 0) fail("write", path_, errno);
        name_.clear();
    }

  private:
    fs::path path_;
    std::string name_;  // empty: nothing to remove
};

void flush_directory(const fs::path& directory) {
    const Descriptor descriptor(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (descriptor.get() < 0) fail("open", directory, errno);
    // EINVAL: a file system without it
    if (fsync(descriptor.get()) != 0 && errno != EINVAL) fail("flush", directory, errno);
}

// Everything that was written to the file system of the directory.
void flush_file_system(const fs::path& directory) {
    const Descriptor descriptor(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (descriptor.get() < 0 || syncfs(descriptor.get()) != 0) fail("flush", directory, errno);
}

}  // namespace

void write_atomically(const std::vector<NewFile>& files) {
    // Each file flushed by itself costs a commit of the file system's journal; from a few on, one flush of
    // everything is cheaper.
    const bool flush_each = files.size() <= most_flushed_one_by_one;
    std::vector<Temporary> temporaries;
    std::set<fs::path> directories;
    for (const NewFile& file : files) {
        temporaries.emplace_back(file, flush_each);
        directories.insert(directory_of(file.path));
    }
    if (!flush_each) {
        for (const fs::path& directory : directories) flush_file_system(directory);
    }
    for (Temporary& temporary : temporaries) temporary.move_into_place();
    for (const fs::path& directory : directories) flush_directory(directory);
}

void write_atomically(const fs::path& path, std::string content) {
    write_atomically(std::vector<NewFile>{{path, std::move(content)}});
}

void remove_stale_temporaries(const fs::path& directory) {
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
        if (entry->path().filename().string().rfind(temporary_prefix, 0) != 0) continue;
        std::error_code ignored;  // one that cannot be removed harms nobody
        fs::remove(entry->path(), ignored);
    }
}

void append(const fs::path& path, std::string_view content) {
    Descriptor descriptor(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (descriptor.get() < 0) fail("write", path, errno);
    write_all(descriptor.get(), content, path);
    if (!descriptor.close()) fail("write", path, errno);
}

std::string read_file(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream) fail("read", path, errno);
    std::ostringstream content;
    content << stream.rdbuf();
    if (stream.bad()) fail("read", path, EIO);
    return std::move(content).str();
}

void make_directories(const fs::path& directory) {
    std::error_code error;
    fs::create_directories(directory, error);
    if (error) fail("create", directory, error.value());
}

DirectoryLock::DirectoryLock(const fs::path& directory) {
    const fs::path path = directory / ".lock";
    descriptor_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0) fail("write in", directory, errno);
    if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
        char holder[32] = "";
        const ssize_t length = read(descriptor_, holder, sizeof holder - 1);
        close(descriptor_);
        throw FileError(
            directory.string() + " is in use by another run" +
            (length > 0 ? " (process " + std::string(holder, static_cast<std::size_t>(length)) + ")" : "") +
            "; wait for it, or choose another directory with --out");
    }
    const std::string self = std::to_string(getpid());
    if (ftruncate(descriptor_, 0) != 0 || write(descriptor_, self.data(), self.size()) < 0) {
        // the number is for messages only: a full disk must not end the run here
    }
}

DirectoryLock::~DirectoryLock() {
    close(descriptor_);
}

std::string csv_field(const std::string& field) {
    if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
    std::string quoted = "\"";
    for (const char c : field) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

}  // namespace bcbench
