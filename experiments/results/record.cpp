#include "experiments/results/record.hpp"

#include <algorithm>
#include <fstream>
#include <limits>
#include <set>
#include <stdexcept>

#include "experiments/system/files.hpp"
#include "experiments/text/canonical.hpp"
#include "experiments/text/csv_field.hpp"
#include "experiments/text/json_reader.hpp"

namespace bcbench {

using nlohmann::ordered_json;

const char* const metrics_header = "point,dataset,method,params,seed,precision,metric,value,direction,status\n";
const char* const projections_header = "point,cell,batch,type,pc1,pc2\n";

const char* name_of(PointStatus status) {
    switch (status) {
        case PointStatus::ok:
            return "ok";
        case PointStatus::skipped:
            return "skipped";
        case PointStatus::failed:
            break;
    }
    return "failed";
}

// Files of version 0.1.0 do not say where a value belongs.
Group group_in_older_files(const std::string& metric) {
    if (metric == "gradient" || metric == "optimized_matches_reference") return Group::check;
    if (metric.starts_with("gradient_")) return Group::check_detail;
    if (metric.ends_with("_loss")) return Group::loss;
    if (metric.starts_with("batch_mean_") || metric == "mean_shift") return Group::means;
    if (metric.starts_with("batch_mixing_entropy")) return Group::mixing;
    if (metric.starts_with("type_purity")) return Group::biology;
    return metric == "perfect_mixing" ? Group::reference : Group::other;
}

namespace {

PointStatus status_named(const std::string& name) {
    for (const PointStatus status : {PointStatus::ok, PointStatus::skipped, PointStatus::failed}) {
        if (name == name_of(status)) return status;
    }
    throw std::invalid_argument("unknown status '" + name + "'");
}

Direction direction_named(const std::string& name) {
    for (const Direction direction : {Direction::higher, Direction::lower, Direction::info}) {
        if (name == name_of(direction)) return direction;
    }
    throw std::invalid_argument("unknown direction '" + name + "'");
}

// The status of one value: its own, or that of the point it belongs to.
const char* score_status(const PointRecord& record, const Score& score) {
    if (record.status != PointStatus::ok) return name_of(record.status);
    return score.value ? "ok" : "not_applicable";
}

ordered_json to_json(const Score& score) {
    ordered_json json = {{"metric", score.metric}};
    json["value"] = score.value ? ordered_json(*score.value) : ordered_json();
    json["direction"] = name_of(score.direction);
    json["status"] = "";
    json["reason"] = score.not_applicable_reason;
    json["version"] = score.version;
    json["group"] = name_of(score.group);
    if (!score.defined_by.empty()) json["defined_by"] = score.defined_by;
    return json;
}

// A count or a place in a list. nlohmann's own conversion would cut any number to size, or be undefined.
std::uint32_t whole_number(const ordered_json& value) {
    constexpr std::uint64_t largest = std::numeric_limits<std::int32_t>::max();
    if (value.is_number_unsigned() && value.get<std::uint64_t>() <= largest) return value.get<std::uint32_t>();
    throw std::invalid_argument((value.is_number() ? value.dump() : std::string("a ") + value.type_name()) +
                                " stands where a whole number must");
}

std::vector<std::uint32_t> whole_numbers(const ordered_json& list) {
    if (!list.is_array()) throw std::invalid_argument("labels of a projection must be a list");
    std::vector<std::uint32_t> numbers(list.size());
    std::transform(list.begin(), list.end(), numbers.begin(), whole_number);
    return numbers;
}

Score score_from(const ordered_json& json) {
    Score score;
    score.metric = json.at("metric").get<std::string>();
    if (!json.at("value").is_null()) score.value = json.at("value").get<double>();
    score.direction = direction_named(json.at("direction").get<std::string>());
    score.not_applicable_reason = json.at("reason").get<std::string>();
    score.version = static_cast<int>(whole_number(json.at("version")));
    score.group =
        json.contains("group") ? group_named(json.at("group").get<std::string>()) : group_in_older_files(score.metric);
    score.defined_by = json.value("defined_by", "");
    return score;
}

ordered_json to_json(const Projection& projection) {
    return {{"batch", projection.batch}, {"type", projection.type}, {"pc1", projection.pc1}, {"pc2", projection.pc2}};
}

Projection projection_from(const ordered_json& json) {
    Projection projection;
    projection.batch = whole_numbers(json.at("batch"));
    projection.type = whole_numbers(json.at("type"));
    projection.pc1 = json.at("pc1").get<std::vector<double>>();
    projection.pc2 = json.at("pc2").get<std::vector<double>>();
    const std::size_t n = projection.batch.size();
    if (projection.pc1.size() != n || projection.pc2.size() != n ||
        (projection.type.size() != n && !projection.type.empty())) {
        throw std::invalid_argument("the projection's lists differ in length");
    }
    return projection;
}

// The names that the projection's labels stand for.
void check_labels(const PointRecord& record) {
    const auto check = [&](const char* labels, const std::vector<std::uint32_t>& codes) {
        if (codes.empty()) return;
        const std::size_t known = record.dataset.at(labels).at("names").get<std::vector<std::string>>().size();
        if (*std::max_element(codes.begin(), codes.end()) < known) return;
        throw std::invalid_argument(std::string("the projection has ") + labels + " that the dataset does not name");
    };
    check("batches", record.projection.batch);
    check("types", record.projection.type);
}

}  // namespace

std::optional<double> value_of(const PointRecord& record, const std::string& metric) {
    for (const Score& score : record.scores) {
        if (score.metric == metric) return score.value;
    }
    return std::nullopt;
}

bool has_values(const PointRecord& record) {
    return record.status == PointStatus::ok && !record.outputs.contains("not_applicable");
}

bool has_collapsed(const PointRecord& record) { return value_of(record, collapsed_row.name).has_value(); }

std::string to_text(const PointRecord& record) {
    ordered_json scores = ordered_json::array();
    for (const Score& score : record.scores) {
        scores.push_back(to_json(score));
        scores.back()["status"] = score_status(record, score);
    }
    const ordered_json json = {{"schema_version", record_schema_version},
                               {"id", record.id},
                               {"status", name_of(record.status)},
                               {"reason", record.reason},
                               {"fingerprint", record.fingerprint},
                               {"fit_fingerprint", record.fit_fingerprint},
                               {"program", record.program},
                               {"data_hash", record.data_hash},
                               {"dataset", record.dataset},
                               {"method", record.method},
                               {"params", record.params},
                               {"swept", record.swept},
                               {"group", record.group},
                               {"precision", record.precision},
                               {"outputs", record.outputs},
                               {"metrics", scores},
                               {"traces", record.traces},
                               {"projection", to_json(record.projection)}};
    return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

PointRecord record_from_text(const std::string& text, const std::string& origin) {
    try {
        if (is_nested_too_deep(text)) throw std::invalid_argument("it is nested too deep");
        const ordered_json json = ordered_json::parse(text);
        if (json.at("schema_version") != record_schema_version) {
            throw std::invalid_argument("schema_version is " + json.at("schema_version").dump() +
                                        ", this program reads " + std::to_string(record_schema_version));
        }
        PointRecord record;
        record.id = json.at("id").get<std::string>();
        record.status = status_named(json.at("status").get<std::string>());
        record.reason = json.at("reason").get<std::string>();
        record.fingerprint = json.at("fingerprint").get<std::string>();
        record.fit_fingerprint = json.value("fit_fingerprint", "");  // older programs wrote none of these
        record.swept = json.value("swept", ordered_json());
        record.group = json.value("group", "");
        record.program = json.value("program", "");
        record.data_hash = json.value("data_hash", "");
        record.dataset = json.at("dataset");
        record.method = json.at("method");
        for (const ordered_json* part : {&record.dataset, &record.method}) {
            if (!part->at("label").is_string() || !part->at("seed").is_number_unsigned()) {
                throw std::invalid_argument("label and seed of dataset and method must be a text and a number");
            }
        }
        record.params = json.at("params").get<std::string>();
        record.precision = json.at("precision").get<std::string>();
        record.outputs = json.at("outputs");
        std::set<std::string> metrics;
        for (const ordered_json& score : json.at("metrics")) {
            record.scores.push_back(score_from(score));
            const std::string& metric = record.scores.back().metric;
            if (!metrics.insert(metric).second) throw std::invalid_argument("the metric " + metric + " stands twice");
        }
        record.traces = json.at("traces");
        record.projection = projection_from(json.at("projection"));
        check_labels(record);
        return record;
    } catch (const std::exception& error) {
        throw std::invalid_argument(origin + " is no record of a point: " + error.what());
    }
}

std::string text_of_record(const std::filesystem::path& file) {
    if (file_bytes(file) > most_result_bytes) {
        throw std::invalid_argument(file.string() + " is no record of a point: it is larger than " +
                                    std::to_string(most_result_bytes >> 20) + " MB");
    }
    return read_file(file);
}

PointRecord read_record(const std::filesystem::path& file) {
    return record_from_text(text_of_record(file), file.string());
}

std::optional<PointStatus> status_in(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    char start[2048];  // an id of at most 200 bytes, escaped, stands before it
    stream.read(start, sizeof start);
    const std::string_view text(start, static_cast<std::size_t>(stream.gcount()));
    for (const PointStatus status : {PointStatus::ok, PointStatus::skipped, PointStatus::failed}) {
        const std::size_t at = text.find("\",\"status\":\"" + std::string(name_of(status)) + "\"");
        if (text.starts_with("{\"schema_version\":") && at < text.find("\"metrics\":")) return status;
    }
    return std::nullopt;
}

std::string metrics_rows(const PointRecord& record) {
    const std::string start = csv_field(record.id) + ',' + csv_field(record.dataset_label()) + ',' +
                              csv_field(record.method_label()) + ',' + csv_field(record.params) + ',' +
                              record.method.at("seed").dump() + ',' + record.precision + ',';
    std::string rows;
    for (const Score& score : record.scores) {
        rows += start + csv_field(score.metric) + ',' + (score.value ? number_text(*score.value) : "") + ',' +
                name_of(score.direction) + ',' + score_status(record, score) + '\n';
    }
    return rows;
}

std::string projection_rows(const PointRecord& record) {
    const Projection& projection = record.projection;
    if (projection.batch.empty()) return "";
    const auto names_of = [&](const char* labels) {
        std::vector<std::string> names;
        for (const ordered_json& name : record.dataset.at(labels).at("names"))
            names.push_back(csv_field(name.get<std::string>()));
        return names;
    };
    const std::vector<std::string> batches = names_of("batches");
    const std::vector<std::string> types = names_of("types");
    const std::string id = csv_field(record.id);
    constexpr std::size_t bytes_of_numbers = 32;  // and separators, of most rows
    std::string rows;
    rows.reserve(projection.batch.size() * (id.size() + bytes_of_numbers));
    for (std::size_t i = 0; i < projection.batch.size(); ++i) {
        rows.append(id).append(1, ',').append(std::to_string(i)).append(1, ',');
        rows.append(batches.at(projection.batch[i])).append(1, ',');
        if (!projection.type.empty()) rows.append(types.at(projection.type[i]));
        rows.push_back(',');
        append_number(rows, projection.pc1[i]);
        rows.push_back(',');
        append_number(rows, projection.pc2[i]);
        rows.push_back('\n');
    }
    return rows;
}

}  // namespace bcbench
