#include "experiments/commands/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <clocale>
#include <iostream>
#include <utility>

#include "experiments/catalog/catalog.hpp"
#include "experiments/catalog/describe.hpp"
#include "experiments/commands/cluster.hpp"
#include "experiments/commands/compare.hpp"
#include "experiments/commands/experiment.hpp"
#include "experiments/commands/inspect.hpp"
#include "experiments/commands/own_method.hpp"
#include "experiments/commands/score.hpp"
#include "experiments/config/config.hpp"
#include "experiments/config/schema.hpp"
#include "experiments/external/declaration.hpp"
#include "experiments/run/run.hpp"
#include "experiments/system/provenance.hpp"

namespace bcbench {

namespace {

struct Arguments {
    std::string name;
    std::string format = "text";
    ConfigArguments config;
    CompareArguments compare;
    ScoreArguments score;
    MergeArguments merge;
    StatusArguments status;
};

// The catalog in which `name` is to be looked up: of a declaration in a file one with the method that it declares.
std::pair<Catalog, std::string> described(const std::string& name) {
    if (!name.ends_with(".json")) return {catalog(), name};
    const CatalogEntry entry = external::described_declaration(name);
    return {Catalog{{}, {entry}, {}, {}}, entry.name};
}

int dispatch(CLI::App& app, Arguments& arguments, int argc, char** argv) {
    app.require_subcommand(1);
    app.set_version_flag("--version", "bcbench " + program_version());
    app.set_help_all_flag("--help-all", "help on every command");
    app.footer(
        "Exit codes: 0 all good, 1 a regression or failed check, 2 usage or config error, 3 points failed or missing, "
        "4 not comparable.");

    CLI::App* run = app.add_subcommand("run", "run every point of a config into a results directory");
    add_run_options(*run, arguments.config);
    CLI::App* plan = app.add_subcommand("plan", "print the points that run would execute: id, label, parameters");
    add_plan_options(*plan, arguments.config);
    CLI::App* validate = app.add_subcommand("validate", "check configs and print every fault with its place");
    add_validate_options(*validate, arguments.config);
    CLI::App* gradcheck = app.add_subcommand(
        "gradcheck", "gradients of every differentiable method against finite differences, in float64");
    add_gradcheck_options(*gradcheck, arguments.config);
    CLI::App* list_command = app.add_subcommand("list", "datasets, methods, metrics and checks there are");
    list_command->add_option("kind", arguments.name, "datasets, methods, metrics or checks (default: all)");
    add_format_option(*list_command, arguments.format);
    CLI::App* describe_command =
        app.add_subcommand("describe", "what a dataset, method, metric or check does, and its parameters");
    describe_command
        ->add_option("name", arguments.name, "its name, as in a config, or a file that declares a method (mine.json)")
        ->required();
    add_format_option(*describe_command, arguments.format);
    CLI::App* compare =
        app.add_subcommand("compare", "compare two results directories: what became better, worse, missing");
    add_compare_options(*compare, arguments.compare);
    CLI::App* score =
        app.add_subcommand("score", "the metrics of an embedding with its labels, from files, without a config");
    add_score_options(*score, arguments.score);
    CLI::App* inspect_command =
        app.add_subcommand("inspect", "what is in a data file, and a config that would run on it");
    inspect_command->add_option("file", arguments.name, "file (.h5ad, .csv, .tsv, .npy, .mtx) or 10x folder")
        ->required();
    CLI::App* merge = app.add_subcommand("merge", "join results directories of one config; computes nothing");
    add_merge_options(*merge, arguments.merge);
    CLI::App* status = app.add_subcommand("status", "how many points are done, running, failed, missing");
    add_status_options(*status, arguments.status);
    CLI::App* new_method_command = app.add_subcommand(
        "new-method", "write a method of your own to start from: NAME.py, NAME.json, NAME.config.json");
    new_method_command->add_option("name", arguments.name, "its name: letters, digits and _")->required();
    CLI::App* check_method_command = app.add_subcommand(
        "check-method", "run the commands of a config on three small datasets and say what breaks the contract");
    check_method_command->add_option("config", arguments.config.config, "experiment config (JSON)")->required();
    add_allow_commands(*check_method_command, arguments.config);
    CLI::App* schema_command = app.add_subcommand("schema", "print the JSON Schema of configs");

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? exit_ok : exit_usage;
    }
    if (run->parsed()) return run_command(arguments.config);
    if (plan->parsed()) return plan_command(arguments.config);
    if (gradcheck->parsed()) return gradcheck_command(arguments.config);
    if (validate->parsed()) return validate_command(arguments.config);
    const bool json = arguments.format == "json";
    if (list_command->parsed())
        std::cout << (json ? list_json(catalog(), arguments.name) : list_text(catalog(), arguments.name));
    if (compare->parsed()) return compare_command(arguments.compare);
    if (score->parsed()) return score_command(*score, arguments.score);
    if (merge->parsed()) return merge_command(arguments.merge);
    if (status->parsed()) return status_command(arguments.status);
    if (inspect_command->parsed()) std::cout << inspect_text(arguments.name);
    if (describe_command->parsed()) {
        const auto [entries, name] = described(arguments.name);
        std::cout << (json ? describe_json(entries, name) : describe_text(entries, name));
    }
    if (new_method_command->parsed()) new_method(arguments.name);
    if (check_method_command->parsed()) return check_methods(config_of(arguments.config)) ? exit_ok : exit_regression;
    if (schema_command->parsed()) std::cout << config_schema(catalog()).dump(2) << '\n';
    return exit_ok;
}

}  // namespace

int exit_code_of(const RunSummary& summary) {
    if (!summary.complete()) return exit_incomplete;
    const bool reproduced =
        std::all_of(summary.comparisons.begin(), summary.comparisons.end(), [](const Comparison& comparison) {
            return comparison.agreement == Agreement::equal || comparison.agreement == Agreement::last_digit;
        });
    return summary.failed_checks > 0 || !reproduced ? exit_regression : exit_ok;
}

int run_command_line(int argc, char** argv) {
    std::setlocale(LC_CTYPE, "C.UTF-8");  // ? and [..] of patterns match characters, not bytes
    CLI::App app("bcbench: experiments and benchmarks for differentiable batch correction", "bcbench");
    Arguments arguments;
    try {
        const int code = dispatch(app, arguments, argc, argv);
        if (std::cout.flush()) return code;
        std::cerr << "bcbench: cannot write to standard output\n";
        return exit_incomplete;
    } catch (const ConfigError& error) {
        std::cerr << error.what() << '\n';
    } catch (const std::bad_alloc&) {
        std::cerr << "bcbench: out of memory\n";
        return exit_incomplete;
    } catch (const std::exception& error) {
        std::cerr << "bcbench: " << error.what() << '\n';
    }
    return exit_usage;
}

}  // namespace bcbench
