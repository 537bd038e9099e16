#include "experiments/cluster/merge.hpp"

#include <algorithm>
#include <fstream>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include "experiments/bindings/training_fields.hpp"
#include "experiments/checks/checks.hpp"
#include "experiments/checks/method_settings.hpp"
#include "experiments/cluster/sources.hpp"
#include "experiments/config/config.hpp"
#include "experiments/results/claims.hpp"
#include "experiments/results/directory.hpp"
#include "experiments/results/tables.hpp"
#include "experiments/run/fingerprint.hpp"
#include "experiments/run/manifest.hpp"
#include "experiments/system/provenance.hpp"
#include "experiments/text/canonical.hpp"
#include "experiments/text/csv_field.hpp"

namespace bcbench {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

namespace {

constexpr std::size_t points_written_together = 512;
constexpr std::size_t most_examples = 5;

// A few of many, and how many more.
class Examples {
  public:
    void add(std::string text) {
        if (++n_ <= most_examples) texts_.push_back(std::move(text));
    }
    std::size_t size() const { return n_; }
    std::string list() const {
        std::string text;
        for (const std::string& each : texts_) text += (text.empty() ? "" : "; ") + each;
        return n_ > texts_.size() ? text + "; and " + std::to_string(n_ - texts_.size()) + " more" : text;
    }

  private:
    std::size_t n_ = 0;
    std::vector<std::string> texts_;
};

// Whether `stored` says nothing that `planned` contradicts; what only one of the two knows came with a newer program.
bool agrees(const ordered_json& stored, const nlohmann::json& planned) {
    if (!stored.is_object() || !planned.is_object()) return nlohmann::json(stored) == planned;
    return std::all_of(stored.items().begin(), stored.items().end(), [&](const auto& item) {
        return !planned.contains(item.key()) || nlohmann::json(item.value()) == planned[item.key()];
    });
}

// Whether the record is of this point and not of one with the same id that an earlier config left.
bool is_of(const PointRecord& record, const Point& point, const Config& config) {
    if (record.id != point.id || record.precision != point.precision) return false;
    if (record.dataset.at("seed") != point.dataset_seed || record.method.at("seed") != point.method_seed) return false;
    if (!agrees(record.dataset.value("params", ordered_json()), point.dataset_params)) return false;
    if (!agrees(record.method.value("params", ordered_json()), point.method_params)) return false;
    if (!agrees(record.method.value("train", ordered_json()), point.train)) return false;
    // this program can tell more, unless a model is not here that the point was computed with
    if (record.fingerprint.empty() || record.program != program_hash() || loaded_model(point.train)) return true;
    return record.fingerprint == fingerprint_of(point, config, record.data_hash);
}

// How two records of a point differ; empty: not in their values.
std::string difference(const PointRecord& one, const PointRecord& other) {
    if (one.data_hash != other.data_hash) return "the data differ";
    for (const Score& score : one.scores) {
        const std::optional<double> value = value_of(other, score.metric);
        const auto shown = [](const std::optional<double>& number) { return number ? number_text(*number) : "none"; };
        if (value != score.value) return score.metric + " is " + shown(score.value) + " and " + shown(value);
    }
    return one.scores.size() == other.scores.size() ? "" : "the numbers of values differ";
}

// What was found of the plan's points.
struct Found {
    std::vector<std::optional<std::size_t>> chosen;  // source, by position in `indices`
    std::uint64_t duplicates = 0;
    Examples damaged, foreign, conflicts;
};

bool has_arrays(const Source& source, const PointRecord& record, const Point& point, const Config& config) {
    if (!has_values(record)) return true;
    const std::vector<std::string> names = names_of_files(point.id, files_of(point, config));
    return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
        std::error_code error;
        return fs::exists(source.directory / name, error);
    });
}

// The record of the point in a source; nothing, noted in `found`, if it is damaged or another point's.
std::optional<PointRecord> record_in(const Source& source, const Point& point, const Config& config, Found& found) {
    const fs::path file = point_file(source.directory, point.id);
    try {
        PointRecord record = read_record(file);
        if (!is_of(record, point, config)) {
            found.foreign.add(file.string());
            return std::nullopt;
        }
        if (!has_arrays(source, record, point, config)) throw std::invalid_argument("its arrays are not there");
        record.projection = {};
        record.traces = {};
        return record;
    } catch (const std::exception&) {
        found.damaged.add(file.string());
        return std::nullopt;
    }
}

