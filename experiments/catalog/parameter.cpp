#include "experiments/catalog/parameter.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "engine/core/names.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {
namespace {

constexpr double largest_integer = 9007199254740992.0;  // 2^53: beyond it a double skips integers

bool takes_scalar(const Parameter& parameter) {
    return parameter.type != ParameterType::number_list && parameter.type != ParameterType::string_list;
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

bool is_whole(const nlohmann::json& value) {
    if (!value.is_number()) return false;
    const double number = value.get<double>();
    return std::trunc(number) == number && std::abs(number) <= largest_integer;
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
    if (takes_scalar(parameter)) forms.push_back(scalar_schema(parameter));
    if (takes_list(parameter))
        forms.push_back({{"type", "array"}, {"minItems", 1}, {"items", scalar_schema(parameter)}});
    if (parameter.type == ParameterType::string_list)
        forms.push_back({{"type", "array"}, {"items", scalar_schema(parameter)}});
    if (parameter.optional) forms.push_back({{"type", "null"}});
    nlohmann::json schema = forms.size() == 1 ? forms[0] : nlohmann::json{{"anyOf", forms}};
    if (!parameter.help.empty()) schema["description"] = parameter.help;
    if (parameter.optional || !parameter.default_value.is_null()) schema["default"] = parameter.default_value;
    return schema;
}

}  // namespace bcbench
