#include "experiments/cluster/sources.hpp"

#include <stdexcept>

#include "experiments/catalog/catalog.hpp"
#include "experiments/config/config.hpp"
#include "experiments/system/files.hpp"
#include "experiments/text/canonical.hpp"
#include "experiments/text/json_reader.hpp"

namespace bcbench {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

namespace {

Source open_source(const fs::path& directory) {
    Source source{directory, read_manifest_of(directory), {}, {}};
    std::error_code error;
    for (fs::directory_iterator folder(directory, error), end; !error && folder != end; folder.increment(error)) {
        const std::string name = folder->path().filename().string();
        std::error_code ignored;
        if (name.starts_with(".") || !folder->is_directory(ignored)) continue;
        for (const fs::directory_entry& entry : fs::directory_iterator(folder->path())) {
            const std::string id = entry.path().stem().string();
            if (entry.path().filename().string().starts_with(".")) continue;
            if (name != "points")
                source.arrays[id].push_back(fs::path(name) / entry.path().filename());
            else if (entry.path().extension() == ".json")
                source.points.insert(id);
        }
    }
    return source;
}

// Where two configs differ first.
std::string first_difference(const ordered_json& one, const ordered_json& other) {
    const nlohmann::json changes = nlohmann::json::diff(nlohmann::json(one), nlohmann::json(other));
    return changes.empty() ? "nowhere" : changes[0].value("path", "");
}

}  // namespace

std::string Source::text(const char* pointer) const {
    const ordered_json value = manifest.value(ordered_json::json_pointer(pointer), ordered_json());
    return value.is_string() ? value.get<std::string>() : "";
}

ordered_json read_manifest_of(const fs::path& directory) {
    std::error_code error;
    const fs::path file = directory / "manifest.json";
    if (!fs::is_directory(directory, error)) throw std::invalid_argument(directory.string() + " is no directory");
    if (!fs::exists(file, error)) {
        throw std::invalid_argument(directory.string() +
                                    " has no manifest.json: it holds no results, or was copied only in part");
    }
    ordered_json manifest = parse_json(read_file(file), file.string(), most_result_bytes);
    if (!manifest.is_object() || !manifest.contains("config") || !manifest.contains("config_hash"))
        throw std::invalid_argument(file.string() + " is no manifest of a run");
    return manifest;
}

std::shared_ptr<const Plan> plan_of_manifest(const ordered_json& manifest, const fs::path& file) {
    OrderedJson config = manifest.at("config");
    config.erase("expected");  // a path from where the config stood; the manifest itself holds the values
    return std::make_shared<const Plan>(make_config(std::move(config), file, catalog()), catalog());
}

std::vector<Source> open_sources(const std::vector<fs::path>& directories, const fs::path& out) {
    std::vector<Source> sources;
    std::error_code error;
    for (const fs::path& directory : directories) {
        if (fs::equivalent(directory, out, error)) {
            throw std::invalid_argument(directory.string() +
                                        " is also where the results go: what --out holds takes part anyway");
        }
        sources.push_back(open_source(directory));
    }
    if (fs::exists(out / "manifest.json", error)) sources.push_back(open_source(out));
    return sources;
}

void require_one_plan(const std::vector<Source>& sources, bool allow_mixed, std::vector<std::string>& notes) {
    const Source& first = sources.front();
    std::set<std::string> processors;
    for (const Source& source : sources) {
        const std::string both = first.directory.string() + " and " + source.directory.string();
        if (source.text("/config_hash") != first.text("/config_hash")) {
            throw std::invalid_argument(both + " are of different configs; they differ at " +
                                        first_difference(first.manifest["config"], source.manifest["config"]));
        }
        processors.insert(source.text("/machine/cpu"));
        if (source.text("/program/hash") != first.text("/program/hash")) {
            const bool same_program = source.text("/program/version") == first.text("/program/version") &&
                                      source.text("/program/git_commit") == first.text("/program/git_commit") &&
                                      source.manifest.value("/build/flags"_json_pointer, ordered_json()) ==
                                          first.manifest.value("/build/flags"_json_pointer, ordered_json());
            const std::string what =
                same_program ? both + " were computed on different kinds of machines (" + first.text("/build/blas") +
                                   " on " + first.text("/machine/cpu") + "; " + source.text("/build/blas") + " on " +
                                   source.text("/machine/cpu") + "), or by different builds: last bits may differ"
                             : both + " were computed by different programs (" + first.text("/program/git_commit") +
                                   "; " + source.text("/program/git_commit") + ")";
            if (!allow_mixed) throw std::invalid_argument(what + "; --allow-mixed merges them all the same");
            notes.push_back(what);
        }
        if (source.text("/finished").empty())
            notes.push_back(source.directory.string() + ": its run has not come to its end");
    }
    if (processors.size() > 1)
        notes.push_back("the times come from several kinds of processors, and do not compare: " +
                        join(ordered_json(processors), ", "));
}

}  // namespace bcbench
