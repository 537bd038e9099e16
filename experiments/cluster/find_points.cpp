#include "experiments/cluster/find_points.hpp"

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "experiments/bindings/training_fields.hpp"
#include "experiments/checks/method_settings.hpp"
#include "experiments/config/config.hpp"
#include "experiments/results/directory.hpp"
#include "experiments/results/tables.hpp"
#include "experiments/run/fingerprint.hpp"
#include "experiments/system/files.hpp"
#include "experiments/system/provenance.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

namespace {

constexpr std::size_t most_examples = 5;

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

bool has_arrays(const Source& source, const PointRecord& record, const Point& point, const Config& config) {
    if (!has_values(record)) return true;
    const std::vector<std::string> names = names_of_files(point.id, files_of(point, config));
    return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
        std::error_code error;
        return fs::exists(source.directory / name, error);
    });
}

// Reads the point's file in the source; false, noted in `found`, if it is damaged or another point's.
bool read_point(const Source& source, const Point& point, const Config& config, FoundPoint& found, std::string& text,
                PointRecord& record) {
    const fs::path file = point_file(source.directory, point.id);
    try {
        text = text_of_record(file);
        record = record_from_text(text, file.string());
        if (!is_of(record, point, config)) {
            found.foreign.push_back(file.string());
            return false;
        }
        if (!has_arrays(source, record, point, config)) throw std::invalid_argument("its arrays are not there");
        return true;
    } catch (const std::exception&) {
        found.damaged.push_back(file.string());
        return false;
    }
}

}  // namespace

void Examples::add(const std::vector<std::string>& texts) {
    for (const std::string& text : texts)
        if (++n_ <= most_examples) texts_.push_back(text);
}

std::string Examples::list() const {
    std::string text;
    for (const std::string& each : texts_) text += (text.empty() ? "" : "; ") + each;
    return n_ > texts_.size() ? text + "; and " + std::to_string(n_ - texts_.size()) + " more" : text;
}

FoundPoint find_point(const Plan& plan, std::uint64_t index, const std::vector<Source>& sources,
                      OnConflict on_conflict) {
    const Point point = plan.at(index);
    FoundPoint found;
    for (std::size_t s = 0; s < sources.size(); ++s) {
        if (sources[s].points.count(point.id) == 0) continue;
        std::string text;
        PointRecord record;
        if (!read_point(sources[s], point, plan.config(), found, text, record)) continue;
        const bool first = !found.source;
        bool takes = first || (found.record.status == PointStatus::failed && record.status != PointStatus::failed);
        if (!first && found.record.status == record.status && record.status != PointStatus::failed) {
            const std::string differs = difference(found.record, record);
            if (differs.empty()) {
                ++found.duplicates;
            } else {
                found.conflicts.push_back(point.id + ": " + differs + " in " +
                                          sources[*found.source].directory.string() + " and " +
                                          sources[s].directory.string());
                takes = on_conflict == OnConflict::last;
            }
        }
        if (!takes) continue;
        found.source = s;
        found.text = std::move(text);
        found.record = std::move(record);
    }
    return found;
}

std::vector<std::size_t> bytes_of_points(const std::vector<std::string>& ids, const std::vector<Source>& sources) {
    std::vector<std::size_t> bytes;
    for (const std::string& id : ids) {
        std::size_t sum = 0;
        for (const Source& source : sources)
            if (source.points.count(id) > 0) sum += file_bytes(point_file(source.directory, id));
        bytes.push_back(sum);
    }
    return bytes;
}

void refuse_conflicts(const Plan& plan, const std::vector<std::uint64_t>& indices, const std::vector<Source>& sources) {
    std::vector<std::uint64_t> several;
    std::vector<std::string> ids;
    for (const std::uint64_t index : indices) {
        const std::string id = plan.id_at(index);
        const auto has = [&](const Source& source) { return source.points.count(id) > 0; };
        if (std::count_if(sources.begin(), sources.end(), has) < 2) continue;
        several.push_back(index);
        ids.push_back(id);
    }
    Examples conflicts;
    for_each_file(
        bytes_of_points(ids, sources),
        [&](std::size_t i) { return find_point(plan, several[i], sources, OnConflict::refuse).conflicts; },
        [&](const std::vector<std::string>& of_point) { conflicts.add(of_point); });
    if (conflicts.size() == 0) return;
    throw std::invalid_argument(std::to_string(conflicts.size()) +
                                " points have different values in different directories (" + conflicts.list() +
                                "); --on-conflict first or last says which counts");
}

}  // namespace bcbench
