// What exists: datasets, methods, metrics and checks with their parameters, as plain data without engine types.
#pragma once

#include <string>
#include <vector>

#include "experiments/catalog/parameter.hpp"
#include "experiments/catalog/score.hpp"

namespace bcbench {

struct CatalogEntry {
    std::string name;
    std::string summary;                // one line
    std::string notes;                  // paragraphs for `describe`; may be empty
    std::vector<Parameter> parameters;  // in the order `describe` prints them
    std::vector<Parameter> training;    // keys of the method's `train` block; empty: the method cannot be trained
    std::vector<ScoreRow> rows = {};    // of metrics.csv, that it gives for every dataset
};

struct Catalog {
    std::vector<CatalogEntry> datasets;
    std::vector<CatalogEntry> methods;
    std::vector<CatalogEntry> metrics;
    std::vector<CatalogEntry> checks;
};

/// The catalog of this program, made from the tables of datasets, methods, metrics and checks.
const Catalog& catalog();

/// The entry called `name`, or nullptr.
const CatalogEntry* find_entry(const std::vector<CatalogEntry>& entries, const std::string& name);

}  // namespace bcbench
