// Several processes at work in one results directory, on one machine or many: who computes which point.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace bcbench {

/// Claims on points, as files in `directory`/.claims. A claim is a file that its owner alone could create (O_EXCL), and
/// holds the owner's name; the owner shows that it lives by counting in a file of its own. Nothing is read off clocks
/// of other machines or times of files: a claim is stale once this process has seen neither it nor its owner's count
/// change for `stale_seconds` of its own time. A stale claim is renamed away, which one process alone can do, before
/// the point is claimed anew. No file locks. Should an owner that was given up live after all, a point is computed
/// twice, to the same bytes. Safe to use from several threads.
class Claims {
  public:
    /// Throws FileError if nothing can be written there.
    Claims(const std::filesystem::path& directory, double stale_seconds);
    /// Gives back what is still claimed.
    ~Claims();
    Claims(const Claims&) = delete;
    Claims& operator=(const Claims&) = delete;

    /// Claims the point if nobody has, or the one who has is gone. False: another process has it, so far.
    bool take(const std::string& id);

    /// Gives the point back, done or not.
    void release(const std::string& id);

    /// Seconds to wait before it makes sense to ask again for a point that another has.
    double patience() const;

    /// Where this process notes the times of its points.
    std::filesystem::path times_file() const;

    /// Once every point is done: removes what is left of anybody's claims.
    void clear() const;

  private:
    struct Seen {
        std::string claim;
        std::string count;
        double since = 0.0;
    };
    class Heart;

    bool create(const std::string& id);
    bool is_stale(const std::string& id, const std::string& owner);
    bool remove_stale(const std::string& id, const std::string& owner);

    std::filesystem::path folder_;
    double stale_seconds_;
    std::string self_;
    std::unique_ptr<Heart> heart_;
    std::mutex mutex_;
    std::set<std::string> held_;
    std::map<std::string, Seen> seen_;
};

/// What claims there are: the ids of claimed points, and the number of processes that said they are at work.
struct ClaimsThere {
    std::set<std::string> points;
    unsigned workers = 0;
};
ClaimsThere claims_in(const std::filesystem::path& directory);

/// The folder of claims, and in it the files in which processes noted the times of their points.
std::filesystem::path claims_folder(const std::filesystem::path& directory);
std::vector<std::filesystem::path> times_of_workers(const std::filesystem::path& directory);

}  // namespace bcbench
