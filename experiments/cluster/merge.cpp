#include "experiments/cluster/merge.hpp"

#include <algorithm>
#include <fstream>
#include <optional>
#include <set>
#include <utility>

#include "engine/core/parallel.hpp"
#include "experiments/checks/checks.hpp"
#include "experiments/cluster/find_points.hpp"
#include "experiments/cluster/sources.hpp"
#include "experiments/config/config.hpp"
#include "experiments/results/claims.hpp"
#include "experiments/results/directory.hpp"
#include "experiments/results/tables.hpp"
#include "experiments/run/manifest.hpp"
#include "experiments/system/files.hpp"
#include "experiments/system/provenance.hpp"
#include "experiments/text/canonical.hpp"
#include "experiments/text/csv_field.hpp"

namespace bcbench {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

namespace {

constexpr std::size_t files_written_together = 2048;  // each time all is flushed
constexpr std::size_t bytes_written_together = 16U << 20;

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

// What the sources gave.
struct Taken {
    std::vector<std::optional<std::size_t>> sources;  // by position in `indices`; nothing: no source has the point
    std::vector<PointRecord> records;                 // of those that one has
    std::uint64_t duplicates = 0;
    Examples damaged, foreign, conflicts;
};

// Point files on their way, many at a time.
class Copies {
  public:
    explicit Copies(const ResultsDirectory& results) : results_(results) {}

    void add(const Source& source, const std::string& id, std::string text) {
        std::vector<NewFile> of_point;
        const auto arrays = source.arrays.find(id);
        if (arrays != source.arrays.end()) {
            for (const fs::path& name : arrays->second)
                of_point.push_back(copy_of(source.directory / name, results_.path() / name));
        }
        bytes_ += text.size();
        of_point.emplace_back(point_file(results_.path(), id), std::move(text));
        results_.remove_outputs(id, of_point);
        for (NewFile& file : of_point) files_.push_back(std::move(file));
        if (files_.size() >= files_written_together || bytes_ >= bytes_written_together) write();
    }

    void write() {
        if (!files_.empty()) results_.write(files_);
        files_.clear();
        bytes_ = 0;
    }

  private:
    const ResultsDirectory& results_;
    std::vector<NewFile> files_;
    std::size_t bytes_ = 0;
};

void join_times(const std::vector<std::string>& ids, const Taken& taken, const std::vector<Source>& sources,
                const ResultsDirectory& results) {
    std::vector<TimesByPoint> times(sources.size());
    for (std::size_t s = 0; s < sources.size(); ++s) {
        add_times(sources[s].directory / "timings.csv", times[s]);
        for (const fs::path& file : times_of_workers(sources[s].directory)) add_times(file, times[s]);
    }
    std::string content = timings_header;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (!taken.sources[i]) continue;
        const TimesByPoint& of_source = times[*taken.sources[i]];
        const auto rows = of_source.find(csv_field(ids[i]));
        if (rows != of_source.end()) content += rows->second;
    }
    if (content != timings_header) results.write("timings.csv", content);
}

// Each point's file is read once: for its copy and for the tables.
Taken take_points(const Plan& plan, const std::vector<std::uint64_t>& indices, const std::vector<std::string>& ids,
                  std::vector<Source>& sources, const ResultsDirectory& results, OnConflict on_conflict) {
    struct Read {
        FoundPoint found;
        PointRows rows;
    };
    const bool with_projections = plan.config().outputs.projections;
    Tables tables(results, with_projections);
    Copies copies(results);
    Taken taken;
    for_each_file(
        bytes_of_points(ids, sources),
        [&](std::size_t i) {
            Read read{find_point(plan, indices[i], sources, on_conflict), {}};
            if (read.found.source) read.rows = tabulated(std::move(read.found.record), with_projections);
            return read;
        },
        [&](Read read) {
            FoundPoint& found = read.found;
            const std::string& id = ids[taken.sources.size()];
            taken.sources.push_back(found.source);
            taken.duplicates += found.duplicates;
            taken.damaged.add(found.damaged);
            taken.foreign.add(found.foreign);
            taken.conflicts.add(found.conflicts);
            if (!found.source) return;
            Source& source = sources[*found.source];
            ++source.n_taken;
            if (source.directory != results.path()) copies.add(source, id, std::move(found.text));
            tables.add(std::move(read.rows));
        });
    copies.write();
    join_times(ids, taken, sources, results);
    taken.records = tables.finish();
    return taken;
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

void add_notes(const Taken& found, std::vector<std::string>& notes) {
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
    set_thread_count(options.threads);
    std::vector<Source> sources = open_sources(options.sources, options.directory);
    require_one_plan(sources, options.allow_mixed, merged.notes);
    merged.plan = plan_of_manifest(sources.front().manifest, sources.front().directory / "manifest.json");
    const Plan& plan = *merged.plan;
    const std::vector<std::uint64_t> indices = asked_for(plan, sources);
    if (options.on_conflict == OnConflict::refuse) refuse_conflicts(plan, indices, sources);
    std::vector<std::string> ids;
    for (const std::uint64_t index : indices) ids.push_back(plan.id_at(index));

    const ResultsDirectory results(options.directory);
    results.write("manifest.json", as_text(merged_manifest(sources, false)));
    Taken taken = take_points(plan, indices, ids, sources, results, options.on_conflict);
    add_notes(taken, merged.notes);
    for (std::size_t i = 0; i < ids.size(); ++i)
        if (!taken.sources[i]) merged.missing.push_back(ids[i]);
    merged.records = std::move(taken.records);
    merged.duplicates = taken.duplicates;
    RunSummary& summary = merged.summary;
    summary.expected = indices.size();
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
