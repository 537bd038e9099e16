// What the user says of a method of theirs: the command, its parameters, what it needs, what decides its values. It
// stands in the `params` of the config, or in a small JSON file beside the script.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "experiments/catalog/catalog.hpp"
#include "experiments/catalog/parameter.hpp"

namespace bcbench::external {

constexpr int contract_version = 1;

struct Declaration {
    std::string summary;
    /// The program and its arguments. Those that name files beside the config are absolute paths; placeholders stand as
    /// they were written.
    std::vector<std::string> command;
    std::vector<Parameter> parameters;         // of the method itself
    bool needs_types = false;                  // the cells' types are handed out
    std::uint64_t needs_batches = 1;           // with fewer the method does not apply
    bool needs_float64 = false;                // cells are handed out as float64 instead of float32
    std::vector<std::filesystem::path> files;  // whose content decides the values
    std::vector<std::string> version_command;  // prints what else decides them; may be empty
    std::vector<std::string> environment;      // further variables that are handed on
    bool vjp = false;                          // the command offers --vjp
    std::vector<ParameterFault> faults;        // what is wrong with it, at "params"
};

/// The parameters of the method `command` that say what is run; its others are declared.
const std::vector<Parameter>& command_parameters();

/// Reads the declaration that `params`, as they stand in a config in `directory`, hold or lead to. What is wrong is in
/// `faults`; nothing is run.
Declaration read_declaration(const nlohmann::json& params, const std::filesystem::path& directory);

/// The declaration in a file of its own as an entry for `describe`. Throws ConfigError if it cannot be read or is
/// wrong.
CatalogEntry described_declaration(const std::filesystem::path& file);

}  // namespace bcbench::external
