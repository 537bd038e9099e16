#include "experiments/plan/plan.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <set>
#include <utility>

#include "experiments/config/check.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {
namespace {

constexpr std::size_t longest_id = 200;
constexpr std::size_t kept_of_long_id = 180;
constexpr std::uint64_t most_for_defaults = 1'000'000;  // of a sweep, searched for the point with its defaults

bool is_swept(const std::vector<Assignment>& swept, const std::string& name) {
    return std::any_of(swept.begin(), swept.end(), [&name](const Assignment& each) { return each.name == name; });
}

// Where the type declares a swept parameter; those of the training follow those of the method.
std::size_t place_of(const std::string& name, const CatalogEntry& type) {
    const auto place_in = [](const std::vector<Parameter>& parameters, std::string_view called) {
        return static_cast<std::size_t>(std::find_if(parameters.begin(), parameters.end(),
                                                     [&](const Parameter& each) { return each.name == called; }) -
                                        parameters.begin());
    };
    if (!name.starts_with(training_prefix)) return place_in(type.parameters, name);
    return type.parameters.size() + place_in(type.training, std::string_view(name).substr(training_prefix.size()));
}

// Adds what differs from its default or is swept.
void add_notable(nlohmann::json& notable, const nlohmann::json& values, const std::vector<Parameter>& parameters,
                 const std::vector<Assignment>& swept, const std::string& prefix) {
    for (const Parameter& parameter : parameters) {
        const auto value = values.find(parameter.name);
        if (value == values.end()) continue;
        if (!parameter.is_setting) continue;
        if (is_swept(swept, prefix + parameter.name) || *value != normalised(parameter, parameter.default_value))
            notable[prefix + parameter.name] = *value;
    }
}

// A pattern of the shell, or the id as it is.
bool matches(const std::string& pattern, const std::string& id) {
    return pattern == id || fnmatch(pattern.c_str(), id.c_str(), 0) == 0;
}

// Where the pattern that starts at `start` of a list ends: at the next comma that is neither in brackets, escaped or
// not
// ("sigma=[1,2]", "sigma=\[1,2\]"), nor escaped itself.
std::size_t end_of_pattern(const std::string& list, std::size_t start) {
    std::size_t i = start;
    while (i < list.size() && list[i] != ',') {
        const std::size_t closing = list[i] == '[' ? list.find(']', i + 1) : std::string::npos;
        if (closing != std::string::npos)
            i = closing;
        else if (list[i] == '\\' && i + 1 < list.size() && list[i + 1] == ',')
            ++i;
        ++i;
    }
    return std::min(i, list.size());
}

}  // namespace

std::string bounded_id(const std::string& id) {
    if (id.size() <= longest_id) return id;
    return std::string(utf8_prefix(id, kept_of_long_id)) + "~" + hex(fnv1a(id));
}

bool selects(const std::string& patterns, const std::string& id) {
    if (patterns == id) return true;
    for (std::size_t start = 0; start <= patterns.size();) {
        const std::size_t end = end_of_pattern(patterns, start);
        if (matches(patterns.substr(start, end - start), id)) return true;
        start = end + 1;
    }
    return false;
}

void require_selection(const Plan& plan, const std::string& patterns) {
    if (patterns.empty()) return;
    for (std::uint64_t i = 0; i < plan.size(); ++i)
        if (selects(patterns, plan.id_at(i))) return;
    throw ConfigError(plan.config().file.string(),
                      {{"", "has no point that --only '" + patterns +
                                "' selects; 'bcbench plan' prints the points, the first is " + plan.id_at(0)}});
}

Plan::Axis::Axis(std::string axis_name, const std::vector<Entry>& axis_entries,
                 const std::vector<CatalogEntry>& axis_types)
    : name(std::move(axis_name)), entries(&axis_entries), types(&axis_types) {
    for (const Entry& entry : axis_entries) ends.push_back(size() + size_of(entry.sweep) * entry.seeds.size());
}

std::size_t Plan::Axis::entry_of(std::uint64_t index) const {
    return static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), index) - ends.begin());
}

