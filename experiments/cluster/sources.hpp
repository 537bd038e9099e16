// Results directories that are to be joined, as they were found.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "experiments/plan/plan.hpp"

namespace bcbench {

struct Source {
    std::filesystem::path directory;
    nlohmann::ordered_json manifest;
    std::set<std::string> points;  // ids with a point file
    std::unordered_map<std::string, std::vector<std::filesystem::path>>
        arrays;  // by id: embeddings, models and the like
    std::uint64_t n_taken = 0;

    /// A text of the manifest; "" if there is none.
    std::string text(const char* pointer) const;
};

/// The manifest of a results directory. Throws std::invalid_argument if there is none, or it is damaged.
nlohmann::ordered_json read_manifest_of(const std::filesystem::path& directory);

/// The plan of the run that wrote `manifest`, the text of `file`. Throws std::invalid_argument or ConfigError if it is
/// none.
std::shared_ptr<const Plan> plan_of_manifest(const nlohmann::ordered_json& manifest, const std::filesystem::path& file);

/// `directories`, and `out` last if it holds results already. Throws std::invalid_argument if one of them holds none,
/// or is `out`.
std::vector<Source> open_sources(const std::vector<std::filesystem::path>& directories,
                                 const std::filesystem::path& out);

/// Throws std::invalid_argument unless all sources are of one plan and, if they may not be mixed, of one program on one
/// kind of machine. Adds what a reader should know to `notes`.
void require_one_plan(const std::vector<Source>& sources, bool allow_mixed, std::vector<std::string>& notes);

}  // namespace bcbench
