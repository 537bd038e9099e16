// The points of an experiment: every dataset point with every method point, in the order of the config. Lazy:
// a plan of a million points costs nothing until a point is asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "experiments/catalog/catalog.hpp"
#include "experiments/config/config.hpp"

namespace bcbench {

constexpr std::uint64_t most_points_of_run = 10'000'000;  // of one run: their indices and records are held in memory

constexpr std::uint64_t most_checked_points = 100'000;

/// One run: a dataset, a method and everything that decides the numbers.
struct Point {
    std::string id;          // "two_batch.Harmony.n_iterations=5"; a function of the point alone, and a file name
    std::string dataset_id;  // the part of the dataset: "two_batch"; equal for points on the same data
    std::string dataset_label;
    std::string dataset_type;
    std::uint64_t dataset_seed = 0;
    nlohmann::json dataset_params;  // every parameter
    std::string method_label;
    std::string method_type;
    std::uint64_t method_seed = 0;
    nlohmann::json method_params;  // every parameter
    nlohmann::json train;          // every training key, or null: not trained
    std::string params;            // canonical JSON of what differs from the defaults or is swept; keys of training
                                   // start with "train.", those of a swept dataset with "dataset."
    std::string precision;
    std::string group;             // the id without its seeds: equal for points that differ in these alone
    nlohmann::ordered_json swept;  // names and values: {"dataset": {...}, "method": {...}}
    std::optional<std::string> excluded_reason;  // set: the point is not run
};

/// Datasets outermost; within a dataset its sweep, then its seeds; within each of these the methods likewise,
/// so that points on the same data follow each other.
class Plan {
  public:
    /// `catalog` must be the one the config was read with, and outlive the plan.
    Plan(Config config, const Catalog& catalog);

    std::uint64_t size() const { return datasets_.size() * methods_.size(); }

    /// Point `index` < size.
    Point at(std::uint64_t index) const;

    /// at(index).id, cheaper.
    std::string id_at(std::uint64_t index) const;

    const Config& config() const { return *config_; }

    /// The ids of the points that stand for their method where methods are compared: of every dataset point, method and
    /// seed the one whose swept parameters have their defaults, or else the first.
    std::set<std::string> base_points() const;

    /// Points whose ids are equal, naming the entries that make them; each pair of entries once. Plans of
    /// more than most_points_of_run are not searched.
    std::vector<Fault> duplicates() const;

    /// Values that are right one by one and not together, or not with the data: what makes a point fail before it is
    /// run. Each at its place in the config, once, with the number of points it concerns. Points that are excluded do
    /// not count; of large plans the first most_checked_points are looked at.
    std::vector<Fault> contradictions() const;

    /// What a reader should know, one line each: more points than most_points_of_run, or else rules of `exclude` that
    /// match no point.
    std::vector<std::string> notes() const;

  private:
    // One run of an entry: its swept values and its seed.
    struct Choice {
        std::size_t entry_index;
        const Entry* entry;
        const CatalogEntry* type;
        std::vector<Assignment> swept;
        std::uint64_t seed;
    };

    // The datasets or the methods, each with its sweep and seeds unrolled.
    struct Axis {
        std::string name;  // "datasets" or "methods"
        const std::vector<Entry>* entries;
        const std::vector<CatalogEntry>* types;
        std::vector<std::uint64_t> ends;  // number of choices up to and including each entry

        Axis(std::string axis_name, const std::vector<Entry>& axis_entries,
             const std::vector<CatalogEntry>& axis_types);
        std::uint64_t size() const { return ends.empty() ? 0 : ends.back(); }
        std::size_t entry_of(std::uint64_t index) const;
        Choice at(std::uint64_t index) const;
    };

    static bool has_defaults(const Choice& method, const std::set<std::string>& swept);
    static std::string id_part(const Choice& choice, bool with_seed = true);
    static nlohmann::ordered_json swept_values(const Choice& choice);
    static std::string params_text(const Choice& dataset, const Choice& method, const Point& point);
    Fault duplicate(std::uint64_t first, std::uint64_t second) const;
    const Exclusion* exclusion_of(const std::string& id) const;  // nullptr: it is run

    std::shared_ptr<const Config> config_;
    Axis datasets_;
    Axis methods_;
};

/// An id of at most 200 bytes is left as it is; of a longer one the first 180 bytes stay, followed by ~ and a
/// hash.
std::string bounded_id(const std::string& id);

/// Whether one of the comma-separated patterns matches the id (*, ? and [..] as in a shell), or the whole
/// text is it. Commas in brackets, or after a backslash, separate nothing.
bool selects(const std::string& patterns, const std::string& id);

/// Throws ConfigError unless `patterns`, the text of --only, is empty or selects some point of the plan.
void require_selection(const Plan& plan, const std::string& patterns);

}  // namespace bcbench
