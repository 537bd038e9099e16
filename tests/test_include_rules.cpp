// Dependencies point one way: the rules of the house, read off the #include lines.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

// The rooms, and which others each may include; a room always includes itself. A folder inside a room (a method's own)
// belongs to it.
const std::map<std::string, std::set<std::string>> may_include = {
    {"engine/core", {}},
    {"engine/io", {"engine/core"}},
    {"engine/linear", {"engine/core"}},
    {"engine/neighbors", {"engine/core"}},
    {"engine/kernels", {"engine/core", "engine/linear"}},
    {"engine/gradients", {"engine/core"}},
    {"engine/networks", {"engine/core", "engine/linear", "engine/gradients"}},
    {"engine/training", {"engine/core", "engine/io", "engine/linear", "engine/kernels", "engine/networks"}},
    {"engine/methods",
     {"engine/core", "engine/linear", "engine/neighbors", "engine/kernels", "engine/gradients", "engine/networks",
      "engine/training"}},
    {"engine/metrics", {"engine/core", "engine/linear", "engine/neighbors", "engine/kernels"}},
    {"engine/datasets", {"engine/core", "engine/io", "engine/linear"}},
    {"engine/preprocess", {"engine/core", "engine/linear"}},
    {"engine/reference", {"engine/core"}},
    {"experiments/text", {"engine/core", "engine/io"}},
    {"experiments/catalog", {"engine/core", "experiments/text"}},
    {"experiments/config",
     {"engine/core", "engine/io", "experiments/text", "experiments/catalog", "experiments/system"}},
    {"experiments/system", {"engine/linear", "experiments/text"}},
    {"experiments/h5ad", {"engine/core", "engine/io", "experiments/text", "experiments/system"}},
    {"experiments/external",
     {"engine/core", "engine/io", "experiments/text", "experiments/catalog", "experiments/system"}},
    {"experiments/bindings", {"engine", "experiments/catalog", "experiments/h5ad", "experiments/external"}},
    {"experiments/plan",
     {"engine/core", "experiments/text", "experiments/catalog", "experiments/config", "experiments/bindings"}},
    {"experiments/results",
     {"engine/core", "engine/io", "experiments/text", "experiments/catalog", "experiments/config", "experiments/plan",
      "experiments/system"}},
    {"experiments/checks",
     {"engine", "experiments/text", "experiments/catalog", "experiments/config", "experiments/plan",
      "experiments/bindings", "experiments/system", "experiments/results"}},
    {"experiments/run",
     {"engine", "experiments/text", "experiments/catalog", "experiments/config", "experiments/plan",
      "experiments/bindings", "experiments/system", "experiments/results", "experiments/checks"}},
    {"experiments/cluster",
     {"engine/core", "experiments/text", "experiments/catalog", "experiments/config", "experiments/plan",
      "experiments/bindings", "experiments/system", "experiments/results", "experiments/checks", "experiments/run"}},
    {"experiments/compare",
     {"experiments/text", "experiments/catalog", "experiments/config", "experiments/plan", "experiments/system",
      "experiments/results"}},
    {"experiments/commands", {"engine", "experiments"}},
    {"experiments/benchmarks", {"engine", "experiments/system"}},
    {"experiments/python",
     {"engine", "experiments/text", "experiments/catalog", "experiments/config", "experiments/bindings",
      "experiments/system", "experiments/run"}},
};

std::vector<std::string> includes_of(const fs::path& file) {
    std::ifstream stream(file);
    std::vector<std::string> includes;
    for (std::string line; std::getline(stream, line);) {
        if (line.rfind("#include", 0) != 0) continue;
        const std::size_t start = line.find_first_of("<\"") + 1;
        includes.push_back(line.substr(start, line.find_first_of(">\"", start) - start));
    }
    return includes;
}

// Sources below `folder`, relative to the project.
std::vector<std::string> sources_under(const std::string& folder) {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(std::string(BCBENCH_SOURCE_DIR) + "/" + folder)) {
        if (entry.path().extension() == ".cpp" || entry.path().extension() == ".hpp") {
            files.push_back(fs::relative(entry.path(), BCBENCH_SOURCE_DIR).string());
        }
    }
    std::sort(files.begin(), files.end());
    REQUIRE(files.size() > 1);
    return files;
}

