// One parameter of a dataset, method, metric or training block, as plain data: what config, plan, describe and
// the JSON Schema know of it. The declarations themselves stand in fields.hpp tables next to the engine options.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace bcbench {

enum class ParameterType {
    boolean,
    integer,
    number,
    string,
    integer_or_list,  // 50 or [50, 80]
    number_list,      // [0, 3]
    number_or_list,   // 1.0 or [0.5, 1, 2]
    string_list,      // ["donor", "chemistry"]
    object_list,      // [{"file": "a.h5ad", "batch": "A"}]
    steps,            // ["log1p", {"pca": {"n_components": 20}}]
    object            // {"types": true}: whatever stands in it is for its reader to check
};

struct ObjectForm;

struct Parameter {
    std::string name;
    ParameterType type = ParameterType::number;
    nlohmann::json default_value;   // null: the parameter has no default and must be given
    std::optional<double> minimum;  // of the value, or of every element of a list
    std::optional<double> maximum;
    bool minimum_exclusive = false;  // true: value > minimum
    bool maximum_exclusive = false;
    bool optional = false;             // true: null (absent) is a value of its own, and may be the default
    std::vector<std::string> choices;  // string parameters: the allowed words; empty: any text
    std::string help;                  // one line; what larger values do
    bool is_setting = true;            // false: it says what is run, not how, and is no part of the column `params`
    std::vector<ObjectForm> forms;     // object_list: the one form of its elements; steps: a form per step
};

/// An object in a list: the keys it may have.
struct ObjectForm {
    std::string name;  // of the step
    std::string help;
    std::vector<Parameter> members;
};

/// Of what has none.
inline std::vector<Parameter> no_parameters() { return {}; }

/// A parameter without bounds. Null as default: it must be given.
Parameter declared(const char* name, ParameterType type, nlohmann::json default_value, const char* help);

/// The size of a dataset as its parameters alone tell it.
struct DataShape {
    std::vector<std::size_t> batch_sizes;
    std::size_t n_features = 0;
};

/// A value that does not go with the others.
struct ParameterFault {
    std::string section;  // "params" or "train"
    std::string name;     // of the parameter
    std::string message;  // "is 50, must be at most n_features (30)"
};

/// "integer", "number or list of numbers", ... as used in messages and in `describe`.
std::string type_name(const Parameter& parameter);

/// "an integer >= 1", "a number in (0, 2]", "one of adam, rmsprop, sgd": what is allowed, for messages.
std::string allowed_values(const Parameter& parameter);

/// Whether `value` is a number without fraction, and small enough to be exact: 20, but also 20.0 and 4e9, as other
/// programs write them.
bool is_whole(const nlohmann::json& value);

/// The form called `name`; nullptr if there is none.
const ObjectForm* find_form(const Parameter& parameter, const std::string& name);

/// What is wrong with `value`, or nothing. A wrong type, an out-of-range number or a word that is no choice is a
/// fault; integers are accepted where numbers are expected, and whole numbers where integers are.
std::optional<std::string> fault_of(const Parameter& parameter, const nlohmann::json& value);

/// The JSON Schema (draft 2020-12) of the parameter's value.
nlohmann::json schema_of(const Parameter& parameter);

}  // namespace bcbench
