// What helps to write a method of one's own: a template, and a check of the contract.
#pragma once

#include <string>

#include "experiments/config/config.hpp"

namespace bcbench {

/// Writes NAME.py, NAME.json and NAME.config.json into the current directory; says so on stdout. Throws FileError if
/// one of them is there, std::invalid_argument if the name cannot be one.
void new_method(const std::string& name);

/// Runs every command of the config on three small datasets, one with a single batch, with two seeds, and one of them
/// twice; prints what breaks the contract. Whether nothing does. Throws ConfigError if there is no command, or none may
/// be run.
bool check_methods(const Config& config);

}  // namespace bcbench
