#include "experiments/external/folder.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "engine/core/check.hpp"
#include "experiments/system/files.hpp"

namespace bcbench::external {

namespace fs = std::filesystem;

namespace {

const std::string prefix = "bcbench-method-";

// Also what a method has made unreadable.
void remove_folder(const fs::path& folder) {
    std::error_code error;
    fs::remove_all(folder, error);
    if (!error) return;
    for (fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, error), end;
         !error && entry != end; entry.increment(error)) {
        std::error_code ignored;
        if (entry->is_directory(ignored) && !entry->is_symlink(ignored))
            fs::permissions(entry->path(), fs::perms::owner_all, fs::perm_options::add, ignored);
    }
    fs::remove_all(folder, error);
}

// Those whose program is no more.
void remove_stale(const fs::path& directory) {
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (!name.starts_with(prefix)) continue;
        const int id = std::atoi(name.c_str() + prefix.size());
        if (id > 0 && kill(id, 0) != 0 && errno == ESRCH) remove_folder(entry->path());
    }
}

}  // namespace

Folder::Folder() {
    std::error_code error;
    const fs::path directory = fs::temp_directory_path(error);
    if (error) throw FileError("the directory for temporary files, $TMPDIR, cannot be used: " + error.message());
    static std::once_flag once;
    std::call_once(once, [&] { remove_stale(directory); });
    std::string name = (directory / (prefix + std::to_string(getpid()) + "-XXXXXX")).string();
    if (mkdtemp(name.data()) == nullptr)
        throw FileError("cannot make a folder in " + directory.string() + ": " + std::strerror(errno));
    path_ = name;
    for (const fs::path& part : {input(), output(), work(), temporary()}) {
        if (fs::create_directory(part, error)) continue;
        remove_folder(path_);
        throw FileError("cannot make " + part.string() + ": " + error.message());
    }
}

Folder::~Folder() { remove_folder(path_); }

std::string read_output_file(const fs::path& file, const std::string& name, std::size_t most) {
    const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0) throw DataError(name + ": cannot be read: " + std::strerror(errno));
    struct Closing {
        int descriptor;
        ~Closing() { close(descriptor); }
    } const closing{descriptor};
    struct stat status {};
    if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) throw DataError(name + ": is no regular file");
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size > most)
        throw DataError(name + ": has " + std::to_string(size) + " bytes, more than the " + std::to_string(most) +
                        " that a result for these cells may have");
    std::string text(size, '\0');
    for (std::size_t at = 0; at < size;) {
        const ssize_t count = read(descriptor, text.data() + at, size - at);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) throw DataError(name + ": cannot be read to its end");
        at += static_cast<std::size_t>(count);
    }
    return text;
}

}  // namespace bcbench::external
