// Files that are complete or absent: nothing half-written survives a crash or a full disk.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

namespace bcbench {

/// A file or directory that could not be read or written; the message names it and the system's reason.
struct FileError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Writes `content` to a temporary file beside `path`, flushes it to disk (if `durable`) and renames it over `path`.
/// Throws FileError; `path` then holds what it held before, and the temporary file is gone.
void write_atomically(const std::filesystem::path& path, std::string_view content, bool durable = true);

/// The whole file. Throws FileError.
std::string read_file(const std::filesystem::path& path);

/// Creates `directory` and its parents. Throws FileError.
void make_directories(const std::filesystem::path& directory);

/// Holds an exclusive lock on a directory as long as it lives; a dead process holds none.
class DirectoryLock {
  public:
    /// Throws FileError naming the holder's process if another process holds the lock.
    explicit DirectoryLock(const std::filesystem::path& directory);
    ~DirectoryLock();
    DirectoryLock(const DirectoryLock&) = delete;
    DirectoryLock& operator=(const DirectoryLock&) = delete;

  private:
    int descriptor_ = -1;
};

/// `field` as it stands in a CSV file: quoted (RFC 4180) if it holds a comma, a quote or a line break.
std::string csv_field(const std::string& field);

}  // namespace bcbench
