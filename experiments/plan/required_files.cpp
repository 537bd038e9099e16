#include "experiments/plan/required_files.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "engine/core/check.hpp"
#include "experiments/bindings/datasets.hpp"
#include "experiments/bindings/training_fields.hpp"
#include "experiments/config/check.hpp"

namespace bcbench {

namespace {

// A parameter that names a file, and what a message says of it.
struct FileParameter {
    std::string section;  // "params" or "train"
    std::string name;
    std::string kind;
    std::string advice;

    std::string swept_name() const { return section == "train" ? "train." + name : name; }
};

// A file that does not exist is a fault at its place in the config.
void require_file(const Config& config, const FileParameter& parameter, const OrderedJson& name, const Pointer& at,
                  Faults& faults) {
    if (name.is_array()) {
        for (std::size_t i = 0; i < name.size(); ++i)
            if (name[i].is_object() && name[i].contains("file"))
                require_file(config, parameter, name[i]["file"], at / i / "file", faults);
        return;
    }
    if (!name.is_string() || name.get<std::string>().empty() ||
        find_data_file(name.get<std::string>(), config.file.parent_path()))
        return;
    add_fault(faults, at,
              parameter.kind + " file " + name.get<std::string>() +
                  " is neither beside the config nor in the directory $BCBENCH_DATA; " + parameter.advice);
}

// The values of the parameter in a sweep that is no list.
void require_swept(const Config& config, const FileParameter& parameter, const OrderedJson& sweep, const Pointer& at,
                   Faults& faults) {
    const auto require_each = [&](const OrderedJson& values, const Pointer& place) {
        for (std::size_t i = 0; i < values.size(); ++i) require_file(config, parameter, values[i], place / i, faults);
    };
    const std::string name = parameter.swept_name();
    for (const char* kind : {"grid", "zip"})
        if (sweep.contains(kind) && sweep[kind].contains(name)) require_each(sweep[kind][name], at / kind / name);
    if (sweep.contains("random") && sweep["random"]["params"].contains(name))
        require_each(sweep["random"]["params"][name]["choice"], at / "random" / "params" / name / "choice");
}

// `entry` was read and checked before.
void require_in(const Config& config, const FileParameter& parameter, const OrderedJson& entry, const Pointer& at,
                Faults& faults) {
    if (entry.contains(parameter.section) && entry[parameter.section].contains(parameter.name))
        require_file(config, parameter, entry[parameter.section][parameter.name],
                     at / parameter.section / parameter.name, faults);
    if (!entry.contains("sweep")) return;
    const OrderedJson& sweep = entry["sweep"];
    if (!sweep.is_array()) return require_swept(config, parameter, sweep, at / "sweep", faults);
    for (std::size_t i = 0; i < sweep.size(); ++i) require_swept(config, parameter, sweep[i], at / "sweep" / i, faults);
}

void require_all(const Config& config, Faults& faults) {
    for (std::size_t d = 0; d < config.datasets.size(); ++d)
        for (const std::string& name : dataset_named(config.datasets[d].type).file_parameters())
            require_in(config, {"params", name, "data", "README.md, section 'Real data', says where to get it"},
                       config.source["datasets"][d], Pointer() / "datasets" / d, faults);
    for (std::size_t m = 0; m < config.methods.size(); ++m)
        require_in(config, {"train", "load_model", "model", "save_model writes such files to models/ in the results"},
                   config.source["methods"][m], Pointer() / "methods" / m, faults);
}

}  // namespace

void require_columns(const Config& config) {
    Faults faults;
    for (std::size_t d = 0; d < config.datasets.size(); ++d) {
        const Entry& entry = config.datasets[d];
        const DatasetDefinition& definition = dataset_named(entry.type);
        if (definition.look == nullptr || size_of(entry.sweep) != 1) continue;  // of a sweep each point tells
        try {
            definition.look({entry.params, entry.seeds.front(), config.file.parent_path()});
        } catch (const DataError& error) {
            add_fault(faults, Pointer() / "datasets" / d / "params", error.what());
        }
    }
    if (!faults.empty()) throw ConfigError(config.file.string(), faults);
}

void require_ways_back(const Config& config) {
    if (!config.outputs.h5ad) return;
    const auto has_one = [](const Entry& entry) { return dataset_named(entry.type).write_back != nullptr; };
    if (std::any_of(config.datasets.begin(), config.datasets.end(), has_one)) return;
    throw ConfigError(config.file.string(),
                      {{"/outputs/h5ad", "is true, but no dataset comes from an .h5ad file (type h5ad)"}});
}

void require_files(const Config& config) {
    Faults faults;
    try {
        require_all(config, faults);
    } catch (const TooManyFaults&) {
        // as with other faults, mending the first ones comes first
    }
    if (!faults.empty()) throw ConfigError(config.file.string(), faults);
}

std::vector<NeededFile> needed_files(const Point& point, const Config& config) {
    std::vector<NeededFile> files;
    const auto add = [&](const std::string& name) {
        if (!name.empty()) files.push_back({name, find_data_file(name, config.file.parent_path())});
    };
    for (const std::string& parameter : dataset_named(point.dataset_type).file_parameters()) {
        const auto name = point.dataset_params.find(parameter);
        if (name == point.dataset_params.end()) continue;
        if (name->is_string()) add(name->get<std::string>());
        if (!name->is_array()) continue;
        for (const nlohmann::json& each : *name) {
            add(each.at("file").get<std::string>());
            add(each.value("metadata", ""));
        }
    }
    if (const std::optional<std::string> model = loaded_model(point.train)) add(*model);
    return files;
}

}  // namespace bcbench
