// Rules across the parameters of a point, asked before anything is run.
#include <map>
#include <utility>

#include "experiments/config/check.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {

namespace {

// A fault that several points share: where it stands and how often.
struct Found {
    std::string message;
    std::uint64_t n_points = 0;
};

using FoundFaults = std::map<std::pair<std::string, std::string>, Found>;  // by place and parameter

// "methods/1/train/warmup_steps", or what of the entry is written in the config.
std::string place_of(const OrderedJson& entry, const std::string& entry_pointer, const ParameterFault& fault) {
    const std::string name = (fault.section == "train" ? "train." : "") + fault.name;
    if (entry.contains("sweep") && entry["sweep"].dump().find('"' + name + '"') != std::string::npos) {
        return entry_pointer + "/sweep";
    }
    if (!entry.contains(fault.section)) return entry_pointer;
    const std::string section = entry_pointer + "/" + fault.section;
    return entry[fault.section].contains(fault.name) ? section + "/" + fault.name : section;
}

}  // namespace

std::vector<Fault> Plan::contradictions() const {
    FoundFaults found;
    const auto add = [&](const Axis& axis, std::size_t entry, const std::vector<ParameterFault>& faults,
                         std::uint64_t n_points) {
        const std::string pointer = "/" + axis.name + "/" + std::to_string(entry);
        for (const ParameterFault& fault : faults) {
            const std::string place = place_of(config_->source[axis.name][entry], pointer, fault);
            const bool names_it = !fault.name.empty() && place.ends_with("/" + fault.name);
            Found& known = found[{place, fault.name}];
            if (known.n_points == 0)
                known.message = (names_it || fault.name.empty() ? "" : fault.name + " ") + fault.message;
            known.n_points += n_points;
        }
    };
    const std::uint64_t m = methods_.size();
    // datasets that look alike to the methods are asked once: by the sizes of their batches
    std::map<std::pair<std::vector<std::size_t>, std::size_t>, std::uint64_t> shapes;
    std::uint64_t n_looked_at = 0;
    for (std::uint64_t d = 0; d < datasets_.size() && n_looked_at < most_checked_points; ++d) {
        const Choice dataset = datasets_.at(d);
        const nlohmann::json params = with_swept(dataset.entry->params, dataset.type->parameters, dataset.swept, false);
        ++n_looked_at;
        if (dataset.type->faults) {
            const std::vector<ParameterFault> faults = dataset.type->faults(params, nullptr, nullptr);
            if (!faults.empty()) {
                std::uint64_t n_run = 0;
                for (std::uint64_t i = 0; i < m; ++i) n_run += exclusion_of(id_at(d * m + i)) ? 0 : 1;
                if (n_run > 0) add(datasets_, dataset.entry_index, faults, n_run);
                continue;
            }
        }
        const std::optional<DataShape> shape = dataset.type->shape ? dataset.type->shape(params) : std::nullopt;
        const auto key = shape ? std::make_pair(shape->batch_sizes, shape->n_features) : decltype(shapes)::key_type();
        if (!shapes.emplace(key, d).second) continue;
        for (std::uint64_t i = 0; i < m && n_looked_at < most_checked_points; ++i, ++n_looked_at) {
            const Choice method = methods_.at(i);
            if (!method.type->faults) continue;
            const nlohmann::json values =
                with_swept(method.entry->params, method.type->parameters, method.swept, false);
            const nlohmann::json train =
                method.entry->train.is_null()
                    ? nlohmann::json()
                    : with_swept(method.entry->train, method.type->training, method.swept, true);
            const auto faults = method.type->faults(values, train, shape ? &*shape : nullptr);
            if (!faults.empty() && exclusion_of(id_at(d * m + i)) == nullptr)
                add(methods_, method.entry_index, faults, 1);
        }
    }
    std::vector<Fault> faults;
    for (const auto& [where, what] : found) {
        const std::string count =
            what.n_points > 1 ? " (" + std::to_string(what.n_points) + " of the points)" : std::string();
        faults.push_back({where.first, what.message + count});
    }
    return faults;
}

}  // namespace bcbench
