#include "experiments/run/write_back.hpp"

#include "engine/core/check.hpp"
#include "experiments/run/manifest.hpp"
#include "experiments/system/provenance.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

namespace {

std::string name_of_copy(const std::string& dataset) { return "embeddings/" + bounded_id(dataset) + ".h5ad"; }

// When the files of a dataset were last changed, and how large they are.
std::string stamp_of(const std::string& type, const DatasetSettings& settings) {
    std::string stamp;
    for (const std::string& parameter : dataset_named(type).file_parameters()) {
        const auto name = settings.params.value(parameter, nlohmann::json());
        const auto file = name.is_string() ? find_data_file(name, settings.config_directory) : std::nullopt;
        std::error_code error;
        if (!file || !fs::is_regular_file(*file, error)) continue;
        stamp += std::to_string(fs::last_write_time(*file, error).time_since_epoch().count()) + " " +
                 std::to_string(fs::file_size(*file, error)) + "\n";
    }
    return stamp;
}

// "Harmony.n_iterations=5" of the point "mine.Harmony.n_iterations=5".
std::string label_of(const std::string& id, const std::string& dataset) {
    return id.starts_with(dataset + ".") ? id.substr(dataset.size() + 1) : id;
}

ordered_json metrics_of(const PointRecord& record) {
    ordered_json metrics = ordered_json::object();
    for (const Score& score : record.scores)
        if (score.value) metrics[score.metric] = *score.value;
    return metrics;
}

arma::fmat single(const Embedding& embedding, const std::string& id) {
    arma::fmat cells;
    if (const auto* wide = std::get_if<arma::mat>(&embedding)) cells = arma::conv_to<arma::fmat>::from(*wide);
    if (const auto* narrow = std::get_if<arma::fmat>(&embedding)) cells = *narrow;
    if (cells.empty()) throw DataError("the corrected cells of " + id + " are not there");
    if (!cells.is_finite()) throw DataError("the corrected cells of " + id + " exceed the range of a float");
    return cells;
}

}  // namespace

WayBackFiles::WayBackFiles(const Plan& plan, const std::vector<std::uint64_t>& indices, const ResultsDirectory& results)
    : plan_(plan), results_(results) {
    if (!plan.config().outputs.h5ad) return;
    for (const std::uint64_t index : indices) {
        const Point point = plan.at(index);
        if (dataset_named(point.dataset_type).write_back == nullptr) continue;
        const auto [place, fresh] = files_.emplace(point.dataset_id, File{});
        File& file = place->second;
        dataset_of_[point.id] = point.dataset_id;
        if (!fresh) continue;
        file.type = point.dataset_type;
        file.settings = {point.dataset_params, point.dataset_seed, plan.config().file.parent_path()};
        file.stamp = stamp_of(file.type, file.settings);
        results.remove(name_of_copy(point.dataset_id));
    }
}

std::vector<std::string> WayBackFiles::write(const std::vector<PointRecord>& records) const {
    std::map<std::string, std::vector<const PointRecord*>> by_dataset;
    for (const PointRecord& record : records) {
        const auto found = dataset_of_.find(record.id);
        if (found != dataset_of_.end() && record.status == PointStatus::ok)
            by_dataset[found->second].push_back(&record);
    }
    std::vector<std::string> faults;
    for (const auto& [dataset, of_dataset] : by_dataset) {
        try {
            write(dataset, files_.at(dataset), of_dataset);
        } catch (const std::bad_alloc&) {
            faults.push_back(name_of_copy(dataset) + " is not written: out of memory");
        } catch (const std::exception& error) {
            faults.push_back(name_of_copy(dataset) + " is not written: " + error.what());
        }
    }
    return faults;
}

void WayBackFiles::write(const std::string& dataset, const File& file,
                         const std::vector<const PointRecord*>& records) const {
    if (stamp_of(file.type, file.settings) != file.stamp)
        throw DataError("the file it is a copy of was changed while the run went on; run again");
    WayBack way;
    const Config& config = plan_.config();
    const bool narrow = config.precision == "float32";
    ordered_json points = ordered_json::object();
    for (const PointRecord* record : records) {
        const std::string label = label_of(record->id, dataset);
        way.embeddings.push_back({label, [this, record, narrow] {
                                      return single(results_.read_embedding(record->id, narrow), record->id);
                                  }});
        points[label] = {{"point", record->id},
                         {"method", record->method_label()},
                         {"seed", record->method.at("seed")},
                         {"params", record->params},
                         {"metrics", metrics_of(*record)}};
    }
    way.results = {{"version", program_version()},
                   {"name", config.name},
                   {"config_hash", config_hash(config)},
                   {"data_hash", records.front()->data_hash},
                   {"points", points}};
    make_directories((results_.path() / "embeddings"));
    dataset_named(file.type).write_back(file.settings, results_.path() / name_of_copy(dataset), way);
}

}  // namespace bcbench
