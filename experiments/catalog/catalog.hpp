// What exists: datasets, methods, metrics and checks with their parameters, as plain data without engine types.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "experiments/catalog/parameter.hpp"
#include "experiments/catalog/score.hpp"

namespace bcbench {

/// Further parameters of an entry of a config, and what is wrong with their declaration.
struct DeclaredParameters {
    std::vector<Parameter> parameters;
    std::vector<ParameterFault> faults;
};

struct CatalogEntry {
    std::string name;
    std::string summary;                   // one line
    std::string notes;                     // paragraphs for `describe`; may be empty
    std::vector<Parameter> parameters;     // in the order `describe` prints them
    std::vector<Parameter> training = {};  // keys of the method's `train` block; empty: the method cannot be trained
    std::vector<ScoreRow> rows = {};       // of metrics.csv, that it gives for every dataset
    /// What is wrong with values that are right one by one, alone or for data of this shape; empty: nothing can be.
    std::function<std::vector<ParameterFault>(const nlohmann::json& params, const nlohmann::json& train,
                                              const DataShape* data)>
        faults = {};
    /// Of a dataset: the size that parameters without faults give it, if they tell. Empty: they never do.
    std::function<std::optional<DataShape>(const nlohmann::json& params)> shape = {};
    /// Of a method that others write: the parameters that it declares, from `params` as they stand in a config in this
    /// directory. They join `parameters`. Empty: it has none.
    std::function<DeclaredParameters(const nlohmann::json& params, const std::filesystem::path& config_directory)>
        declare = {};
};

/// A set of metrics under one name, with their default parameters.
struct Preset {
    std::string name;
    std::string summary;
    std::vector<std::string> metrics;
};

struct Catalog {
    std::vector<CatalogEntry> datasets;
    std::vector<CatalogEntry> methods;
    std::vector<CatalogEntry> metrics;
    std::vector<CatalogEntry> checks;
    std::vector<Preset> presets = {};  // the first is what a config without metrics gets; none: all metrics
};

/// The catalog of this program (bindings/catalog.cpp makes it from the tables).
const Catalog& catalog();

/// The entry called `name`, or nullptr.
const CatalogEntry* find_entry(const std::vector<CatalogEntry>& entries, const std::string& name);

}  // namespace bcbench
