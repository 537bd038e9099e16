// Dependencies point one way: the rules of the house, read off the #include lines.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

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

std::vector<fs::path> sources_under(const std::string& folder) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(std::string(BCBENCH_SOURCE_DIR) + "/" + folder)) {
        if (entry.path().extension() == ".cpp" || entry.path().extension() == ".hpp") files.push_back(entry.path());
    }
    REQUIRE(files.size() > 2);
    return files;
}

bool starts_with(const std::string& text, const std::string& start) { return text.rfind(start, 0) == 0; }

// Files of `folder` that include anything starting with one of `forbidden`, except their own header.
std::vector<std::string> offenders(const std::string& folder, const std::vector<std::string>& forbidden) {
    std::vector<std::string> found;
    for (const fs::path& file : sources_under(folder)) {
        for (const std::string& include : includes_of(file)) {
            for (const std::string& start : forbidden) {
                if (starts_with(include, start)) found.push_back(file.string() + " includes " + include);
            }
        }
    }
    return found;
}

}  // namespace

TEST_CASE("the engine knows no JSON, clock, printing or experiment", "[rules]") {
    REQUIRE(offenders("engine", {"experiments/", "nlohmann", "CLI", "chrono", "iostream", "print"}) ==
            std::vector<std::string>{});
}

TEST_CASE("metrics see no method, datasets no method or metric, references nothing of methods", "[rules]") {
    REQUIRE(offenders("engine/metrics", {"engine/methods/", "engine/datasets/"}) == std::vector<std::string>{});
    REQUIRE(offenders("engine/datasets", {"engine/methods/", "engine/metrics/"}) == std::vector<std::string>{});
    REQUIRE(offenders("engine/methods", {"engine/datasets/", "engine/metrics/", "engine/reference/"}) ==
            std::vector<std::string>{});
    REQUIRE(offenders("engine/reference", {"engine/methods/", "engine/mlp", "engine/linear", "engine/mmd",
                                           "engine/kernel"}) == std::vector<std::string>{});
}

TEST_CASE("a method includes no other method", "[rules]") {
    for (const fs::path& file : sources_under("engine/methods")) {
        const bool harmony = file.stem().string().find("harmony") != std::string::npos;
        for (const std::string& include : includes_of(file)) {
            if (!starts_with(include, "engine/methods/")) continue;
            INFO(file << " includes " << include);
            REQUIRE(
                (fs::path(include).stem() == file.stem() || (harmony && include.find("harmony") != std::string::npos)));
        }
    }
}

TEST_CASE("config and plan include nothing of the engine", "[rules]") {
    for (const fs::path& file : sources_under("experiments")) {
        const std::string stem = file.stem().string();
        if (!starts_with(stem, "config") && !starts_with(stem, "plan") && !starts_with(stem, "sweep") &&
            !starts_with(stem, "schema") && !starts_with(stem, "describe") && stem != "parameter") {
            continue;
        }
        for (const std::string& include : includes_of(file)) {
            INFO(file << " includes " << include);
            REQUIRE_FALSE(starts_with(include, "engine/"));
        }
    }
}

TEST_CASE("one place reads the clock", "[rules]") {
    for (const fs::path& file : sources_under("experiments")) {
        const std::string name = file.filename().string();
        if (name == "clock.hpp" || name == "provenance.cpp" || file.parent_path().filename() == "benchmarks") continue;
        for (const std::string& include : includes_of(file)) {
            INFO(file);
            REQUIRE(include != "chrono");
        }
    }
}
