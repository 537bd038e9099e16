#include "experiments/results/reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <unordered_map>

#include "engine/core/check.hpp"
#include "engine/io/csv.hpp"
#include "experiments/system/files.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

namespace {

// Columns of a CSV text by their titles.
class Table {
  public:
    Table(const std::string& name, std::string_view text, const std::vector<std::string>& titles)
        : reader_(name, bytes_of(text), false) {
        for (const std::string& title : titles) {
            const auto& header = reader_.header();
            const auto found = std::find(header.begin(), header.end(), title);
            if (found == header.end()) throw std::invalid_argument(name + ": has no column '" + title + "'");
            columns_.push_back(static_cast<std::size_t>(found - header.begin()));
        }
    }
    bool next() { return reader_.next(); }
    std::string field(std::size_t title) const { return std::string(reader_.row()[columns_[title]]); }
    [[noreturn]] void fail_at(std::size_t title, const std::string& what) const {
        reader_.fail_at(columns_[title], what);
    }

    double number(std::size_t title) const {
        const std::string text = field(title);
        double value = 0.0;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
        if (read.ptr != text.data() + text.size() || text.empty()) fail_at(title, "is no number");
        if (read.ec == std::errc::result_out_of_range) return std::strtod(text.c_str(), nullptr);  // infinite, or 0
        return value;
    }

  private:
    DelimitedReader reader_;
    std::vector<std::size_t> columns_;
};

Direction direction_of(const Table& table, std::size_t title) {
    const std::string name = table.field(title);
    for (const Direction direction : {Direction::higher, Direction::lower, Direction::info}) {
        if (name == name_of(direction)) return direction;
    }
    table.fail_at(title, "must be higher, lower or info");
}

// Where no point file says what a point is without its seeds: "two_batch.MMD.seed=3" -> "two_batch.MMD".
std::string without_seeds(const std::string& id) {
    const std::string mark = ".seed=";
    std::string text = id;
    for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
        const std::size_t end = text.find_first_not_of("0123456789", at + mark.size());
        const bool whole = end == std::string::npos || text[end] == '.';
        if (whole && end != at + mark.size()) {
            text.erase(at, end == std::string::npos ? end : end - at);
        } else {
            at += mark.size();
        }
    }
    return text;
}

PointStatus point_status(const std::string& value_status) {
    if (value_status == "failed") return PointStatus::failed;
    return value_status == "skipped" ? PointStatus::skipped : PointStatus::ok;
}

void read_metrics(StoredResults& results, const std::string& name) {
    enum { point, precision, metric, value, direction, status };
    Table table(name, results.metrics_bytes, {"point", "precision", "metric", "value", "direction", "status"});
    std::unordered_map<std::string, std::size_t> places;
    while (table.next()) {
        const auto [place, is_new] = places.try_emplace(table.field(point), results.points.size());
        if (is_new) {
            StoredPoint made;
            made.id = table.field(point);
            made.precision = table.field(precision);
            made.group = without_seeds(made.id);
            results.points.push_back(std::move(made));
        }
        StoredPoint& stored = results.points[place->second];
        StoredValue row;
        row.metric = table.field(metric);
        row.text = table.field(value);
        if (!row.text.empty()) row.value = table.number(value);
        row.direction = direction_of(table, direction);
        row.status = table.field(status);
        row.group = group_in_older_files(row.metric);
        if (stored.status == PointStatus::ok) stored.status = point_status(row.status);
        if (stored.find(row.metric)) table.fail_at(metric, "stands twice for the point " + stored.id);
        stored.values.push_back(std::move(row));
    }
}

void read_timings(StoredResults& results, const std::string& name, std::string_view text) {
    enum { point, stage, seconds };
    Table table(name, text, {"point", "stage", "seconds"});
    while (table.next()) {
        const double time = table.number(seconds);
        if (!std::isfinite(time) || time < 0.0) table.fail_at(seconds, "is no time");
        results.seconds[{table.field(point), table.field(stage)}].push_back(time);
    }
}

std::string text_at(const ordered_json& json, const char* pointer) {
    const ordered_json& found = json.value(ordered_json::json_pointer(pointer), ordered_json());
    return found.is_string() ? found.get<std::string>() : found.is_null() ? "" : found.dump();
}