Found find_points(const Plan& plan, const std::vector<std::uint64_t>& indices, const std::vector<Source>& sources,
                  OnConflict on_conflict) {
    Found found;
    found.chosen.resize(indices.size());
    for (std::size_t i = 0; i < indices.size(); ++i) {
        const Point point = plan.at(indices[i]);
        std::optional<PointRecord> best;
        for (std::size_t s = 0; s < sources.size(); ++s) {
            if (sources[s].points.count(point.id) == 0) continue;
            std::optional<PointRecord> record = record_in(sources[s], point, plan.config(), found);
            if (!record) continue;
            bool takes = !best || (best->status == PointStatus::failed && record->status != PointStatus::failed);
            if (best && best->status == record->status && record->status != PointStatus::failed) {
                const std::string differs = difference(*best, *record);
                if (differs.empty()) {
                    ++found.duplicates;
                } else {
                    found.conflicts.add(point.id + ": " + differs + " in " +
                                        sources[*found.chosen[i]].directory.string() + " and " +
                                        sources[s].directory.string());
                    takes = on_conflict == OnConflict::last;
                }
            }
            if (!takes) continue;
            best = std::move(record);
            found.chosen[i] = s;
        }
    }
    return found;
}

// The points that were asked for: all of the plan, unless every run had the same pattern.
std::vector<std::uint64_t> asked_for(const Plan& plan, const std::vector<Source>& sources) {
    const std::string only = sources.front().text("/only");
    const bool same = std::all_of(sources.begin(), sources.end(), [&](const Source& source) {
        return source.text("/only") == only && source.text("/points_file").empty();
    });
    return selected_points(plan, {same ? only : "", "", std::nullopt}, CostEstimate(plan));
}

NewFile copy_of(const fs::path& from, const fs::path& to) {
    std::error_code error;
    const auto bytes = static_cast<std::size_t>(fs::file_size(from, error));
    return {to, error ? 0 : bytes, [from](TemporaryFile& file) {
                std::ifstream stream(from, std::ios::binary);
                if (!stream) throw FileError("cannot read " + from.string());
                std::vector<char> block(1U << 20);
                while (stream.read(block.data(), static_cast<std::streamsize>(block.size())) || stream.gcount() > 0)
                    file.append({block.data(), static_cast<std::size_t>(stream.gcount())});
                if (stream.bad()) throw FileError("cannot read " + from.string());
            }};
}

void copy_points(const Plan& plan, const std::vector<std::uint64_t>& indices, const Found& found,
                 std::vector<Source>& sources, const ResultsDirectory& results) {
    std::vector<NewFile> files;
    for (std::size_t i = 0; i < indices.size(); ++i) {
        if (!found.chosen[i]) continue;
        Source& source = sources[*found.chosen[i]];
        ++source.n_taken;
        if (source.directory == results.path()) continue;
        const std::string id = plan.id_at(indices[i]);
        std::vector<NewFile> of_point;
        const auto arrays = source.arrays.find(id);
        if (arrays != source.arrays.end()) {
            for (const fs::path& name : arrays->second)
                of_point.push_back(copy_of(source.directory / name, results.path() / name));
        }
        of_point.push_back(copy_of(point_file(source.directory, id), point_file(results.path(), id)));
        results.remove_outputs(id, of_point);
        for (NewFile& file : of_point) files.push_back(std::move(file));
        if (files.size() < points_written_together) continue;
        results.write(files);
        files.clear();
    }
    if (!files.empty()) results.write(files);
}

void join_times(const Plan& plan, const std::vector<std::uint64_t>& indices, const Found& found,
                const std::vector<Source>& sources, const ResultsDirectory& results) {
    std::vector<TimesByPoint> times(sources.size());
    for (std::size_t s = 0; s < sources.size(); ++s) {
        add_times(sources[s].directory / "timings.csv", times[s]);
        for (const fs::path& file : times_of_workers(sources[s].directory)) add_times(file, times[s]);
    }
    std::string content = timings_header;
    for (std::size_t i = 0; i < indices.size(); ++i) {
        if (!found.chosen[i]) continue;
        const TimesByPoint& of_source = times[*found.chosen[i]];
        const auto rows = of_source.find(csv_field(plan.id_at(indices[i])));
        if (rows != of_source.end()) content += rows->second;
    }
    if (content != timings_header) results.write("timings.csv", content);
}

