#include "experiments/system/files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
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

fs::path directory_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

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

struct TemporaryFile::State {
    fs::path path;
    std::string name;  // empty: nothing to remove
    Descriptor descriptor;
};

TemporaryFile::TemporaryFile(fs::path path) {
    static std::atomic<std::uint64_t> counter = 0;
    const std::string start = (directory_of(path) / temporary_prefix).string() + std::to_string(getpid()) + "-";
    while (true) {
        std::string name = start + std::to_string(counter++);
        // unlike with mkstemp, the user's umask decides who may read the file
        Descriptor descriptor(open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
        if (descriptor.get() < 0 && errno == EEXIST) continue;
        if (descriptor.get() < 0) fail("write", path, errno);
        state_ = std::make_unique<State>(State{std::move(path), std::move(name), std::move(descriptor)});
        return;
    }
}

TemporaryFile::TemporaryFile(TemporaryFile&&) noexcept = default;

TemporaryFile::~TemporaryFile() {
    if (state_ && !state_->name.empty()) unlink(state_->name.c_str());
}

void TemporaryFile::append(std::string_view content) { write_all(state_->descriptor.get(), content, state_->path); }

fs::path TemporaryFile::temporary_path() const { return state_->name; }

void TemporaryFile::close(bool flush) {
    if (flush && fsync(state_->descriptor.get()) != 0) fail("flush", state_->path, errno);
    if (!state_->descriptor.close()) fail("write", state_->path, errno);
}

void TemporaryFile::move_into_place() {
    if (std::rename(state_->name.c_str(), state_->path.c_str()) != 0) fail("write", state_->path, errno);
    state_->name.clear();
}

void TemporaryFile::finish() {
    close(true);
    move_into_place();
    flush_directory(directory_of(state_->path));
}

NewFile::NewFile(fs::path where, std::string content)
    : path(std::move(where)),
      bytes(content.size()),
      write([content = std::move(content)](TemporaryFile& file) { file.append(content); }) {}

void write_atomically(const std::vector<NewFile>& files) {
    // Each file flushed by itself costs a commit of the file system's journal; from a few on, one flush of
    // everything is cheaper.
    const bool flush_each = files.size() <= most_flushed_one_by_one;
    std::vector<TemporaryFile> temporaries;
    std::set<fs::path> directories;
    for (const NewFile& file : files) {
        TemporaryFile& temporary = temporaries.emplace_back(file.path);
        file.write(temporary);
        temporary.close(flush_each);
        directories.insert(directory_of(file.path));
    }
    if (!flush_each) {
        for (const fs::path& directory : directories) flush_file_system(directory);
    }
    for (TemporaryFile& temporary : temporaries) temporary.move_into_place();
    for (const fs::path& directory : directories) flush_directory(directory);
}

void write_atomically(const fs::path& path, std::string content) {
    write_atomically(std::vector<NewFile>{NewFile(path, std::move(content))});
}

void remove_stale_temporaries(const fs::path& directory) {
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
        if (entry->path().filename().string().rfind(temporary_prefix, 0) != 0) continue;
        std::error_code ignored;  // one that cannot be removed harms nobody
        fs::remove(entry->path(), ignored);
    }
}

void append(const fs::path& path, std::string_view content) {
    Descriptor descriptor(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    if (descriptor.get() < 0) fail("write", path, errno);
    write_all(descriptor.get(), content, path);
    if (!descriptor.close()) fail("write", path, errno);
}

std::size_t file_bytes(const fs::path& path) {
    std::error_code error;
    const auto bytes = static_cast<std::size_t>(fs::file_size(path, error));
    return error ? 0 : bytes;
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

DirectoryLock::DirectoryLock(const fs::path& directory, Sharing sharing) {
    const fs::path path = directory / ".lock";
    descriptor_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail("write in", directory, errno);
    if (flock(descriptor_, (sharing == Sharing::alone ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
        const int error = errno;
        if (error != EWOULDBLOCK && sharing == Sharing::shared) return;
        if (error != EWOULDBLOCK) {  // a file system without locks, or none left
            close(descriptor_);
            fail("lock", directory, error);
        }
        char holder[32] = "";
        const ssize_t length = read(descriptor_, holder, sizeof holder - 1);
        close(descriptor_);
        throw FileError(directory.string() + " is in use by another run" +
                        (length > 0 ? " (process " + std::string(holder, static_cast<std::size_t>(length)) + ")" : "") +
                        "; wait for it, or choose another directory with --out");
    }
    if (sharing == Sharing::shared) return;
    const std::string self = std::to_string(getpid());
    if (ftruncate(descriptor_, 0) != 0 || write(descriptor_, self.data(), self.size()) < 0) {
        // the number is for messages only: a full disk must not end the run here
    }
}

DirectoryLock::~DirectoryLock() { close(descriptor_); }

}  // namespace bcbench