Plan::Choice Plan::Axis::at(std::uint64_t index) const {
    const std::size_t place = entry_of(index);
    const Entry& entry = entries->at(place);
    const std::uint64_t within = place == 0 ? index : index - ends[place - 1];
    const std::size_t n_seeds = entry.seeds.size();
    return {place, &entry, entry.declared ? entry.declared.get() : find_entry(*types, entry.type),
            assignments_at(entry.sweep, within / n_seeds), entry.seeds[within % n_seeds]};
}

Plan::Plan(Config config, const Catalog& catalog)
    : config_(std::make_shared<const Config>(std::move(config))),
      datasets_("datasets", config_->datasets, catalog.datasets),
      methods_("methods", config_->methods, catalog.methods) {}

std::string Plan::id_part(const Choice& choice, bool with_seed) {
    std::string part = choice.entry->label;
    // in the order in which the type declares its parameters: the keys of a JSON object have none
    std::vector<Assignment> swept = choice.swept;
    std::stable_sort(swept.begin(), swept.end(), [&](const Assignment& a, const Assignment& b) {
        return place_of(a.name, *choice.type) < place_of(b.name, *choice.type);
    });
    for (const Assignment& each : swept) part += "." + each.name + "=" + id_text(each.value);
    if (with_seed && choice.entry->lists_seeds) part += ".seed=" + std::to_string(choice.seed);
    return part;
}

nlohmann::ordered_json Plan::swept_values(const Choice& choice) {
    nlohmann::ordered_json values = nlohmann::ordered_json::object();
    for (const Assignment& each : choice.swept) values[each.name] = each.value;
    return values;
}

std::string Plan::id_at(std::uint64_t index) const {
    return bounded_id(id_part(datasets_.at(index / methods_.size())) + "." +
                      id_part(methods_.at(index % methods_.size())));
}

std::string Plan::params_text(const Choice& dataset, const Choice& method, const Point& point) {
    nlohmann::json notable = nlohmann::json::object();
    add_notable(notable, point.method_params, method.type->parameters, method.swept, "");
    if (!point.train.is_null())
        add_notable(notable, point.train, method.type->training, method.swept, std::string(training_prefix));
    for (const Assignment& swept : dataset.swept)
        notable["dataset." + swept.name] = point.dataset_params.at(swept.name);
    if (dataset.entry->lists_seeds) notable["dataset.seed"] = dataset.seed;
    return canonical_json(notable);
}

Point Plan::at(std::uint64_t index) const {
    const Choice dataset = datasets_.at(index / methods_.size());
    const Choice method = methods_.at(index % methods_.size());
    Point point;
    point.dataset_id = id_part(dataset);
    point.id = bounded_id(point.dataset_id + "." + id_part(method));
    point.dataset_label = dataset.entry->label;
    point.dataset_type = dataset.entry->type;
    point.dataset_seed = dataset.seed;
    point.dataset_params = with_swept(dataset.entry->params, dataset.type->parameters, dataset.swept, false);
    point.method_label = method.entry->label;
    point.method_type = method.entry->type;
    point.method_seed = method.seed;
    point.method_params = with_swept(method.entry->params, method.type->parameters, method.swept, false);
    if (!method.entry->train.is_null())
        point.train = with_swept(method.entry->train, method.type->training, method.swept, true);
    point.params = params_text(dataset, method, point);
    point.group = bounded_id(id_part(dataset, false) + "." + id_part(method, false));
    point.swept = {{"dataset", swept_values(dataset)}, {"method", swept_values(method)}};
    point.precision = config_->precision;
    if (const Exclusion* exclusion = exclusion_of(point.id)) point.excluded_reason = exclusion->reason;
    return point;
}

const Exclusion* Plan::exclusion_of(const std::string& id) const {
    for (const Exclusion& exclusion : config_->exclude) {
        if (matches(exclusion.match, id)) return &exclusion;
    }
    return nullptr;
}

// Whether every parameter the entry's sweep sets anywhere, `swept`, has its default here.
bool Plan::has_defaults(const Choice& method, const std::set<std::string>& swept) {
    for (const bool training : {false, true}) {
        const std::vector<Parameter>& parameters = training ? method.type->training : method.type->parameters;
        const nlohmann::json values =
            with_swept(training ? method.entry->train : method.entry->params, parameters, method.swept, training);
        const std::string prefix(training ? training_prefix : "");
        for (const std::string& name : swept) {
            if (is_training(name) != training) continue;
            const Parameter* parameter = find_parameter(parameters, name.substr(prefix.size()));
            if (!parameter ||
                values.value(parameter->name, nlohmann::json()) != normalised(*parameter, parameter->default_value))
                return false;
        }
    }
    return true;
}

