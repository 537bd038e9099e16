#include "experiments/config/schema.hpp"

#include <string>
#include <vector>

#include "experiments/config/keys.hpp"

namespace bcbench {
namespace {

OrderedJson object_schema(OrderedJson properties) {
    return {{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
}

OrderedJson values_properties(const std::vector<Parameter>& parameters) {
    OrderedJson properties = OrderedJson::object();
    for (const Parameter& parameter : parameters) properties[parameter.name] = schema_of(parameter);
    return properties;
}

// The block as an object; the schemas of its sections are given by name.
OrderedJson block_schema(const Block& block, const OrderedJson& sections = OrderedJson::object()) {
    OrderedJson properties = values_properties(block.values);
    OrderedJson required = OrderedJson::array();
    for (const Parameter& parameter : block.values)
        if (!parameter.optional && parameter.default_value.is_null()) required.push_back(parameter.name);
    for (const Section& section : block.sections) {
        properties[section.name] = sections.at(section.name);
        properties[section.name]["description"] = section.help;
        if (section.required) required.push_back(section.name);
    }
    OrderedJson schema = object_schema(properties);
    if (!required.empty()) schema["required"] = required;
    return schema;
}

OrderedJson list_of(OrderedJson items, bool one_or_more) {
    OrderedJson schema = {{"type", "array"}, {"items", std::move(items)}};
    if (one_or_more) schema["minItems"] = 1;
    return schema;
}

OrderedJson reference(const std::string& definition) { return {{"$ref", "#/$defs/" + definition}}; }

// One of the distributions of a random sweep over values of the given schema.
OrderedJson draw_schema(const OrderedJson& value) {
    const OrderedJson range = reference("range");
    OrderedJson schema = object_schema(
        {{"uniform", range}, {"log_uniform", range}, {"integer", range}, {"choice", list_of(value, true)}});
    schema["minProperties"] = 1;
    schema["maxProperties"] = 1;
    return schema;
}

// A sweep without lists, over `params` and, as "train.<key>", over `train`; values refer to the definitions
// of the type.
OrderedJson term_schema(const CatalogEntry& type, const std::string& definition) {
    OrderedJson lists = OrderedJson::object();
    OrderedJson draws = OrderedJson::object();
    const auto add = [&](const std::string& name, const std::string& part, const std::string& key) {
        const OrderedJson value = reference(definition + "." + part + "/properties/" + key);
        lists[name] = list_of(value, true);
        draws[name] = draw_schema(value);
    };
    for (const Parameter& parameter : own_parameters(type))
        if (parameter.forms.empty()) add(parameter.name, "params", parameter.name);
    for (const Parameter& parameter : type.training) add("train." + parameter.name, "train", parameter.name);
    OrderedJson axes = object_schema(lists);
    if (type.declare) axes["additionalProperties"] = list_of(OrderedJson::object(), true);
    axes["minProperties"] = 1;
    OrderedJson distributions = object_schema(draws);
    if (type.declare) distributions["additionalProperties"] = draw_schema(OrderedJson::object());
    distributions["minProperties"] = 1;
    OrderedJson term = block_schema(
        sweep_block(),
        {{"grid", axes}, {"zip", axes}, {"random", block_schema(random_block(), {{"params", distributions}})}});
    term["minProperties"] = 1;
    return term;
}

// What a type allows in its entry, as a conditional; the parts stand in the definitions.
OrderedJson type_rule(const CatalogEntry& type, const std::string& definition, bool trainable_kind) {
    OrderedJson properties = {{"seed", schema_of(seed_parameter(type))},
                              {"params", reference(definition + ".params")},
                              {"sweep", reference(definition + ".sweep")}};
    properties["seed"]["type"] = {"integer", "null"};
    if (trainable_kind)
        properties["train"] = type.training.empty() ? OrderedJson{{"type", "null"}} : reference(definition + ".train");
    return {{"if", {{"properties", {{"type", {{"const", type.name}}}}}, {"required", {"type"}}}},
            {"then", {{"properties", properties}}}};
}

OrderedJson label_schema(OrderedJson schema) {
    schema["minLength"] = 1;
    schema["maxLength"] = 80;
    schema["pattern"] =
        "^[^ ./\\\\\\u0000-\\u001f\\u007f-\\u009f]([^/\\\\\\u0000-\\u001f\\u007f-\\u009f]*"
        "[^ /\\\\\\u0000-\\u001f\\u007f-\\u009f])?$";
    return schema;
}

// Names: a list, which an error of a validator repeats, and one by one with their summaries, which an editor shows.
template <class Named>
void add_names(const std::vector<Named>& all, OrderedJson& schema) {
    for (const Named& each : all) {
        schema["enum"].push_back(each.name);
        schema["oneOf"].push_back({{"const", each.name}, {"description", each.summary}});
    }
}

OrderedJson type_names(const std::vector<CatalogEntry>& types) {
    OrderedJson schema = {{"enum", OrderedJson::array()}, {"oneOf", OrderedJson::array()}};
    add_names(types, schema);
    return schema;
}

// The entries of `datasets` or `methods`; adds the definitions of their types.
OrderedJson entries_schema(const Block& block, const std::vector<CatalogEntry>& types, const std::string& kind,
                           OrderedJson& definitions) {
    const bool trainable_kind = kind == "method";
    OrderedJson rules = OrderedJson::array();
    for (const CatalogEntry& type : types) {
        const std::string definition = kind + "." + type.name;
        definitions[definition + ".params"] = object_schema(values_properties(own_parameters(type)));
        // what an entry declares stands in its own file
        if (type.declare) definitions[definition + ".params"]["additionalProperties"] = true;
        if (!type.training.empty()) {
            definitions[definition + ".train"] = object_schema(values_properties(type.training));
            definitions[definition + ".train"]["type"] = {"object", "null"};
        }
        const OrderedJson term = reference(definition + ".term");
        definitions[definition + ".term"] = term_schema(type, definition);
        definitions[definition + ".sweep"] = {{"anyOf", {term, list_of(term, true)}}};
        rules.push_back(type_rule(type, definition, trainable_kind));
    }
    const OrderedJson any = OrderedJson::object();
    OrderedJson sections = {
        {"seeds", list_of(schema_of(seed_parameter({})), true)}, {"params", any}, {"sweep", any}, {"train", any}};
    sections["seeds"]["uniqueItems"] = true;
    OrderedJson entry = block_schema(block, sections);
    entry["properties"]["label"] = label_schema(entry["properties"]["label"]);
    entry["properties"]["type"].erase("type");
    entry["properties"]["type"].update(type_names(types));
    entry["not"] = {{"required", {"seed", "seeds"}}};
    entry["allOf"] = rules;
    return list_of(entry, true);
}

OrderedJson metrics_schema(const std::vector<CatalogEntry>& metrics, const std::vector<Preset>& presets) {
    OrderedJson name = type_names(metrics);
    add_names(presets, name);
    OrderedJson entry = block_schema(metric_block(), {{"params", OrderedJson::object()}});
    entry["properties"]["type"] = type_names(metrics);
    OrderedJson rules = OrderedJson::array();
    for (const CatalogEntry& metric : metrics) {
        const OrderedJson properties = {{"params", object_schema(values_properties(metric.parameters))}};
        rules.push_back({{"if", {{"properties", {{"type", {{"const", metric.name}}}}}, {"required", {"type"}}}},
                         {"then", {{"properties", properties}}}});
    }
    entry["allOf"] = rules;
    return list_of({{"if", {{"type", "string"}}}, {"then", name}, {"else", entry}}, false);
}

}  // namespace

OrderedJson config_schema(const Catalog& catalog) {
    OrderedJson definitions = {
        {"range", {{"type", "array"}, {"items", {{"type", "number"}}}, {"minItems", 2}, {"maxItems", 2}}}};
    OrderedJson sections = {
        {"datasets", entries_schema(dataset_block(), catalog.datasets, "dataset", definitions)},
        {"methods", entries_schema(method_block(), catalog.methods, "method", definitions)},
        {"metrics", metrics_schema(catalog.metrics, catalog.presets)},
        {"checks", list_of(type_names(catalog.checks), false)},
        {"timing", block_schema(timing_block())},
        {"outputs", block_schema(outputs_block())},
        {"limits", block_schema(limits_block())},
        {"tolerances", {{"type", "object"}, {"additionalProperties", block_schema(tolerance_block())}}},
        {"exclude", list_of(block_schema(exclusion_block()), false)}};
    OrderedJson schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", "bcbench experiment"}};
    schema.update(block_schema(config_block(), sections));
    schema["properties"]["name"] = label_schema(schema["properties"]["name"]);
    schema["$defs"] = definitions;
    return schema;
}

}  // namespace bcbench
