// A results directory: point files one by one, and the tables made from them.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "experiments/results/outcome.hpp"
#include "experiments/results/record.hpp"
#include "experiments/system/files.hpp"

namespace bcbench {

/// What a point leaves beside its own file.
struct FilesOfPoint {
    bool embedding = false;
    bool model = false;
    bool per_cell = false;
};

/// An open results directory, locked against other runs. Every write is atomic; a point is done when its file
/// is there.
class ResultsDirectory {
  public:
    /// Creates the directory if need be and removes what a killed run left half-written. Throws FileError if
    /// it cannot be written or another run holds it. A shared one is left as it is, for others may be writing.
    explicit ResultsDirectory(std::filesystem::path directory, Sharing sharing = Sharing::alone);

    const std::filesystem::path& path() const { return directory_; }

    /// The finished point `id`, if its file is there and readable.
    std::optional<PointRecord> read_point(const std::string& id) const;

    /// The files of a point in the order they have to be written: embedding, model and values per cell, if there are
    /// any, then the point file, which says that the point is done.
    /// Takes the embedding and the values per cell out of `executed`.
    std::vector<NewFile> files_of(Executed& executed) const;

    /// Writes the files of any number of points. Throws FileError.
    void write(const std::vector<NewFile>& files) const;
    void write(const std::string& name, std::string content) const;

    /// Appends rows to timings.csv, or another file of times; noisy by nature, hence neither atomic nor flushed.
    void append_times(const std::string& rows, const std::filesystem::path& file = "") const;

    /// Rewrites timings.csv: the latest times of each point, those in `ids` first and in their order. Those of others
    /// stay: a later run may take these points over without measuring again.
    void order_times(const std::vector<std::string>& ids) const;

    /// Whether the file of a point and these are there.
    bool has_files(const std::string& id, const FilesOfPoint& files) const;

    /// The embedding that the file of a point holds in this precision; nothing if there is none such, or it is damaged.
    Embedding read_embedding(const std::string& id, bool single) const;

    void remove(const std::string& name) const;

    /// Removes embedding, model and values per cell of a point, which may be of an earlier config, but for those in
    /// `kept`.
    void remove_outputs(const std::string& id, const std::vector<NewFile>& kept = {}) const;

  private:
    std::filesystem::path directory_;
    DirectoryLock lock_;
};

/// The rows of a timings.csv by point (its id as a CSV field): of each the latest times, from its stage `load` on. Rows
/// that are not whole are left out; no file is no rows. `rows` may hold rows of earlier files.
using TimesByPoint = std::map<std::string, std::string>;
void add_times(const std::filesystem::path& file, TimesByPoint& rows);

extern const char* const timings_header;  // with line end

/// Rows of timings.csv.
std::string timing_rows(const std::string& id, const std::vector<StageTime>& times);

/// The files of a finished point, relative to the directory; the first says that it is done.
std::vector<std::string> names_of_files(const std::string& id, const FilesOfPoint& files);

/// The file of a point: `directory`/points/<id>.json.
std::filesystem::path point_file(const std::filesystem::path& directory, const std::string& id);

}  // namespace bcbench