std::string path_of(const std::string& file) { return std::string(BCBENCH_SOURCE_DIR) + "/" + file; }

bool starts_with(const std::string& text, const std::string& start) { return text.rfind(start, 0) == 0; }

// "engine/core" of "engine/core/types.hpp"; empty for a file of no room.
std::string room_of(const std::string& file) {
    const std::size_t first = file.find('/');
    const std::size_t second = first == std::string::npos ? first : file.find('/', first + 1);
    return second == std::string::npos ? "" : file.substr(0, second);
}

bool is_allowed(const std::string& room, const std::string& included) {
    const auto rule = may_include.find(room);
    if (rule == may_include.end()) return false;
    return room == included || std::any_of(rule->second.begin(), rule->second.end(), [&](const std::string& allowed) {
               return included == allowed || starts_with(included, allowed + "/");
           });
}

// "engine/methods/mmd_autoencoder" of a file in a method's folder.
std::string method_of(const std::string& file) { return fs::path(file).parent_path().string(); }

}  // namespace

TEST_CASE("every room includes only the rooms below it", "[rules]") {
    std::vector<std::string> offenders;
    for (const char* floor : {"engine", "experiments"}) {
        for (const std::string& file : sources_under(floor)) {
            const std::string room = room_of(file);
            if (room.empty()) continue;  // main.cpp
            if (may_include.count(room) == 0) offenders.push_back(file + " stands in a room without a rule");
            for (const std::string& include : includes_of(path_of(file))) {
                const std::string included = room_of(include);
                const bool is_ours = starts_with(include, "engine/") || starts_with(include, "experiments/");
                if (is_ours && !is_allowed(room, included)) offenders.push_back(file + " includes " + include);
            }
        }
    }
    CHECK(offenders == std::vector<std::string>{});
}

TEST_CASE("the rules have no cycle", "[rules]") {
    std::map<std::string, std::set<std::string>> left = may_include;
    while (!left.empty()) {
        const auto free = std::find_if(left.begin(), left.end(), [&](const auto& rule) {
            return std::none_of(left.begin(), left.end(), [&](const auto& other) {
                return other.first != rule.first && is_allowed(rule.first, other.first);
            });
        });
        REQUIRE(free != left.end());
        left.erase(free);
    }
}

TEST_CASE("the engine knows no JSON, clock or printing", "[rules]") {
    for (const std::string& file : sources_under("engine")) {
        for (const std::string& include : includes_of(path_of(file))) {
            INFO(file << " includes " << include);
            for (const char* forbidden : {"nlohmann", "CLI", "chrono", "iostream", "print", "hdf5"}) {
                CHECK_FALSE(starts_with(include, forbidden));
            }
        }
    }
}

TEST_CASE("a method includes no other method, nor does its binding", "[rules]") {
    for (const std::string& file : sources_under("engine/methods")) {
        for (const std::string& include : includes_of(path_of(file))) {
            INFO(file << " includes " << include);
            CHECK((!starts_with(include, "engine/methods/") || method_of(include) == method_of(file)));
        }
    }
    for (const std::string& file : sources_under("experiments/bindings/methods")) {
        std::set<std::string> bound;
        for (const std::string& include : includes_of(path_of(file))) {
            if (starts_with(include, "engine/methods/")) bound.insert(method_of(include));
        }
        INFO(file);
        CHECK(bound.size() <= 1);
    }
}

TEST_CASE("one place reads the clock", "[rules]") {
    for (const std::string& file : sources_under("experiments")) {
        if (file == "experiments/system/clock.hpp" || file == "experiments/system/provenance.cpp" ||
            room_of(file) == "experiments/benchmarks")
            continue;
        for (const std::string& include : includes_of(path_of(file))) {
            INFO(file);
            CHECK(include != "chrono");
        }
    }
}

TEST_CASE("no room is crowded", "[rules]") {
    std::map<std::string, std::set<std::string>> units;
    for (const char* floor : {"engine", "experiments", "tests"}) {
        for (const std::string& file : sources_under(floor)) {
            const fs::path path(file);
            units[path.parent_path().string()].insert(path.stem().string());
        }
    }
    for (const auto& [folder, stems] : units) {
        INFO(folder << " has " << stems.size() << " units");
        CHECK(stems.size() <= 18);  // a pair of header and source counts once
    }
}
