#include "experiments/config/check.hpp"

#include <algorithm>

#include "engine/core/names.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {

namespace {

constexpr std::size_t most_faults = 100;
constexpr std::size_t longest_pointer = 1000;  // of a fault's place, in bytes

}  // namespace

const OrderedJson& empty_object() {
    static const OrderedJson object = OrderedJson::object();
    return object;
}

void add_fault(Faults& faults, const Pointer& at, const std::string& message) {
    const std::string pointer = at.to_string();
    const bool is_long = pointer.size() > longest_pointer;
    faults.push_back({is_long ? std::string(utf8_prefix(pointer, longest_pointer)) + "..." : pointer, message});
    if (faults.size() < most_faults) return;
    faults.push_back({"", "has more faults than these " + std::to_string(most_faults)});
    throw TooManyFaults{};
}

bool check_object(const OrderedJson& value, const Pointer& at, Faults& faults) {
    if (!value.is_object()) add_fault(faults, at, "is " + shown(value) + ", must be an object");
    return value.is_object();
}

bool check_list(const OrderedJson& value, const Pointer& at, Faults& faults) {
    if (!value.is_array()) add_fault(faults, at, "is " + shown(value) + ", must be a list");
    return value.is_array();
}

void check_keys(const OrderedJson& object, const std::vector<std::string>& known, const std::string& kind,
                const Pointer& at, Faults& faults) {
    for (const auto& item : object.items())
        if (std::find(known.begin(), known.end(), item.key()) == known.end())
            add_fault(faults, at / item.key(), unknown_name(kind, item.key(), known));
}

nlohmann::json read_values(const OrderedJson& object, const std::vector<Parameter>& parameters, const Pointer& at,
                           Faults& faults, const std::set<std::string>& elsewhere) {
    nlohmann::json values = nlohmann::json::object();
    for (const Parameter& parameter : parameters) {
        const auto found = object.find(parameter.name);
        const bool given = found != object.end();
        if (given) {
            const nlohmann::json value = *found;
            if (const auto fault = fault_of(parameter, value)) {
                add_fault(faults, at / parameter.name, *fault);
            } else {
                values[parameter.name] = normalised(parameter, value);
                continue;
            }
        }
        const bool has_default = parameter.optional || !parameter.default_value.is_null();
        if (has_default) {
            values[parameter.name] = normalised(parameter, parameter.default_value);
        } else if (!given && elsewhere.count(parameter.name) == 0) {
            add_fault(faults, at, "\"" + parameter.name + "\" is missing, must be " + allowed_values(parameter));
        }
    }
    return values;
}

nlohmann::json read_block(const OrderedJson& value, const Block& block, const Pointer& at, Faults& faults) {
    if (!check_object(value, at, faults)) {
        Faults ignored;
        return read_values(empty_object(), block.values, at, ignored);
    }
    check_keys(value, key_names(block), "key", at, faults);
    return read_values(value, block.values, at, faults);
}

namespace {

nlohmann::json normalised_object(const ObjectForm& form, const nlohmann::json& object) {
    nlohmann::json values = nlohmann::json::object();
    for (const Parameter& member : form.members)
        values[member.name] =
            normalised(member, object.contains(member.name) ? object[member.name] : member.default_value);
    return values;
}

// Every element with all of its members; a step as {"name": {...}}.
nlohmann::json normalised_objects(const Parameter& parameter, const nlohmann::json& list) {
    nlohmann::json all = nlohmann::json::array();
    for (const nlohmann::json& element : list) {
        if (parameter.type == ParameterType::object_list) {
            all.push_back(normalised_object(parameter.forms.front(), element));
            continue;
        }
        const std::string name = element.is_string() ? element.get<std::string>() : element.begin().key();
        const nlohmann::json given = element.is_string() ? nlohmann::json::object() : element.begin().value();
        all.push_back({{name, normalised_object(*find_form(parameter, name), given)}});
    }
    return all;
}

}  // namespace

nlohmann::json normalised(const Parameter& parameter, const nlohmann::json& value) {
    if (value.is_array() && !parameter.forms.empty()) return normalised_objects(parameter, value);
    const bool integers = parameter.type == ParameterType::integer || parameter.type == ParameterType::integer_or_list;
    const bool scalar_form = parameter.type != ParameterType::number_list && parameter.is_setting;
    if (value.is_array() && value.size() == 1 && scalar_form) return normalised(parameter, value[0]);
    if (value.is_array()) {
        nlohmann::json list = nlohmann::json::array();
        for (const nlohmann::json& element : value) list.push_back(normalised(parameter, element));
        return list;
    }
    if (!value.is_number()) return value;
    if (!integers) return value.get<double>() + 0.0;  // -0 becomes 0
    return value.is_number_float() ? nlohmann::json(static_cast<std::int64_t>(value.get<double>())) : value;
}

nlohmann::json with_swept(nlohmann::json values, const std::vector<Parameter>& parameters,
                          const std::vector<Assignment>& swept, bool training) {
    for (const Assignment& assignment : swept) {
        if (is_training(assignment.name) != training) continue;
        const std::string key = training ? assignment.name.substr(training_prefix.size()) : assignment.name;
        const Parameter* parameter = find_parameter(parameters, key);
        values[key] = parameter ? normalised(*parameter, assignment.value) : assignment.value;
    }
    return values;
}

std::string text_of(const nlohmann::json& values, const std::string& key) {
    const auto found = values.find(key);
    return found != values.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace bcbench
