// What is known of one finished point, its JSON form (points/<id>.json), and its rows in the tables.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "experiments/catalog/score.hpp"

namespace bcbench {

enum class PointStatus { ok, skipped, failed };

const char* name_of(PointStatus status);

/// Two principal components of the corrected cells, for scatter plots.
struct Projection {
    std::vector<std::uint32_t> batch;  // [n] index into the dataset's batch names
    std::vector<std::uint32_t> type;   // [n] or empty
    std::vector<double> pc1, pc2;      // [n] each, rounded to 6 significant digits
};

struct PointRecord {
    std::string id;
    PointStatus status = PointStatus::ok;
    std::string reason;              // why not ok
    std::string fingerprint;         // of everything that decides the values; resume compares it
    std::string fit_fingerprint;     // of the part that decides the fit and its checks; empty: an older program
    std::string program;             // program_hash() of what computed it; empty: an older program
    std::string data_hash;           // of the cells and labels as loaded; empty if there are none
    nlohmann::ordered_json dataset;  // label, type, seed, params, n_cells, n_features, batches, types
    nlohmann::ordered_json method;   // label, type, seed, params, train
    std::string params;              // canonical JSON: the column of metrics.csv
    nlohmann::ordered_json swept;    // names and values of what is swept here: {"method": {...}, "dataset": {...}}
    std::string group;               // the id without its seeds: equal for points that differ in these alone
    std::string precision;
    nlohmann::ordered_json outputs;  // shapes and distributions
    std::vector<Score> scores;
    nlohmann::ordered_json traces;  // curves along a training; may be empty
    Projection projection;          // may be empty

    std::string dataset_label() const { return dataset.at("label"); }
    std::string method_label() const { return method.at("label"); }
};

/// The value of a row; nothing if the point has no such row, or no value in it.
std::optional<double> value_of(const PointRecord& record, const std::string& metric);

/// Whether the point came to values: it is ok, and its method applies to the data.
bool has_values(const PointRecord& record);

/// The row of a point whose corrected cells have collapsed, and of no other: the variance left of the input's.
inline constexpr ScoreRow collapsed_row = {"collapsed", Direction::info, Group::detail_of_metric};

/// Whether the corrected cells have collapsed: no value of the point is ranked.
bool has_collapsed(const PointRecord& record);

/// Where a value belongs by its name alone, for files that do not say.
Group group_in_older_files(const std::string& metric);

constexpr int record_schema_version = 1;

std::string to_text(const PointRecord& record);

/// Throws std::invalid_argument naming `origin` if the text is no record of this schema version.
PointRecord record_from_text(const std::string& text, const std::string& origin);

/// The text of a point's file. Throws FileError if it cannot be read, std::invalid_argument if it is too large to be
/// one.
std::string text_of_record(const std::filesystem::path& file);

/// The record in a file, as above.
PointRecord read_record(const std::filesystem::path& file);

/// The status that a point's file begins with, without reading on; nothing if there is no such file, or it does not
/// say.
std::optional<PointStatus> status_in(const std::filesystem::path& file);

extern const char* const metrics_header;  // with line end
extern const char* const projections_header;

std::string metrics_rows(const PointRecord& record);
std::string projection_rows(const PointRecord& record);

}  // namespace bcbench
