#include "experiments/results/claims.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>
#include <thread>

#include "experiments/system/clock.hpp"
#include "experiments/system/files.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {

namespace fs = std::filesystem;

namespace {

const char* const claim_extension = ".claim";
const char* const count_extension = ".alive";
const char* const times_extension = ".times";
constexpr double beats_per_staleness = 8.0;
constexpr double longest_patience = 1.0;

// The whole file, read anew (a network file system asks its server when a file is opened); nothing: it is not there.
std::optional<std::string> text_of(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) return std::nullopt;
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

// Differs between processes, machines and containers; its start tells a reader where to look.
std::string new_name() {
    char host[64] = "";
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') std::strcpy(host, "host");
    for (char& c : host)
        if (c == '/') c = '_';
    std::random_device random;
    const std::uint64_t word = (static_cast<std::uint64_t>(random()) << 32) ^ random();
    return std::string(host) + "-" + std::to_string(getpid()) + "-" + hex(word);
}

std::vector<fs::path> files_with(const fs::path& folder, const char* extension) {
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
        if (entry->path().extension() == extension) files.push_back(entry->path());
    std::sort(files.begin(), files.end());
    return files;
}

void remove_file(const fs::path& file) {
    std::error_code ignored;
    fs::remove(file, ignored);
}

}  // namespace

// Counts in a file as long as it lives. The file is written in place: other machines see new content of a known file
// sooner than a new file of the same name.
class Claims::Heart {
  public:
    Heart(fs::path file, double seconds) : file_(std::move(file)), seconds_(seconds) {
        descriptor_ = open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        if (descriptor_ < 0) throw FileError("cannot write " + file_.string() + ": " + std::strerror(errno));
        beat();
        thread_ = std::thread([this] {
            std::unique_lock lock(mutex_);
            while (!wait_seconds(stopped_, lock, seconds_, [this] { return stop_; })) beat();
        });
    }
    Heart(const Heart&) = delete;
    Heart& operator=(const Heart&) = delete;
    ~Heart() {
        {
            const std::lock_guard lock(mutex_);
            stop_ = true;
        }
        stopped_.notify_one();
        thread_.join();
        close(descriptor_);
        remove_file(file_);
    }

  private:
    void beat() {
        char text[32];
        const int length = std::snprintf(text, sizeof text, "%020llu\n", ++count_);
        if (pwrite(descriptor_, text, static_cast<std::size_t>(length), 0) < 0 || fsync(descriptor_) != 0) {
            // a full disk or a lost server: others may take over, which costs a point computed twice
        }
    }

    fs::path file_;
    double seconds_;
    int descriptor_ = -1;
    unsigned long long count_ = 0;
    std::mutex mutex_;
    std::condition_variable stopped_;
    bool stop_ = false;
    std::thread thread_;
};

fs::path claims_folder(const fs::path& directory) { return directory / ".claims"; }

std::vector<fs::path> times_of_workers(const fs::path& directory) {
    return files_with(claims_folder(directory), times_extension);
}

ClaimsThere claims_in(const fs::path& directory) {
    ClaimsThere there;
    for (const fs::path& file : files_with(claims_folder(directory), claim_extension))
        there.points.insert(file.stem().string());
    there.workers = static_cast<unsigned>(files_with(claims_folder(directory), count_extension).size());
    return there;
}

Claims::Claims(const fs::path& directory, double stale_seconds)
    : folder_(claims_folder(directory)), stale_seconds_(stale_seconds), self_(new_name()) {
    make_directories(folder_);
    heart_ = std::make_unique<Heart>(folder_ / (self_ + count_extension), stale_seconds / beats_per_staleness);
}

Claims::~Claims() {
    for (const std::string& id : std::set<std::string>(held_)) release(id);
}

double Claims::patience() const { return std::min(longest_patience, stale_seconds_ / beats_per_staleness); }

fs::path Claims::times_file() const { return folder_ / (self_ + times_extension); }

bool Claims::create(const std::string& id) {
    const fs::path file = folder_ / (id + claim_extension);
    const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0 && errno == EEXIST) {
        // over a network a request that was answered and lost is asked again: the file may be our own
        if (text_of(file) != self_) return false;
    } else if (descriptor < 0) {
        throw FileError("cannot write " + file.string() + ": " + std::strerror(errno));
    } else {
        const bool written = write(descriptor, self_.data(), self_.size()) == static_cast<ssize_t>(self_.size());
        const int error = errno;
        if (close(descriptor) != 0 || !written) {
            remove_file(file);
            throw FileError("cannot write " + file.string() + ": " + std::strerror(written ? errno : error));
        }
    }
    const std::lock_guard lock(mutex_);
    held_.insert(id);
    seen_.erase(id);
    return true;
}

bool Claims::is_stale(const std::string& id, const std::string& owner) {
    const std::string count = owner.empty() ? "" : text_of(folder_ / (owner + count_extension)).value_or("");
    const std::lock_guard lock(mutex_);
    Seen& seen = seen_[id];
    if (seen.since == 0.0 || seen.claim != owner || seen.count != count) seen = {owner, count, seconds_now()};
    return seconds_now() - seen.since > stale_seconds_;
}

bool Claims::remove_stale(const std::string& id, const std::string& owner) {
    const fs::path file = folder_ / (id + claim_extension);
    const fs::path aside = folder_ / (self_ + "-" + hex(fnv1a(id)));
    if (std::rename(file.c_str(), aside.c_str()) != 0) return false;  // another was faster
    const bool is_it = text_of(aside) == owner;
    // else somebody has taken the stale claim over meanwhile, and this is the new one: it goes back
    if (!is_it && link(aside.c_str(), file.c_str()) != 0 && errno != EEXIST) {
        // its owner goes on all the same
    }
    remove_file(aside);
    return is_it;
}

bool Claims::take(const std::string& id) {
    if (create(id)) return true;
    const std::optional<std::string> owner = text_of(folder_ / (id + claim_extension));
    if (!owner) return create(id);
    if (!is_stale(id, *owner) || !remove_stale(id, *owner)) return false;
    std::cerr << "taking over " << id << " of " << (owner->empty() ? "a process without name" : *owner)
              << ", which gave no sign for " << stale_seconds_ << " s\n";
    return create(id);
}

void Claims::release(const std::string& id) {
    {
        const std::lock_guard lock(mutex_);
        if (held_.erase(id) == 0) return;
    }
    const fs::path file = folder_ / (id + claim_extension);
    if (text_of(file) == self_) remove_file(file);
}

void Claims::clear() const {
    std::error_code error;
    for (fs::directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error))
        remove_file(entry->path());
}

}  // namespace bcbench
