// The command line of a method: files it names, placeholders filled in, the program found.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "experiments/catalog/parameter.hpp"

namespace bcbench::external {

/// Makes those arguments absolute that name a regular file relative to `directory`, and adds all files so named to
/// `files`. A program without a slash is looked for in $PATH instead.
void resolve_files(std::vector<std::string>& command, const std::filesystem::path& directory,
                   std::vector<std::filesystem::path>& files);

/// What is wrong with the placeholders of an argument, if anything. `{{` and `}}` are braces.
std::optional<std::string> placeholder_fault(const std::string& argument, const std::vector<Parameter>& parameters);

/// The command with its placeholders filled in; {input} and {output} follow as last arguments if neither is named.
std::vector<std::string> filled(const std::vector<std::string>& command,
                                const std::map<std::string, std::string>& values);

/// The program as an absolute path: a name without a slash is looked for in $PATH. Nothing if there is none.
std::optional<std::filesystem::path> find_program(const std::string& name);

/// The variables that a method gets: a short list of the program's own, `further` ones, and threads of numerical
/// libraries, temporary files and hashes as they have to be.
std::vector<std::string> environment(const std::vector<std::string>& further, unsigned threads,
                                     const std::filesystem::path& temporary);

/// The command as it would be typed, for people: arguments with blanks in quotes.
std::string typed(const std::vector<std::string>& command);

}  // namespace bcbench::external
