#include "experiments/commands/json_lines.hpp"

#include <cmath>

#include "experiments/checks/method_settings.hpp"
#include "experiments/plan/required_files.hpp"
#include "experiments/results/directory.hpp"
#include "experiments/run/fingerprint.hpp"

namespace bcbench {

using nlohmann::ordered_json;

namespace {

constexpr int plan_schema_version = 1;

std::string line(const ordered_json& object) {
    return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

ordered_json to_json(const NeededFile& file) {
    ordered_json made = {{"name", file.name}, {"path", nullptr}};
    if (file.path) made["path"] = file.path->string();
    return made;
}

}  // namespace

std::string plan_line(const Point& point, const Config& config, const CostEstimate& estimate) {
    const Cost cost = estimate.of(point);
    ordered_json made = {{"schema_version", plan_schema_version},
                         {"id", point.id},
                         {"fingerprint", fingerprint_of(point, config, "")},
                         {"dataset",
                          {{"label", point.dataset_label},
                           {"type", point.dataset_type},
                           {"seed", point.dataset_seed},
                           {"params", point.dataset_params},
                           {"id", point.dataset_id}}},
                         {"method",
                          {{"label", point.method_label},
                           {"type", point.method_type},
                           {"seed", point.method_seed},
                           {"params", point.method_params},
                           {"train", point.train}}},
                         {"precision", point.precision},
                         {"params", point.params},
                         {"swept", point.swept},
                         {"group", point.group},
                         {"skipped", nullptr},
                         {"files", ordered_json::array()},
                         {"outputs", names_of_files(point.id, files_of(point, config))},
                         {"cost",
                          {{"seconds", std::round(cost.seconds * 1e6) / 1e6},
                           {"memory_mb", std::ceil(cost.memory_mb)},
                           {"threads", cost.threads}}}};
    if (const auto preview = method_named(point.method_type).preview)
        made["runs"] = preview(settings_of(point, config));
    if (point.excluded_reason) {
        made["skipped"] = *point.excluded_reason;
        made["outputs"] = names_of_files(point.id, {});
    }
    for (const NeededFile& file : needed_files(point, config)) made["files"].push_back(to_json(file));
    return line(made);
}

std::string validation_line(const std::string& file, const Plan& plan) {
    return line({{"file", file},
                 {"valid", true},
                 {"points", plan.size()},
                 {"faults", ordered_json::array()},
                 {"notes", plan.notes()}});
}

std::string validation_line(const std::string& file, const ConfigError& error) {
    ordered_json faults = ordered_json::array();
    const bool one = error.faults().size() == 1 && error.faults().front().pointer.empty();
    // what concerns no single value may say in its text where in the file it stands
    for (const Fault& fault : error.faults())
        faults.push_back({{"pointer", fault.pointer}, {"message", one ? error.what() : fault.message}});
    return line(
        {{"file", file}, {"valid", false}, {"points", nullptr}, {"faults", faults}, {"notes", ordered_json::array()}});
}

}  // namespace bcbench
