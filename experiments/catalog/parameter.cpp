#include "experiments/catalog/parameter.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "engine/core/names.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {
namespace {

constexpr double largest_integer = 9007199254740992.0;  // 2^53: beyond it a double skips integers

bool takes_objects(const Parameter& parameter) {
    return parameter.type == ParameterType::object_list || parameter.type == ParameterType::steps;
}

bool takes_scalar(const Parameter& parameter) {
    return parameter.type != ParameterType::number_list && parameter.type != ParameterType::string_list &&
           parameter.type != ParameterType::object && !takes_objects(parameter);
}

bool takes_list(const Parameter& parameter) {
    return parameter.type == ParameterType::number_list || parameter.type == ParameterType::integer_or_list ||
           parameter.type == ParameterType::number_or_list;
}

bool wants_integer(const Parameter& parameter) {
    return parameter.type == ParameterType::integer || parameter.type == ParameterType::integer_or_list;
}

std::string range_text(const Parameter& parameter) {
    if (parameter.minimum && parameter.maximum) {
        if (*parameter.minimum == *parameter.maximum) return " equal to " + number_text(*parameter.minimum);
        return std::string(" in ") + (parameter.minimum_exclusive ? "(" : "[") + number_text(*parameter.minimum) +
               ", " + number_text(*parameter.maximum) + (parameter.maximum_exclusive ? ")" : "]");
    }
    if (parameter.minimum) return (parameter.minimum_exclusive ? " > " : " >= ") + number_text(*parameter.minimum);
    if (parameter.maximum) return (parameter.maximum_exclusive ? " < " : " <= ") + number_text(*parameter.maximum);
    return "";
}

bool in_range(const Parameter& parameter, double value) {
    if (parameter.minimum && value < *parameter.minimum) return false;
    if (parameter.minimum && parameter.minimum_exclusive && value == *parameter.minimum) return false;
    if (parameter.maximum && value > *parameter.maximum) return false;
    return !(parameter.maximum && parameter.maximum_exclusive && value == *parameter.maximum);
}

// Whether one number is right for a numeric parameter or for an element of its list.
bool number_fits(const Parameter& parameter, const nlohmann::json& value) {
    if (!value.is_number() || (wants_integer(parameter) && !is_whole(value))) return false;
    const double number = value.get<double>();
    return std::isfinite(number) && in_range(parameter, number);
}

bool scalar_fits(const Parameter& parameter, const nlohmann::json& value) {
    if (parameter.type == ParameterType::boolean) return value.is_boolean();
    if (parameter.type != ParameterType::string) return number_fits(parameter, value);
    if (!value.is_string()) return false;
    const auto& choices = parameter.choices;
    return choices.empty() || std::find(choices.begin(), choices.end(), value.get<std::string>()) != choices.end();
}

bool is_required(const Parameter& parameter) { return !parameter.optional && parameter.default_value.is_null(); }

std::vector<std::string> member_names(const ObjectForm& form) {
    std::vector<std::string> names;
    for (const Parameter& member : form.members) names.push_back(member.name);
    return names;
}

std::string did_you_mean(const std::string& name, const std::vector<std::string>& known) {
    const auto nearest = nearest_name(name, known);
    return nearest ? "; did you mean \"" + *nearest + "\"?" : "";
}

// What is wrong with the members of an object.
std::optional<std::string> object_fault(const ObjectForm& form, const nlohmann::json& object) {
    if (!object.is_object()) return "is " + shown(object) + ", must be an object";
    for (const auto& [key, value] : object.items()) {
        const auto member = std::find_if(form.members.begin(), form.members.end(),
                                         [&name = key](const Parameter& each) { return each.name == name; });
        if (member == form.members.end())
            return "has the unknown key \"" + key + "\"" + did_you_mean(key, member_names(form));
        if (const auto fault = fault_of(*member, value)) return "\"" + key + "\" " + *fault;
    }
    for (const Parameter& member : form.members)
        if (is_required(member) && !object.contains(member.name))
            return "misses \"" + member.name + "\", " + allowed_values(member);
    return std::nullopt;
}

// A step is its name, or an object of its name and its parameters.
std::optional<std::string> step_fault(const Parameter& parameter, const nlohmann::json& step) {
    const bool with_members = step.is_object() && step.size() == 1;
    if (!step.is_string() && !with_members)
        return "is " + shown(step) + ", must be the name of a step or {\"name\": {parameters}}";
    const std::string name = with_members ? step.begin().key() : step.get<std::string>();
    const ObjectForm* form = find_form(parameter, name);
    if (form == nullptr) {
        std::vector<std::string> known;
        for (const ObjectForm& each : parameter.forms) known.push_back(each.name);
        std::string fault = "is \"" + name + "\", must be one of ";
        for (std::size_t i = 0; i < known.size(); ++i) fault += (i ? ", " : "") + known[i];
        return fault + did_you_mean(name, known);
    }
    const auto fault = with_members ? object_fault(*form, step.begin().value()) : std::nullopt;
    return fault ? std::optional("(" + name + ") " + *fault) : std::nullopt;
}

std::optional<std::string> object_list_fault(const Parameter& parameter, const nlohmann::json& list) {
    if (!list.is_array()) return "is " + shown(list) + ", must be " + allowed_values(parameter);
    for (std::size_t i = 0; i < list.size(); ++i) {
        const auto fault = parameter.type == ParameterType::steps ? step_fault(parameter, list[i])
                                                                  : object_fault(parameter.forms.front(), list[i]);
        if (fault) return "element " + std::to_string(i) + " " + *fault;
    }
    return std::nullopt;
}

nlohmann::json form_schema(const ObjectForm& form) {
    nlohmann::json properties = nlohmann::json::object(), required = nlohmann::json::array();
    for (const Parameter& member : form.members) {
        properties[member.name] = schema_of(member);
        if (is_required(member)) required.push_back(member.name);
    }
    nlohmann::json schema = {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
    if (!required.empty()) schema["required"] = required;
    if (!form.help.empty()) schema["description"] = form.help;
    return schema;
}

nlohmann::json object_list_schema(const Parameter& parameter) {
    if (parameter.type == ParameterType::object_list)
        return {{"type", "array"}, {"items", form_schema(parameter.forms.front())}};
    nlohmann::json forms = nlohmann::json::array();
    for (const ObjectForm& form : parameter.forms) {
        forms.push_back({{"const", form.name}, {"description", form.help}});
        forms.push_back({{"type", "object"},
                         {"properties", {{form.name, form_schema(form)}}},
                         {"required", {form.name}},
                         {"additionalProperties", false}});
    }
    return {{"type", "array"}, {"items", {{"anyOf", forms}}}};
}

nlohmann::json scalar_schema(const Parameter& parameter) {
    if (parameter.type == ParameterType::boolean) return {{"type", "boolean"}};
    if (parameter.type == ParameterType::string || parameter.type == ParameterType::string_list) {
        nlohmann::json schema = {{"type", "string"}};
        if (!parameter.choices.empty()) schema["enum"] = parameter.choices;
        return schema;
    }
    nlohmann::json schema = {{"type", wants_integer(parameter) ? "integer" : "number"}};
    if (parameter.minimum) schema[parameter.minimum_exclusive ? "exclusiveMinimum" : "minimum"] = *parameter.minimum;
    if (parameter.maximum) schema[parameter.maximum_exclusive ? "exclusiveMaximum" : "maximum"] = *parameter.maximum;
    return schema;
}

}  // namespace

const ObjectForm* find_form(const Parameter& parameter, const std::string& name) {
    const auto found = std::find_if(parameter.forms.begin(), parameter.forms.end(),
                                    [&](const ObjectForm& form) { return form.name == name; });
    return found == parameter.forms.end() ? nullptr : &*found;
}

bool is_whole(const nlohmann::json& value) {
    if (!value.is_number()) return false;
    const double number = value.get<double>();
    return std::trunc(number) == number && std::abs(number) <= largest_integer;
}

Parameter declared(const char* name, ParameterType type, nlohmann::json default_value, const char* help) {
    Parameter parameter;
    parameter.name = name;
    parameter.type = type;
    parameter.default_value = std::move(default_value);
    parameter.help = help;
    return parameter;
}

std::string type_name(const Parameter& parameter) {
    switch (parameter.type) {
        case ParameterType::boolean:
            return "boolean";
        case ParameterType::integer:
            return "integer";
        case ParameterType::number:
            return "number";
        case ParameterType::string:
            return "string";
        case ParameterType::integer_or_list:
            return "integer or list of integers";
        case ParameterType::number_list:
            return "list of numbers";
        case ParameterType::number_or_list:
            return "number or list of numbers";
        case ParameterType::string_list:
            return "list of texts";
        case ParameterType::object_list:
            return "list of objects";
        case ParameterType::steps:
            return "list of steps";
        case ParameterType::object:
            return "object";
    }
    std::abort();  // the switch is complete
}

std::string allowed_values(const Parameter& parameter) {
    std::string text;
    if (parameter.type == ParameterType::boolean) {
        text = "true or false";
    } else if (parameter.type == ParameterType::string) {
        for (const std::string& choice : parameter.choices) text += (text.empty() ? "one of " : ", ") + choice;
        if (text.empty()) text = "a text";
    } else if (parameter.type == ParameterType::string_list) {
        text = "a list of texts";
    } else if (parameter.type == ParameterType::object_list) {
        for (const std::string& name : member_names(parameter.forms.front())) text += (text.empty() ? "" : ", ") + name;
        text = "a list of objects with " + text;
    } else if (parameter.type == ParameterType::steps) {
        for (const ObjectForm& form : parameter.forms) text += (text.empty() ? "" : ", ") + form.name;
        text = "a list of steps: " + text;
    } else if (parameter.type == ParameterType::object) {
        text = "an object";
    } else if (!takes_scalar(parameter)) {
        text = "a list of numbers" + range_text(parameter);
    } else {
        text = (wants_integer(parameter) ? "an integer" : "a number") + range_text(parameter);
        if (takes_list(parameter)) text += " or a list of such";
    }
    return parameter.optional ? text + " or null" : text;
}

std::optional<std::string> fault_of(const Parameter& parameter, const nlohmann::json& value) {
    const std::string must = ", must be " + allowed_values(parameter);
    if (value.is_null() && parameter.optional) return std::nullopt;
    if (takes_objects(parameter)) return object_list_fault(parameter, value);
    if (value.is_object() && parameter.type == ParameterType::object) return std::nullopt;
    if (value.is_array() && parameter.type == ParameterType::string_list) {
        for (std::size_t i = 0; i < value.size(); ++i)
            if (!value[i].is_string()) return "element " + std::to_string(i) + " is " + shown(value[i]) + must;
        return std::nullopt;
    }
    if (value.is_array() && takes_list(parameter)) {
        if (value.empty()) return "is an empty list" + must;
        for (std::size_t i = 0; i < value.size(); ++i)
            if (!number_fits(parameter, value[i]))
                return "element " + std::to_string(i) + " is " + shown(value[i]) + must;
        return std::nullopt;
    }
    if (takes_scalar(parameter) && scalar_fits(parameter, value)) return std::nullopt;
    std::string fault = "is " + shown(value) + must;
    if (value.is_string() && !parameter.choices.empty())
        if (const auto nearest = nearest_name(value.get<std::string>(), parameter.choices))
            fault += "; did you mean \"" + *nearest + "\"?";
    return fault;
}

nlohmann::json schema_of(const Parameter& parameter) {
    nlohmann::json forms = nlohmann::json::array();
    if (takes_objects(parameter)) forms.push_back(object_list_schema(parameter));
    if (takes_scalar(parameter)) forms.push_back(scalar_schema(parameter));
    if (takes_list(parameter))
        forms.push_back({{"type", "array"}, {"minItems", 1}, {"items", scalar_schema(parameter)}});
    if (parameter.type == ParameterType::string_list)
        forms.push_back({{"type", "array"}, {"items", scalar_schema(parameter)}});
    if (parameter.type == ParameterType::object) forms.push_back({{"type", "object"}});
    if (parameter.optional) forms.push_back({{"type", "null"}});
    nlohmann::json schema = forms.size() == 1 ? forms[0] : nlohmann::json{{"anyOf", forms}};
    if (!parameter.help.empty()) schema["description"] = parameter.help;
    if (parameter.optional || !parameter.default_value.is_null()) schema["default"] = parameter.default_value;
    return schema;
}

}  // namespace bcbench