double tolerance_at(const ordered_json& tolerance, const char* key) {
    const ordered_json value = tolerance.is_object() ? tolerance.value(key, ordered_json(0.0)) : ordered_json();
    if (!value.is_number() || !(value.get<double>() >= 0.0)) {
        throw std::invalid_argument("a tolerance must hold numbers of at least 0");
    }
    return value.get<double>();
}

void read_manifest(StoredResults& results, const std::string& name, std::string_view text) {
    try {
        const ordered_json json = parse_json(text, name, most_result_bytes);
        if (!json.is_object()) throw std::invalid_argument("is no object");
        results.has_manifest = true;
        results.name = text_at(json, "/name");
        results.git_commit = text_at(json, "/program/git_commit");
        results.git_dirty = text_at(json, "/program/git_dirty") == "true";
        results.program = text_at(json, "/program/hash");
        results.started = text_at(json, "/started");
        results.finished = !text_at(json, "/finished").empty();
        results.complete = text_at(json, "/status") == "complete";
        results.machine = text_at(json, "/machine/cpu") + ", " + text_at(json, "/threads") + " threads, " +
                          text_at(json, "/jobs") + " jobs";
        const ordered_json tolerances = json.value("/config/tolerances"_json_pointer, ordered_json::object());
        if (!tolerances.is_object()) throw std::invalid_argument("/config/tolerances is no object");
        for (const auto& [metric, tolerance] : tolerances.items()) {
            results.tolerances[metric] = {tolerance_at(tolerance, "absolute"), tolerance_at(tolerance, "relative")};
        }
        for (const ordered_json& problem : json.value("problems", ordered_json::array())) {
            StoredPoint point;
            point.id = problem.at("point").get<std::string>();
            point.status = point_status(problem.at("status").get<std::string>());
            point.reason = problem.at("reason").get<std::string>();
            if (point.status == PointStatus::ok)
                throw std::invalid_argument("the problem of " + point.id + " is neither failed nor skipped");
            results.problems.push_back(std::move(point));
        }
    } catch (const ConfigError&) {
        throw;
    } catch (const std::exception& error) {
        throw std::invalid_argument(name + ": " + error.what());
    }
}

// What only the point file knows, added to what metrics.csv says; where both know a value, metrics.csv
// counts.
void add_details(StoredPoint& point, const StoredPoint& details, std::vector<std::string>& notes) {
    point.reason = details.reason;
    point.data_hash = details.data_hash;
    point.dataset = details.dataset;
    point.method = details.method;
    point.group = details.group;
    for (StoredValue& value : point.values) {
        const StoredValue* other = details.find(value.metric);
        if (other == nullptr) continue;
        value.reason = other->reason;
        value.version = other->version;
        value.group = other->group;
        if (other->text == value.text) continue;
        notes.push_back(point.id + ": " + value.metric + " is '" + value.text + "' in metrics.csv and '" + other->text +
                        "' in its point file; metrics.csv counts");
    }
}

std::optional<StoredPoint> read_point_file(const fs::path& file, std::vector<std::string>& notes) {
    try {
        return stored_point(read_record(file));
    } catch (const std::exception& error) {
        notes.push_back(error.what());
        return std::nullopt;
    }
}

// Without metrics.csv, or with one of an earlier run: the point files alone. Those that another program left are not of
// an unfinished run, which had yet to compute these points again.
void read_point_files(StoredResults& results, const fs::path& directory) {
    std::vector<fs::path> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(directory / "points")) {
        if (entry.path().extension() == ".json") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    results.points.clear();
    std::size_t n_others = 0;
    for (const fs::path& file : files) {
        std::optional<StoredPoint> point = read_point_file(file, results.notes);
        if (!point) continue;
        if (!results.finished && !results.program.empty() && point->program != results.program) {
            ++n_others;
        } else {
            results.points.push_back(std::move(*point));
        }
    }
    if (n_others > 0) {
        results.notes.push_back(std::to_string(n_others) + " of its points are of another program and not compared");
    }
}

