// Reads the entries of `datasets` and `methods`.
#include <algorithm>
#include <map>
#include <set>

#include "experiments/config/check.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {
namespace {

// One seed, a list of them, or the default; both at once is a fault.
std::vector<std::uint64_t> read_seeds(const OrderedJson& entry, const Parameter& seed, const Pointer& at,
                                      Faults& faults) {
    const bool single = entry.contains("seed") && !entry["seed"].is_null();
    if (!entry.contains("seeds")) {
        const nlohmann::json value = single ? nlohmann::json(entry["seed"]) : seed.default_value;
        return {fault_of(seed, value) ? 0 : value.get<std::uint64_t>()};  // read_values reports the fault
    }
    std::vector<std::uint64_t> seeds;
    if (single) add_fault(faults, at / "seeds", "given together with \"seed\"; give one of the two");
    const OrderedJson& list = entry["seeds"];
    if (!list.is_array() || list.empty()) {
        add_fault(faults, at / "seeds", "is " + shown(list) + ", must be a list of one or more seeds");
        return {0};
    }
    std::set<std::uint64_t> seen;
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (const auto fault = fault_of(seed, list[i])) {
            add_fault(faults, at / "seeds" / i, *fault);
        } else {
            seeds.push_back(list[i].get<std::uint64_t>());
            if (!seen.insert(seeds.back()).second)
                add_fault(faults, at / "seeds" / i, "is " + shown(list[i]) + ", which is in the list already");
        }
    }
    return seeds;
}

// The part of names that starts with "train." without it, or the part that does not.
std::set<std::string> split_names(const std::set<std::string>& names, bool training) {
    std::set<std::string> part;
    for (const std::string& name : names)
        if ((name.rfind("train.", 0) == 0) == training) part.insert(training ? name.substr(6) : name);
    return part;
}

nlohmann::json read_parameters(const OrderedJson* given, const std::vector<Parameter>& parameters, const Pointer& at,
                               Faults& faults, const std::set<std::string>& swept) {
    if (!given) return read_values(empty_object(), parameters, at, faults, swept);
    if (!check_object(*given, at, faults)) return nullptr;
    OrderedJson known = *given;
    if (known.contains("seed") && !find_parameter(parameters, "seed")) {
        add_fault(faults, at / "seed", "a seed stands beside \"" + at.back() + "\", not in it");
        known.erase("seed");
    }
    check_keys(known, names_of(parameters), "parameter", at, faults);
    return read_values(known, parameters, at, faults, swept);
}

bool has_section(const Block& block, const std::string& name) {
    return std::any_of(block.sections.begin(), block.sections.end(),
                       [&name](const Section& section) { return section.name == name; });
}

// The type with the parameters that the entry declares; nullptr if the type leaves nothing to declare.
std::shared_ptr<const CatalogEntry> read_declared(const OrderedJson* params, const CatalogEntry& type,
                                                  const std::filesystem::path& directory, const Pointer& at,
                                                  Faults& faults) {
    if (!type.declare || !params || !params->is_object()) return nullptr;
    const DeclaredParameters declared = type.declare(*params, directory);
    for (const ParameterFault& fault : declared.faults) {
        const bool is_there = params->contains(fault.name);
        add_fault(faults, is_there ? at / "params" / fault.name : at / "params", fault.message);
    }
    auto whole = std::make_shared<CatalogEntry>(type);
    whole->parameters.insert(whole->parameters.end(), declared.parameters.begin(), declared.parameters.end());
    return whole;
}

// The parts that depend on the type.
void read_typed(Entry& entry, const OrderedJson& value, const Block& block, const CatalogEntry& known_type,
                const std::filesystem::path& directory, const Pointer& at, Faults& faults) {
    const auto part = [&value](const char* key) { return value.contains(key) ? &value[key] : nullptr; };
    entry.declared = read_declared(part("params"), known_type, directory, at, faults);
    const CatalogEntry& type = entry.declared ? *entry.declared : known_type;
    const OrderedJson* train = has_section(block, "train") ? part("train") : nullptr;
    if (train && train->is_null()) train = nullptr;
    if (train && type.training.empty()) {
        add_fault(faults, at / "train", type.name + " cannot be trained; remove \"train\"");
        train = nullptr;
    }
    entry.seeds = read_seeds(value, seed_parameter(type), at, faults);
    entry.lists_seeds = value.contains("seeds");
    const std::vector<Parameter> parameters = own_parameters(type);
    if (part("sweep"))
        entry.sweep =
            read_sweep(value["sweep"], {parameters, type.training, part("params"), train}, at / "sweep", faults);
    const std::set<std::string> swept = swept_everywhere(entry.sweep);
    entry.params = read_parameters(part("params"), parameters, part("params") ? at / "params" : at, faults,
                                   split_names(swept, false));
    if (train) entry.train = read_parameters(train, type.training, at / "train", faults, split_names(swept, true));
}

Entry read_entry(const OrderedJson& value, const std::string& noun, const Block& block,
                 const std::vector<CatalogEntry>& known, const std::filesystem::path& directory, const Pointer& at,
                 Faults& faults) {
    Entry entry;
    const nlohmann::json values = read_block(value, block, at, faults);
    if (!value.is_object()) return entry;
    entry.label = text_of(values, "label");
    entry.type = text_of(values, "type");
    entry.purpose = text_of(values, "purpose");
    if (values.contains("label"))
        if (const auto fault = label_fault(entry.label)) add_fault(faults, at / "label", *fault);
    if (!values.contains("type")) return entry;
    if (const CatalogEntry* type = find_entry(known, entry.type))
        read_typed(entry, value, block, *type, directory, at, faults);
    else
        add_fault(faults, at / "type", unknown_name(noun + " type", entry.type, names_of(known)));
    return entry;
}

}  // namespace

std::vector<Entry> read_entries(const OrderedJson& value, const std::string& noun, const Block& block,
                                const std::vector<CatalogEntry>& known, const std::filesystem::path& directory,
                                const Pointer& at, Faults& faults) {
    std::vector<Entry> entries;
    if (!check_list(value, at, faults)) return entries;
    if (value.empty()) add_fault(faults, at, "is empty, must hold one or more " + noun + "s");
    std::map<std::string, std::size_t> first;
    for (std::size_t i = 0; i < value.size(); ++i) {
        entries.push_back(read_entry(value[i], noun, block, known, directory, at / i, faults));
        const std::string& label = entries.back().label;
        const auto [place, fresh] = first.emplace(label, i);
        if (!fresh && !label.empty())
            add_fault(
                faults, at / i / "label",
                "is " + shown(label) + ", which is the label of " + (at / place->second).to_string() + " already");
    }
    return entries;
}

}  // namespace bcbench
