// A config as plain data: what an experiment runs, checked against the catalog and with every default filled
// in.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "experiments/catalog/catalog.hpp"
#include "experiments/config/sweep.hpp"
#include "experiments/text/fault.hpp"
#include "experiments/text/json_reader.hpp"

namespace bcbench {

/// One dataset or method of a config.
struct Entry {
    std::string label;
    std::string type;  // a name of the catalog
    std::string purpose;
    std::vector<std::uint64_t> seeds;  // one or more
    bool lists_seeds = false;          // written as "seeds", a list that may grow: ids name the seed
    nlohmann::json params;             // every parameter but `seed`, defaults filled in; swept ones may be missing
    nlohmann::json train;              // likewise; null: the method is not trained
    Sweep sweep;
    std::shared_ptr<const CatalogEntry> declared = nullptr;  // the type with what this entry declares; mostly none
};

struct MetricEntry {
    std::string name;  // as in results: the type, or "type(n_neighbors=30)" where a parameter is not default
    std::string type;
    nlohmann::json params;  // every parameter, defaults filled in
};

struct Timing {
    std::uint64_t warmup = 0;
    std::uint64_t repeats = 1;
};

struct Outputs {
    bool embeddings = false;
    bool projections = true;
    bool h5ad = false;
    bool per_cell = false;

    /// Whether the corrected cells of each point stay: what goes into .h5ad files is put together from them.
    bool keeps_embeddings() const { return embeddings || h5ad; }
};

/// Per point; none: no limit.
struct Limits {
    std::optional<double> max_seconds;
    std::optional<std::uint64_t> max_memory_bytes;
};

struct Tolerance {
    double absolute = 0;
    double relative = 0;
};

struct Exclusion {
    std::string match;  // pattern on point ids
    std::string reason;
};

struct Config {
    std::filesystem::path file;  // as given; paths in the config are relative to its directory
    std::string name;
    std::string purpose;
    std::string precision;  // "float64", "float32" or "tf32"
    std::vector<Entry> datasets;
    std::vector<Entry> methods;
    std::vector<MetricEntry> metrics;
    std::vector<std::string> checks;
    Timing timing;
    Outputs outputs;
    std::optional<std::filesystem::path> expected;  // resolved against the directory of the config
    Limits limits;
    std::map<std::string, Tolerance> tolerances;  // by metric
    std::vector<Exclusion> exclude;
    OrderedJson source;           // the config as written, overrides applied
    bool allow_commands = false;  // the user lets it run programs; said beside the config, never in it
};

/// Reads a config, applies overrides (see override.hpp) in order and checks it.
/// Throws ConfigError with every fault there is.
Config read_config(const std::filesystem::path& file, const Catalog& catalog,
                   const std::vector<std::string>& overrides = {});

/// The same for a config in memory; `file` names it in messages and places its relative paths.
Config make_config(OrderedJson source, const std::filesystem::path& file, const Catalog& catalog);

/// The metrics of a list as a config has it under `metrics`: names of metrics and presets, and objects with type and
/// params. Throws ConfigError with every fault; `origin` stands for the list in its messages.
std::vector<MetricEntry> make_metrics(const OrderedJson& list, const std::string& origin, const Catalog& catalog);

/// The config as JSON with defaults filled in: a valid config with the same points.
OrderedJson with_defaults(const Config& config);

/// What is wrong with a label or experiment name, if anything: 1 to 80 bytes of UTF-8 without control
/// characters, slashes, a leading dot, or spaces at either end, so that it can be a file name.
std::optional<std::string> label_fault(const std::string& label);

}  // namespace bcbench
