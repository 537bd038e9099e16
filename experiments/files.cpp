#include "experiments/files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

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

void flush_directory(const fs::path& directory) {
    const int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) fail("open", directory, errno);
    const int result = fsync(descriptor);
    const int error = errno;
    close(descriptor);
    if (result != 0 && error != EINVAL) fail("flush", directory, error);  // EINVAL: a file system without it
}

}  // namespace

void write_atomically(const fs::path& path, std::string_view content, bool durable) {
    const fs::path directory = path.has_parent_path() ? path.parent_path() : fs::path(".");
    std::string temporary = (directory / ".writing-XXXXXX").string();
    const int descriptor = mkostemp(temporary.data(), O_CLOEXEC);
    if (descriptor < 0) fail("write", path, errno);
    try {
        write_all(descriptor, content, path);
        if (fchmod(descriptor, 0644) != 0) fail("write", path, errno);
        if (durable && fsync(descriptor) != 0) fail("flush", path, errno);
    } catch (...) {
        close(descriptor);
        unlink(temporary.c_str());
        throw;
    }
    const bool closed = close(descriptor) == 0;
    if (!closed || rename(temporary.c_str(), path.c_str()) != 0) {
        const int error = errno;
        unlink(temporary.c_str());
        fail("write", path, error);
    }
    if (durable) flush_directory(directory);
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
        throw FileError(directory.string() + " is in use by another run" +
                        (length > 0 ? " (process " + std::string(holder, static_cast<std::size_t>(length)) + ")" : "") +
                        "; wait for it, or choose another directory with --out");
    }
    const std::string self = std::to_string(getpid());
    if (ftruncate(descriptor_, 0) != 0 || write(descriptor_, self.data(), self.size()) < 0) {
        // the number is for messages only: a full disk must not end the run here
    }
}

DirectoryLock::~DirectoryLock() { close(descriptor_); }

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