// A failed point of a config without metrics has no row in metrics.csv.
void add_problems(StoredResults& results) {
    std::unordered_map<std::string, StoredPoint*> points;
    for (StoredPoint& point : results.points) points.emplace(point.id, &point);
    std::vector<StoredPoint> without_rows;
    for (const StoredPoint& problem : results.problems) {
        const auto found = points.find(problem.id);
        if (found == points.end()) {
            without_rows.push_back(problem);
        } else if (found->second->reason.empty()) {
            found->second->reason = problem.reason;
        }
    }
    for (StoredPoint& point : without_rows) results.points.push_back(std::move(point));
}

std::string text_if_there(const fs::path& file) {
    std::error_code error;
    return fs::exists(file, error) ? read_file(file) : "";
}

}  // namespace

const StoredValue* StoredPoint::find(const std::string& metric) const {
    const auto found =
        std::find_if(values.begin(), values.end(), [&](const StoredValue& value) { return value.metric == metric; });
    return found == values.end() ? nullptr : &*found;
}

StoredPoint stored_point(const PointRecord& record) {
    StoredPoint point;
    point.id = record.id;
    point.status = record.status;
    point.reason = record.reason;
    point.precision = record.precision;
    point.group = record.group.empty() ? without_seeds(record.id) : record.group;
    point.program = record.program;
    point.data_hash = record.data_hash;
    point.dataset = record.dataset;
    point.method = record.method;
    for (const Score& score : record.scores) {
        const std::string status = record.status != PointStatus::ok ? name_of(record.status)
                                   : score.value                    ? "ok"
                                                                    : "not_applicable";
        point.values.push_back({score.metric, score.value ? number_text(*score.value) : "", score.value,
                                score.direction, status, score.not_applicable_reason, score.version, score.group});
    }
    return point;
}

StoredResults results_from_texts(std::string_view metrics_csv, std::string_view timings_csv,
                                 std::string_view manifest_json) {
    StoredResults results;
    results.metrics_bytes = metrics_csv;
    if (!manifest_json.empty()) read_manifest(results, "manifest.json", manifest_json);
    if (!metrics_csv.empty()) read_metrics(results, "metrics.csv");
    add_problems(results);
    if (!timings_csv.empty()) read_timings(results, "timings.csv", timings_csv);
    return results;
}

bool is_results_directory(const fs::path& path) {
    std::error_code error;
    const bool has_metrics =
        fs::is_regular_file(path / "metrics.csv", error) && !fs::is_empty(path / "metrics.csv", error);
    return has_metrics || fs::is_directory(path / "points", error);
}

StoredResults read_results(const fs::path& directory) {
    StoredResults results;
    results.directory = directory.string();
    std::error_code error;
    if (!fs::is_directory(directory, error)) throw std::invalid_argument(directory.string() + " is no directory");
    const bool has_points = fs::is_directory(directory / "points", error);
    results.metrics_bytes = text_if_there(directory / "metrics.csv");
    if (!is_results_directory(directory)) {
        throw std::invalid_argument(directory.string() +
                                    " is no results directory: it has neither metrics.csv nor points/");
    }
    const std::string manifest = text_if_there(directory / "manifest.json");
    if (!manifest.empty()) read_manifest(results, (directory / "manifest.json").string(), manifest);
    if (!results.finished) {
        results.notes.push_back("the run did not come to its end; the finished points are compared");
    } else if (!results.complete) {
        results.notes.push_back("points of the run failed or are missing");
    }

    const bool from_points = has_points && (!results.finished || results.metrics_bytes.empty());
    if (from_points) {
        read_point_files(results, directory);
    } else {
        read_metrics(results, (directory / "metrics.csv").string());
    }
    for (StoredPoint& point : results.points) {
        const fs::path file = directory / "points" / (point.id + ".json");
        if (from_points || !fs::exists(file, error)) continue;
        const std::optional<StoredPoint> details = read_point_file(file, results.notes);
        if (details) add_details(point, *details, results.notes);
    }
    add_problems(results);
    const std::string timings = text_if_there(directory / "timings.csv");
    if (timings.empty()) return results;
    try {
        read_timings(results, (directory / "timings.csv").string(), timings);
    } catch (const DataError& damage) {
        if (results.finished) throw;
        // where a run was killed its last row may be half a row
        results.seconds.clear();
        results.notes.push_back(std::string("times are not compared: ") + damage.what());
    }
    return results;
}

}  // namespace bcbench
