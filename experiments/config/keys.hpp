// Every key a config may hold, declared once: parsing, overrides and the JSON Schema all read these tables.
#pragma once

#include <string>
#include <vector>

#include "experiments/catalog/catalog.hpp"
#include "experiments/catalog/parameter.hpp"

namespace bcbench {

/// A key whose value is an object or a list with a shape of its own.
struct Section {
    std::string name;
    std::string help;
    bool required = false;
};

/// An object of a config: plain values, and sections that have a reader of their own.
struct Block {
    std::vector<Parameter> values;
    std::vector<Section> sections;
};

const Block& config_block();   // the config itself
const Block& dataset_block();  // an element of `datasets`
const Block& method_block();   // an element of `methods`
const Block& metric_block();   // an element of `metrics` that is no plain name
const Block& timing_block();
const Block& outputs_block();
const Block& limits_block();
const Block& tolerance_block();  // a value of `tolerances`
const Block& exclusion_block();  // an element of `exclude`
const Block& sweep_block();      // a sweep, or an element of a list of sweeps
const Block& random_block();     // `random` in a sweep

/// The keys of a block, values first.
std::vector<std::string> key_names(const Block& block);

std::vector<std::string> names_of(const std::vector<Parameter>& parameters);
std::vector<std::string> names_of(const std::vector<CatalogEntry>& entries);
const Parameter* find_parameter(const std::vector<Parameter>& parameters, const std::string& name);

/// A seed as a parameter: integers from 0, default as given by the entry's parameter `seed`, else 0.
Parameter seed_parameter(const CatalogEntry& entry);

/// The parameters that stand in `params`: all of the entry's but `seed`, which stands beside them.
std::vector<Parameter> own_parameters(const CatalogEntry& entry);

}  // namespace bcbench
