// A results directory as `compare` sees it: values from metrics.csv, what they depend on from the point files
// and the manifest. Everything that can be missing may be missing; what is there must be readable.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "experiments/config/config.hpp"
#include "experiments/results/record.hpp"

namespace bcbench {

struct StoredValue {
    std::string metric;
    std::string text;             // as in metrics.csv; empty: no value
    std::optional<double> value;  // may be infinite or NaN in a file made elsewhere
    Direction direction = Direction::info;
    std::string status;          // "ok", "not_applicable", "skipped", "failed"
    std::string reason;          // why there is no value, if a point file says so
    std::optional<int> version;  // of the metric's definition, if a point file says so
    Group group = Group::other;  // as a point file says, else by the metric's name
};

struct StoredPoint {
    std::string id;
    PointStatus status = PointStatus::ok;
    std::string reason;  // why not ok
    std::string precision;
    std::string group;               // the id without its seeds
    std::string program;             // hash of what computed it; empty: unknown
    std::string data_hash;           // empty: unknown
    nlohmann::ordered_json dataset;  // as in the point file; null: unknown
    nlohmann::ordered_json method;
    std::vector<StoredValue> values;

    const StoredValue* find(const std::string& metric) const;
};

struct StoredResults {
    std::string directory;
    std::string name;        // of the experiment
    std::string git_commit;  // empty: unknown
    bool git_dirty = false;
    std::string program;  // hash of what ran; empty: an older program
    std::string started;
    bool has_manifest = false;
    bool finished = true;  // the run came to its end and wrote its tables, as far as a manifest knows
    bool complete = true;  // and no point failed or is missing
    std::string machine;   // cpu, threads and jobs: times of different machines do not compare
    std::map<std::string, Tolerance> tolerances;
    std::string metrics_bytes;        // metrics.csv as it is; empty: there is none
    std::vector<StoredPoint> points;  // in the order of metrics.csv
    std::map<std::pair<std::string, std::string>, std::vector<double>> seconds;  // by point and stage
    std::vector<StoredPoint> problems;  // points that the manifest calls failed or skipped, without values
    std::vector<std::string> notes;     // what a reader should know: an incomplete run, a damaged file
};

/// Whether `path` is a directory with metrics.csv or points/.
bool is_results_directory(const std::filesystem::path& path);

/// Reads a results directory. Throws std::invalid_argument or FileError if it is none or a table or the
/// manifest is damaged; a damaged point file only adds a note.
StoredResults read_results(const std::filesystem::path& directory);

/// The same for texts in memory, without point files.
StoredResults results_from_texts(std::string_view metrics_csv, std::string_view timings_csv,
                                 std::string_view manifest_json);

/// The point as `compare` sees it.
StoredPoint stored_point(const PointRecord& record);

}  // namespace bcbench
