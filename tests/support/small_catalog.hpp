// A catalog for tests of configs, independent of what the program really offers.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "experiments/catalog/catalog.hpp"
#include "experiments/config/config.hpp"
#include "experiments/text/json_reader.hpp"

namespace bcbench::test {

inline Parameter parameter(const char* name, ParameterType type, nlohmann::json default_value) {
    Parameter made;
    made.name = name;
    made.type = type;
    made.default_value = std::move(default_value);
    made.help = std::string("help of ") + name;
    return made;
}

inline Parameter at_least(Parameter made, double minimum, bool exclusive = false) {
    made.minimum = minimum;
    made.minimum_exclusive = exclusive;
    return made;
}

inline const Catalog& small_catalog() {
    using Type = ParameterType;
    static const Catalog made = [] {
        Parameter shape = parameter("shape", Type::string, "round");
        shape.choices = {"round", "square"};
        Parameter column = parameter("column", Type::string, nullptr);
        column.optional = true;
        Parameter max_steps = at_least(parameter("max_steps", Type::integer, nullptr), 1);
        max_steps.optional = true;
        Catalog catalog;
        catalog.datasets = {
            {"blobs",
             "synthetic blobs",
             "",
             {at_least(parameter("n_cells", Type::integer_or_list, 50), 1),
              at_least(parameter("noise_sd", Type::number, 0.5), 0), parameter("shifts", Type::number_list, {0, 3}),
              shape, parameter("seed", Type::integer, 42)},
             {}},
            {"file", "cells of a file", "", {parameter("path", Type::string, nullptr), column}, {}}};
        catalog.methods = {{"plain", "does nothing", "", {}, {}},
                           {"clusters",
                            "moves cells to clusters",
                            "First paragraph of the notes.\n\nSecond paragraph.",
                            {at_least(parameter("n_clusters", Type::integer, 100), 1),
                             at_least(parameter("n_iterations", Type::integer, 10), 1),
                             at_least(parameter("sigma", Type::number_or_list, 0.1), 0, true),
                             at_least(parameter("kernel_bandwidth", Type::number, 1.0), 0, true),
                             parameter("masked", Type::boolean, false), max_steps},
                            {at_least(parameter("learning_rate", Type::number, 0.001), 0, true),
                             at_least(parameter("steps", Type::integer, 100), 1)}}};
        catalog.metrics = {
            {"mixing", "mixing of batches", "", {at_least(parameter("n_neighbors", Type::integer, 10), 1)}, {}},
            {"shift", "shift of means", "", {}, {}}};
        catalog.checks = {{"gradient", "backward agrees with differences", "", {}, {}},
                          {"reference", "the reference agrees", "", {}, {}}};
        return catalog;
    }();
    return made;
}

inline Config config_from(const OrderedJson& json) { return make_config(json, "dir/test.json", small_catalog()); }

inline Config config_from_text(const std::string& text) { return config_from(parse_json(text, "test.json")); }

/// A valid config: one dataset `two_batch`, methods `Uncorrected` and `Harmony`.
inline OrderedJson small_config() {
    return parse_json(R"({"schema_version": 1, "name": "small",
        "datasets": [{"label": "two_batch", "type": "blobs"}],
        "methods": [{"label": "Uncorrected", "type": "plain"},
                    {"label": "Harmony", "type": "clusters", "seed": 0, "params": {"n_clusters": 20}}]})",
                      "small.json");
}

/// The small config with a value (JSON text) put at a JSON pointer.
inline OrderedJson changed(const std::string& pointer, const std::string& value) {
    OrderedJson json = small_config();
    json[OrderedJson::json_pointer(pointer)] = parse_json(value, "value");
    return json;
}

/// The faults of a config; none if it is valid.
inline std::vector<Fault> faults_of(const OrderedJson& json) {
    try {
        config_from(json);
        return {};
    } catch (const ConfigError& error) {
        return error.faults();
    }
}

struct FaultCase {
    std::string pointer;   // where the small config is changed
    std::string value;     // to what
    std::string fault_at;  // where the fault must be
    std::string message;   // the beginning of what it must say
};

/// Every case gives its one fault.
inline void check_cases(const std::vector<FaultCase>& cases) {
    for (const FaultCase& each : cases) {
        CAPTURE(each.pointer, each.value);
        const std::vector<Fault> faults = faults_of(changed(each.pointer, each.value));
        REQUIRE(faults.size() == 1);
        CHECK(faults[0].pointer == each.fault_at);
        CHECK(faults[0].message.substr(0, each.message.size()) == each.message);
    }
}

}  // namespace bcbench::test