ordered_json merged_manifest(const std::vector<Source>& sources, bool finished) {
    ordered_json json = sources.front().manifest;
    ordered_json from = ordered_json::array();
    std::set<std::string> processors;
    std::string start, end;
    for (const Source& source : sources) {
        const std::string started = source.text("/started");
        if (start.empty() || (!started.empty() && started < start)) start = started;
        end = std::max(end, source.text("/finished"));
        processors.insert(source.text("/machine/cpu"));
        from.push_back({{"directory", source.directory.filename().string()},
                        {"shard", source.text("/shard")},
                        {"program", source.text("/program/hash")},
                        {"cpu", source.text("/machine/cpu")},
                        {"points", source.n_taken}});
    }
    json["status"] = "incomplete";
    if (processors.size() > 1) json["machine"] = {{"cpu", "several: " + join(ordered_json(processors), ", ")}};
    json["shard"] = nullptr;
    json["points_file"] = "";
    json["started"] = start;
    json["finished"] = finished ? ordered_json(end.empty() ? utc_now() : end) : ordered_json();
    json["merged_from"] = from;
    return json;
}

std::string as_text(const ordered_json& json) {
    return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

void count(const std::vector<PointRecord>& records, RunSummary& summary) {
    for (const PointRecord& record : records) {
        ++(record.status == PointStatus::ok        ? summary.ok
           : record.status == PointStatus::skipped ? summary.skipped
                                                   : summary.failed);
        summary.failed_checks += has_failed_check(record) ? 1 : 0;
    }
}

void add_notes(const Found& found, std::vector<std::string>& notes) {
    const auto note = [&](const Examples& examples, const char* what) {
        if (examples.size() > 0) notes.push_back(std::to_string(examples.size()) + what + examples.list());
    };
    note(found.damaged, " point files are damaged or without their arrays, and not taken: ");
    note(found.foreign, " point files are of another config or program than the manifest says, and not taken: ");
    note(found.conflicts, " points have several values: ");
}

}  // namespace

MergeResult merge_results(const MergeOptions& options) {
    MergeResult merged;
    std::vector<Source> sources = open_sources(options.sources, options.directory);
    require_one_plan(sources, options.allow_mixed, merged.notes);
    merged.plan = plan_of_manifest(sources.front().manifest, sources.front().directory / "manifest.json");
    const Plan& plan = *merged.plan;
    const std::vector<std::uint64_t> indices = asked_for(plan, sources);
    const Found found = find_points(plan, indices, sources, options.on_conflict);
    if (found.conflicts.size() > 0 && options.on_conflict == OnConflict::refuse) {
        throw std::invalid_argument(std::to_string(found.conflicts.size()) +
                                    " points have different values in different directories (" +
                                    found.conflicts.list() + "); --on-conflict first or last says which counts");
    }
    add_notes(found, merged.notes);

    const ResultsDirectory results(options.directory);
    results.write("manifest.json", as_text(merged_manifest(sources, false)));
    copy_points(plan, indices, found, sources, results);
    join_times(plan, indices, found, sources, results);
    std::vector<std::string> done;
    for (std::size_t i = 0; i < indices.size(); ++i)
        (found.chosen[i] ? done : merged.missing).push_back(plan.id_at(indices[i]));
    merged.records = write_tables(results, done, plan.config().outputs.projections);
    RunSummary& summary = merged.summary;
    summary.expected = indices.size();
    merged.duplicates = found.duplicates;
    count(merged.records, summary);
    const ordered_json& first = sources.front().manifest;
    if (first.contains("expected")) {
        const std::vector<ExpectedValue> expected =
            expected_of_selection(plan, indices, expected_from(first["expected"], "manifest.json: /expected"));
        summary.comparisons = compare_with_expected(expected, merged.records);
        results.write("expected.csv", expected_csv(summary.comparisons));
    } else {
        results.remove("expected.csv");
    }
    ordered_json manifest = merged_manifest(sources, true);
    if (summary.complete()) manifest["status"] = "complete";
    manifest["counts"] = counts_json(summary);
    manifest["base_points"] = plan.base_points();
    manifest["problems"] = problems_json(merged.records);
    manifest["warnings"] = warnings_json(merged.records);
    results.write("manifest.json", as_text(manifest));
    return merged;
}

}  // namespace bcbench
