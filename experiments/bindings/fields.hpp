// The single declaration of parameters: a table of fields per Options struct. Parsing, validation, `describe` and the
// JSON Schema all come from it; the default is the value a fresh Options holds.
#pragma once

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "experiments/catalog/parameter.hpp"

namespace bcbench {

struct Range {
    std::optional<double> minimum;
    std::optional<double> maximum;
    bool minimum_exclusive = false;
    bool maximum_exclusive = false;
};

constexpr Range any_value() { return {}; }
constexpr Range at_least(double minimum) { return {minimum, {}, false, false}; }
constexpr Range above(double minimum) { return {minimum, {}, true, false}; }
constexpr Range between(double minimum, double maximum) { return {minimum, maximum, false, false}; }
constexpr Range from_to_below(double minimum, double maximum) { return {minimum, maximum, false, true}; }

namespace field_detail {

std::vector<std::string> split_words(const std::string& text);

/// An enum is a string parameter; words_of(T), declared beside the enum, gives its words in the order of its values.
template <class T>
struct Kind {
    static_assert(std::is_enum_v<T>, "no kind of parameter has this type");
    static constexpr ParameterType type = ParameterType::string;
};
template <>
struct Kind<bool> {
    static constexpr ParameterType type = ParameterType::boolean;
};
template <>
struct Kind<std::int64_t> {
    static constexpr ParameterType type = ParameterType::integer;
};
template <>
struct Kind<double> {
    static constexpr ParameterType type = ParameterType::number;
};
template <>
struct Kind<std::string> {
    static constexpr ParameterType type = ParameterType::string;
};
template <>
struct Kind<std::vector<std::int64_t>> {
    static constexpr ParameterType type = ParameterType::integer_or_list;
};
template <>
struct Kind<std::vector<double>> {
    static constexpr ParameterType type = ParameterType::number_or_list;
};
template <>
struct Kind<std::vector<std::string>> {
    static constexpr ParameterType type = ParameterType::string_list;
};
template <class T>
struct Kind<std::optional<T>> : Kind<T> {};

template <class T>
nlohmann::json to_json(const T& value) {
    if constexpr (std::is_enum_v<T>)
        return split_words(words_of(value)).at(static_cast<std::size_t>(value));
    else
        return value;
}
template <class T>
nlohmann::json to_json(const std::optional<T>& value) {
    return value ? nlohmann::json(*value) : nlohmann::json();
}
inline nlohmann::json to_json(const std::vector<std::string>& values) { return values; }
template <class T>
nlohmann::json to_json(const std::vector<T>& values) {
    return values.size() == 1 ? nlohmann::json(values.front()) : nlohmann::json(values);
}

template <class T>
void from_json(const nlohmann::json& json, T& value) {
    if constexpr (std::is_enum_v<T>) {
        const std::vector<std::string> words = split_words(words_of(value));
        const auto found = std::find(words.begin(), words.end(), json.get<std::string>());
        if (found == words.end()) throw std::invalid_argument(json.dump() + " is not one of " + words_of(value));
        value = static_cast<T>(found - words.begin());
    } else {
        value = json.get<T>();
    }
}
template <class T>
void from_json(const nlohmann::json& json, std::optional<T>& value) {
    if (json.is_null())
        value.reset();
    else
        value = json.get<T>();
}
template <class T>
void from_json(const nlohmann::json& json, std::vector<T>& values) {
    values = json.is_array() ? json.get<std::vector<T>>() : std::vector<T>{json.get<T>()};
}

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
constexpr const char* choices_of(const char* choices) {
    if constexpr (std::is_enum_v<T>)
        return words_of(T{});
    else
        return choices;
}

}  // namespace field_detail

template <class Options>
struct Field {
    const char* name;
    ParameterType type;
    bool optional;                                 // null is a value
    nlohmann::json (*get)(const Options&);         // the member as JSON
    void (*set)(const nlohmann::json&, Options&);  // the member from JSON
    Range range;                                   // of numbers and of list elements
    const char* help;                              // one line
    const char* choices;                           // strings and enums: the allowed words, separated by spaces
    bool required;                                 // has no default
};

namespace field_detail {

template <class>
struct MemberOf;
template <class Options, class Value>
struct MemberOf<Value Options::*> {
    using OptionsType = Options;
    using ValueType = Value;
};

}  // namespace field_detail

/// Declares the parameter `name` of an Options struct: field<&Options::sigma>("sigma", above(0), "width of ...").
/// `Options` may derive from the struct that has the member: then it is to be named.
template <auto member, class Options = typename field_detail::MemberOf<decltype(member)>::OptionsType>
constexpr auto field(const char* name, Range range, const char* help, const char* choices = "", bool required = false) {
    using Value = typename field_detail::MemberOf<decltype(member)>::ValueType;
    return Field<Options>{
        name,
        field_detail::Kind<Value>::type,
        field_detail::is_optional<Value>,
        [](const Options& options) { return field_detail::to_json(options.*member); },
        [](const nlohmann::json& json, Options& options) { field_detail::from_json(json, options.*member); },
        range,
        help,
        field_detail::choices_of<Value>(choices),
        required};
}

/// The parameters that `fields` declare, with the given defaults.
template <class Options, std::size_t N>
std::vector<Parameter> parameters_of(const Field<Options> (&fields)[N], const Options& defaults = Options()) {
    std::vector<Parameter> parameters;
    for (const Field<Options>& field : fields) {
        Parameter parameter;
        parameter.name = field.name;
        parameter.type = field.type;
        parameter.optional = field.optional;
        if (!field.required) parameter.default_value = field.get(defaults);
        parameter.minimum = field.range.minimum;
        parameter.maximum = field.range.maximum;
        parameter.minimum_exclusive = field.range.minimum_exclusive;
        parameter.maximum_exclusive = field.range.maximum_exclusive;
        parameter.choices = field_detail::split_words(field.choices);
        parameter.help = field.help;
        parameters.push_back(std::move(parameter));
    }
    return parameters;
}

/// An Options with the values that `json` gives and those of `options` elsewhere. `json` was validated against the
/// parameters before.
template <class Options, std::size_t N>
Options options_from(const Field<Options> (&fields)[N], const nlohmann::json& json, Options options = Options()) {
    for (const Field<Options>& field : fields) {
        const auto found = json.find(field.name);
        if (found != json.end()) field.set(*found, options);
    }
    return options;
}

}  // namespace bcbench
