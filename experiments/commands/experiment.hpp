// The commands on a config: `bcbench run`, `plan`, `validate` and `gradcheck`.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "experiments/config/config.hpp"

namespace bcbench {

struct ConfigArguments {
    std::string config;
    std::vector<std::string> configs;
    std::vector<std::string> overrides;
    std::string only;
    std::string points_file;
    std::string shard;
    std::string timings;
    std::string save;
    std::string format = "text";
    std::string out;
    std::string on_error = "continue";
    unsigned jobs = 1;
    unsigned threads = std::max(1U, std::thread::hardware_concurrency());
    bool fresh = false;
    bool resume = true;  // what happens without --fresh
    bool quiet = false;
    bool profile = false;
    bool allow_commands = false;
    bool every_seed = false;
    double step = 0.0;
    unsigned coordinates = 20;
    bool steps = false;
    bool cooperate = false;
    double stale_after = 120.0;
};

void add_run_options(CLI::App& command, ConfigArguments& arguments);
void add_plan_options(CLI::App& command, ConfigArguments& arguments);
void add_validate_options(CLI::App& command, ConfigArguments& arguments);
void add_gradcheck_options(CLI::App& command, ConfigArguments& arguments);

void add_allow_commands(CLI::App& command, ConfigArguments& arguments);
void add_format_option(CLI::App& command, std::string& format);

/// The config that the arguments name, with what they override and allow. Throws ConfigError.
Config config_of(const ConfigArguments& arguments);

int run_command(const ConfigArguments& arguments);
int plan_command(const ConfigArguments& arguments);
int validate_command(const ConfigArguments& arguments);
int gradcheck_command(const ConfigArguments& arguments);

}  // namespace bcbench
