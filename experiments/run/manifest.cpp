#include "experiments/run/manifest.hpp"

#include <algorithm>
#include <utility>

#include "experiments/system/provenance.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {

using nlohmann::ordered_json;

Manifest::Manifest(const Plan& plan, const RunOptions& options, std::vector<ExpectedValue> expected)
    : plan_(plan), options_(options), expected_(std::move(expected)), started_(utc_now()) {}

ordered_json counts_json(const RunSummary& summary) {
    return {{"expected", summary.expected}, {"ok", summary.ok},
            {"skipped", summary.skipped},   {"failed", summary.failed},
            {"missing", summary.missing()}, {"failed_checks", summary.failed_checks}};
}

ordered_json problems_json(const std::vector<PointRecord>& records) {
    ordered_json problems = ordered_json::array();
    for (const PointRecord& record : records) {
        if (record.status == PointStatus::ok) continue;
        problems.push_back({{"point", record.id}, {"status", name_of(record.status)}, {"reason", record.reason}});
    }
    return problems;
}

ordered_json warnings_json(const std::vector<PointRecord>& records) {
    ordered_json warnings = ordered_json::array();
    for (const PointRecord& record : records) {
        for (const ordered_json& text : record.dataset.value("warnings", ordered_json::array())) {
            const ordered_json warning = {{"dataset", record.dataset_label()}, {"warning", text}};
            if (std::find(warnings.begin(), warnings.end(), warning) == warnings.end()) warnings.push_back(warning);
        }
    }
    return warnings;
}

std::string config_hash(const Config& config) {
    return hex(fnv1a(canonical_json(nlohmann::json(with_defaults(config)))));
}

std::string Manifest::text(const std::optional<RunSummary>& summary, const std::vector<PointRecord>& records) const {
    const Config& config = plan_.config();
    const ordered_json resolved = with_defaults(config);
    ordered_json json = {{"schema_version", record_schema_version},
                         {"name", config.name},
                         {"purpose", config.purpose},
                         {"status", summary && summary->complete() ? "complete" : "incomplete"},
                         {"program", program_provenance()},
                         {"build", build_provenance()},
                         {"machine", machine_provenance()},
                         {"precision", config.precision},
                         {"threads", options_.threads},
                         {"jobs", options_.jobs},
                         {"only", options_.selection.only},
                         {"shard", nullptr},
                         {"points_file", options_.selection.points_file.filename().string()},
                         {"started", started_}};
    if (const std::optional<Shard>& shard = options_.selection.shard)
        json["shard"] = std::to_string(shard->index) + "/" + std::to_string(shard->count);
    json["finished"] = summary ? ordered_json(utc_now()) : ordered_json();
    if (summary) {
        json["counts"] = counts_json(*summary);
        json["base_points"] = plan_.base_points();
    }
    json["problems"] = problems_json(records);
    json["warnings"] = warnings_json(records);
    if (!expected_.empty()) json["expected"] = to_json(expected_);
    json["config"] = resolved;
    json["config_hash"] = config_hash(config);
    return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace bcbench