std::set<std::string> Plan::base_points() const {
    std::vector<std::uint64_t> chosen;  // indices of the methods axis
    for (std::size_t e = 0; e < config_->methods.size(); ++e) {
        const Entry& entry = config_->methods[e];
        const std::uint64_t first = e == 0 ? 0 : methods_.ends[e - 1];
        const std::uint64_t n_seeds = entry.seeds.size();
        const std::uint64_t n_swept = std::min(size_of(entry.sweep), most_for_defaults);
        const std::set<std::string> swept = swept_anywhere(entry.sweep);
        std::uint64_t base = 0;
        while (base < n_swept && !has_defaults(methods_.at(first + base * n_seeds), swept)) ++base;
        if (base == n_swept) base = 0;
        for (std::uint64_t s = 0; s < n_seeds; ++s) chosen.push_back(first + base * n_seeds + s);
    }
    std::set<std::string> ids;
    for (std::uint64_t d = 0; d < datasets_.size(); ++d)
        for (const std::uint64_t method : chosen) ids.insert(id_at(d * methods_.size() + method));
    return ids;
}

Fault Plan::duplicate(std::uint64_t first, std::uint64_t second) const {
    const auto pointer = [](const Axis& axis, std::uint64_t index) {
        return "/" + axis.name + "/" + std::to_string(axis.entry_of(index));
    };
    const std::uint64_t m = methods_.size();
    const bool same_data = first / m == second / m;
    const bool same_method = first % m == second % m;
    std::string here = same_data ? pointer(methods_, second % m) : pointer(datasets_, second / m);
    std::string there = same_data ? pointer(methods_, first % m) : pointer(datasets_, first / m);
    if (!same_data && !same_method) {
        there += " with " + pointer(methods_, first % m);
        return {here, "with " + pointer(methods_, second % m) + " gives the point id " + shown(id_at(first)) +
                          ", and so does " + there + "; ids must differ, change a label"};
    }
    if (here == there) return {here, "gives the point " + shown(id_at(first)) + " twice; remove the repeated value"};
    return {here, "gives the point id " + shown(id_at(first)) + ", and so does " + there + "; ids must differ"};
}

std::vector<std::string> Plan::notes() const {
    if (size() > most_points_of_run)
        return {std::to_string(size()) + " points, of which one run takes at most " +
                std::to_string(most_points_of_run)};
    std::vector<std::size_t> unused;
    for (std::size_t r = 0; r < config_->exclude.size(); ++r) unused.push_back(r);
    for (std::uint64_t i = 0; i < size() && !unused.empty(); ++i) {
        const std::string id = id_at(i);
        std::erase_if(unused, [&](std::size_t rule) { return matches(config_->exclude[rule].match, id); });
    }
    std::vector<std::string> notes;
    for (const std::size_t rule : unused)
        notes.push_back("/exclude/" + std::to_string(rule) + "/match: " + shown(config_->exclude[rule].match) +
                        " matches no point");
    return notes;
}

std::vector<Fault> Plan::duplicates() const {
    std::vector<Fault> faults;
    if (size() > most_points_of_run) return faults;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> hashes;  // hash of the id, index
    hashes.reserve(size());
    for (std::uint64_t i = 0; i < size(); ++i) hashes.emplace_back(fnv1a(id_at(i)), i);
    std::sort(hashes.begin(), hashes.end());
    std::set<std::vector<std::size_t>> reported;
    for (std::size_t i = 1; i < hashes.size(); ++i) {
        const std::uint64_t a = hashes[i - 1].second;
        const std::uint64_t b = hashes[i].second;
        if (hashes[i - 1].first != hashes[i].first || id_at(a) != id_at(b)) continue;
        const std::uint64_t m = methods_.size();
        if (reported
                .insert({datasets_.entry_of(a / m), methods_.entry_of(a % m), datasets_.entry_of(b / m),
                         methods_.entry_of(b % m)})
                .second)
            faults.push_back(duplicate(a, b));
    }
    return faults;
}

}  // namespace bcbench
