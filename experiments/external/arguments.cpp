#include "experiments/external/arguments.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "experiments/text/canonical.hpp"

namespace bcbench::external {

namespace fs = std::filesystem;

namespace {

// Calls text(part) and placeholder(name) for the parts of an argument in turn; what is wrong with it, if anything.
template <class Text, class Placeholder>
std::optional<std::string> split(const std::string& argument, const Text& text, const Placeholder& placeholder) {
    for (std::size_t at = 0; at < argument.size();) {
        const char character = argument[at];
        const bool doubled = at + 1 < argument.size() && argument[at + 1] == character;
        if (character == '}' && !doubled) return "has a } without its {; a brace that is meant so is }}";
        if ((character == '{' || character == '}') && doubled) {
            text(std::string(1, character));
            at += 2;
        } else if (character == '{') {
            const std::size_t end = argument.find('}', at);
            if (end == std::string::npos) return "has a { without its }; a brace that is meant so is {{";
            placeholder(argument.substr(at + 1, end - at - 1));
            at = end + 1;
        } else {
            const std::size_t end = std::min(argument.find_first_of("{}", at), argument.size());
            text(argument.substr(at, end - at));
            at = end;
        }
    }
    return std::nullopt;
}

bool names(const std::string& argument, const std::string& wanted) {
    bool found = false;
    split(
        argument, [](const std::string&) {}, [&](const std::string& name) { found |= name == wanted; });
    return found;
}

}  // namespace

void resolve_files(std::vector<std::string>& command, const fs::path& directory, std::vector<fs::path>& files) {
    for (std::size_t i = 0; i < command.size(); ++i) {
        const fs::path path = command[i];
        if (path.empty() || (i == 0 && !path.has_parent_path())) continue;
        std::error_code error;
        const fs::path whole = fs::absolute(directory / path).lexically_normal();
        if (!fs::is_regular_file(whole, error)) continue;
        // a program given by its whole path is the machine's, as /bin/sh
        if (i > 0 || path.is_relative()) files.push_back(whole);
        command[i] = whole.string();
    }
}

std::optional<std::string> placeholder_fault(const std::string& argument, const std::vector<Parameter>& parameters) {
    std::optional<std::string> unknown;
    const auto wrong = split(
        argument, [](const std::string&) {},
        [&](const std::string& name) {
            static const std::vector<std::string> known = {"input", "output", "seed", "threads"};
            const auto is_this = [&](const Parameter& parameter) { return parameter.name == name; };
            if (std::count(known.begin(), known.end(), name) == 0 &&
                std::none_of(parameters.begin(), parameters.end(), is_this))
                unknown = "has {" + name +
                          "}, which is neither input, output, seed, threads nor a declared parameter; "
                          "a brace that is meant so is {{";
        });
    return wrong ? wrong : unknown;
}

std::vector<std::string> filled(const std::vector<std::string>& command,
                                const std::map<std::string, std::string>& values) {
    std::vector<std::string> result;
    for (const std::string& argument : command) {
        std::string& made = result.emplace_back();
        const auto wrong = split(
            argument, [&](const std::string& text) { made += text; },
            [&](const std::string& name) { made += values.at(name); });
        if (wrong) throw std::invalid_argument("the command " + *wrong);
    }
    const bool names_folders = std::any_of(command.begin(), command.end(), [](const std::string& argument) {
        return names(argument, "input") || names(argument, "output");
    });
    if (!names_folders) {
        result.push_back(values.at("input"));
        result.push_back(values.at("output"));
    }
    return result;
}

std::optional<fs::path> find_program(const std::string& name) {
    if (name.find('/') != std::string::npos) {
        return access(name.c_str(), X_OK) == 0 ? std::optional(fs::absolute(name)) : std::nullopt;
    }
    const char* variable = std::getenv("PATH");
    const std::string directories = variable != nullptr ? variable : "/usr/local/bin:/usr/bin:/bin";
    for (std::size_t start = 0; start <= directories.size();) {
        const std::size_t end = std::min(directories.find(':', start), directories.size());
        const fs::path candidate = fs::path(directories.substr(start, end - start)) / name;
        std::error_code error;
        if (end > start && fs::is_regular_file(candidate, error) && access(candidate.c_str(), X_OK) == 0)
            return fs::absolute(candidate);
        start = end + 1;
    }
    return std::nullopt;
}

std::vector<std::string> environment(const std::vector<std::string>& further, unsigned threads,
                                     const fs::path& temporary) {
    std::vector<std::string> handed_on = {"PATH",
                                          "HOME",
                                          "USER",
                                          "LANG",
                                          "LC_ALL",
                                          "LC_CTYPE",
                                          "TZ",
                                          "VIRTUAL_ENV",
                                          "CONDA_PREFIX",
                                          "PYTHONPATH",
                                          "R_HOME",
                                          "R_LIBS",
                                          "R_LIBS_USER",
                                          "R_LIBS_SITE",
                                          "JULIA_DEPOT_PATH",
                                          "LD_LIBRARY_PATH",
                                          "CUDA_VISIBLE_DEVICES"};
    handed_on.insert(handed_on.end(), further.begin(), further.end());
    std::vector<std::string> result;
    for (const std::string& name : handed_on) {
        const char* value = std::getenv(name.c_str());
        if (value != nullptr) result.push_back(name + "=" + value);
    }
    for (const char* name : {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
                             "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"})
        result.push_back(std::string(name) + "=" + std::to_string(threads));
    result.push_back("TMPDIR=" + temporary.string());
    result.push_back("PYTHONHASHSEED=0");
    result.push_back("PYTHONDONTWRITEBYTECODE=1");
    return result;
}

std::string typed(const std::vector<std::string>& command) {
    std::string text;
    for (const std::string& argument : command) {
        const bool is_plain = !argument.empty() && argument.find_first_of(" \t\n'\"\\$") == std::string::npos;
        text += (text.empty() ? "" : " ") + (is_plain ? argument : nlohmann::json(argument).dump());
    }
    return text;
}

}  // namespace bcbench::external
