// Files that are complete or absent: nothing half-written survives a crash or a full disk.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bcbench {

/// A file or directory that could not be read or written; the message names it and the system's reason.
struct FileError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A file beside its path, written piece by piece. It takes its place only when it is whole; else nothing is left of
/// it. Everything throws FileError.
class TemporaryFile {
  public:
    explicit TemporaryFile(std::filesystem::path path);
    TemporaryFile(TemporaryFile&&) noexcept;
    TemporaryFile& operator=(TemporaryFile&&) = delete;
    ~TemporaryFile();

    void append(std::string_view content);

    /// Where it lies until it takes its place, for others that write to it.
    std::filesystem::path temporary_path() const;

    /// No more comes; with `flush` it is on disk.
    void close(bool flush);
    void move_into_place();

    /// Closed, flushed, in place, and the directory flushed.
    void finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// A file to be written: `write` appends its content, piece by piece if it likes, so that what is large need not be
/// held a second time.
struct NewFile {
    NewFile(std::filesystem::path where, std::size_t n_bytes, std::function<void(TemporaryFile&)> how)
        : path(std::move(where)), bytes(n_bytes), write(std::move(how)) {}
    NewFile(std::filesystem::path where, std::string content);

    std::filesystem::path path;
    std::size_t bytes = 0;  // that it holds in memory until it is written
    std::function<void(TemporaryFile&)> write;
};

/// Writes each file to a temporary file beside its path, flushes all of them to disk, renames them over
/// their paths in the order given, and flushes the directories. Many small files at once cost little more
/// than one. Throws FileError; every path then holds either its new content or what it held before, and no
/// temporary file is left.
void write_atomically(const std::vector<NewFile>& files);
void write_atomically(const std::filesystem::path& path, std::string content);

/// Removes temporary files that a process which died while writing left in `directory`; no other process may
/// be writing.
void remove_stale_temporaries(const std::filesystem::path& directory);

/// Appends `content` in one piece, creating the file if need be. Throws FileError.
void append(const std::filesystem::path& path, std::string_view content);

/// 0 if it cannot be read.
std::size_t file_bytes(const std::filesystem::path& path);

/// The whole file. Throws FileError.
std::string read_file(const std::filesystem::path& path);

/// Creates `directory` and its parents. Throws FileError.
void make_directories(const std::filesystem::path& directory);

/// Whether a directory is one process's alone or that of several at once.
enum class Sharing { alone, shared };

/// Holds a lock on a directory as long as it lives; a dead process holds none. One that is shared is a courtesy to
/// processes that want the directory alone: where the file system has no locks it does without.
class DirectoryLock {
  public:
    /// Throws FileError, naming the holder's process if another process holds the lock.
    explicit DirectoryLock(const std::filesystem::path& directory, Sharing sharing = Sharing::alone);
    ~DirectoryLock();
    DirectoryLock(const DirectoryLock&) = delete;
    DirectoryLock& operator=(const DirectoryLock&) = delete;

  private:
    int descriptor_ = -1;
};

}  // namespace bcbench
