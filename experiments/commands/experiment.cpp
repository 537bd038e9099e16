#include "experiments/commands/experiment.hpp"

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>

#include "experiments/bindings/method.hpp"
#include "experiments/catalog/catalog.hpp"
#include "experiments/checks/gradcheck.hpp"
#include "experiments/checks/method_settings.hpp"
#include "experiments/commands/command_line.hpp"
#include "experiments/commands/json_lines.hpp"
#include "experiments/h5ad/h5ad.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/plan/required_files.hpp"
#include "experiments/results/expected.hpp"
#include "experiments/results/measured.hpp"
#include "experiments/results/terminal_report.hpp"
#include "experiments/run/run.hpp"
#include "experiments/system/files.hpp"

namespace bcbench {

namespace {

// Two points with the same id, and points that could only fail, are faults of the config.
void refuse_faults(const Plan& plan, const ConfigArguments& arguments) {
    std::vector<Fault> faults = plan.duplicates();
    for (Fault& fault : plan.contradictions()) faults.push_back(std::move(fault));
    if (!faults.empty()) throw ConfigError(arguments.config, std::move(faults));
}

void print_notes(const Plan& plan, const std::string& file) {
    for (const std::string& note : plan.notes()) std::cerr << file << ": note: " << note << '\n';
}

Plan make_plan(const ConfigArguments& arguments) {
    Plan plan(config_of(arguments), catalog());
    refuse_faults(plan, arguments);
    return plan;
}

MeasuredCosts earlier_costs(const ConfigArguments& arguments) {
    return arguments.timings.empty() ? MeasuredCosts() : measured_costs(arguments.timings);
}

// Where the results of a run go that names no directory.
std::string default_directory(const std::string& name, const std::optional<Shard>& shard) {
    if (!shard) return "results/" + name;
    return "results/" + name + ".shards/" + std::to_string(shard->index) + "-of-" + std::to_string(shard->count);
}

// What the config would run, without running it: each method that is a command once.
void print_commands(const Plan& plan) {
    for (const Entry& entry : plan.config().methods) {
        MethodSettings settings;
        settings.params = entry.params;
        settings.config_directory = plan.config().file.parent_path();
        if (const auto preview = method_named(entry.type).preview)
            std::cout << "  " << entry.label << "\truns " << preview(settings) << '\n';
    }
}

void add_config_options(CLI::App& command, ConfigArguments& arguments) {
    command.add_option("config", arguments.config, "experiment config (JSON)")->required();
    command
        .add_option(
            "--only", arguments.only,
            "only points whose id matches GLOB (several, separated by commas; a value in brackets is '*=\\[1,2\\]')")
        ->type_name("GLOB");
    command
        .add_option("--set", arguments.overrides, "override a value of the config: methods.Harmony.params.sigma=0.2")
        ->type_name("PATH=VALUE")
        ->allow_extra_args(false);
}

CLI::Option* add_timings_option(CLI::App& command, ConfigArguments& arguments) {
    return command
        .add_option("--timings", arguments.timings, "results whose times correct the estimated costs of points")
        ->type_name("DIR");
}

}  // namespace

void add_allow_commands(CLI::App& command, ConfigArguments& arguments) {
    command.add_flag("--allow-commands", arguments.allow_commands,
                     "run the programs that methods of type command name (also BCBENCH_ALLOW_COMMANDS=1)");
}

void add_format_option(CLI::App& command, std::string& format) {
    command.add_option("--format", format, "text, or json: one object a line")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
}

void add_run_options(CLI::App& command, ConfigArguments& arguments) {
    add_config_options(command, arguments);
    command.add_option("--out", arguments.out, "results directory (default results/<name>)")->type_name("DIR");
    CLI::Option* jobs = command.add_option("--jobs", arguments.jobs, "points to run in parallel")
                            ->check(CLI::Range(1U, 256U))
                            ->capture_default_str();
    command
        .add_option("--threads", arguments.threads, "threads in all, at least one per job; results do not depend on it")
        ->check(CLI::Range(1U, 1024U))
        ->capture_default_str();
    CLI::Option* fresh = command.add_flag("--fresh", arguments.fresh, "compute every point again");
    command.add_flag("--resume", arguments.resume, "keep points that are finished and unchanged (the default)")
        ->excludes(fresh);
    CLI::Option* cooperate =
        command
            .add_flag("--cooperate", arguments.cooperate,
                      "share the directory with other such runs of the same config, on this or other machines")
            ->excludes(fresh);
    command
        .add_option("--stale-after", arguments.stale_after,
                    "seconds without a sign of life after which the points of another process are taken over")
        ->check(CLI::Range(0.1, 1e6))
        ->capture_default_str()
        ->needs(cooperate);
    command.add_option("--on-error", arguments.on_error, "after a failed point")
        ->check(CLI::IsMember({"continue", "stop"}))
        ->capture_default_str();
    add_allow_commands(command, arguments);
    command.add_flag("--all", arguments.every_seed, "tables with a row for each seed, not mean ± sd over seeds");
    command.add_flag("--quiet", arguments.quiet, "no progress");
    command.add_flag("--profile", arguments.profile, "say where the time went: stages, GFLOP/s, peak memory")
        ->excludes(jobs);

    command
        .add_option("--points", arguments.points_file,
                    "only the points that FILE names: one id a line, or lines of 'plan'")
        ->type_name("FILE")
        ->excludes(cooperate);
    CLI::Option* shard =
        command.add_option("--shard", arguments.shard,
                           "only the I-th of N parts of equal estimated cost, I from 1 to N, without tables on the "
                           "terminal; 'merge' joins them");
    shard->type_name("I/N")->excludes(cooperate);
    add_timings_option(command, arguments)->needs(shard);
}

void add_plan_options(CLI::App& command, ConfigArguments& arguments) {
    add_config_options(command, arguments);
    add_format_option(command, arguments.format);
    add_timings_option(command, arguments);
}

void add_validate_options(CLI::App& command, ConfigArguments& arguments) {
    command.add_option("configs", arguments.configs, "experiment configs (JSON)")->required();
    add_format_option(command, arguments.format);
}

void add_gradcheck_options(CLI::App& command, ConfigArguments& arguments) {
    add_config_options(command, arguments);
    add_allow_commands(command, arguments);
    command
        .add_option("--step", arguments.step,
                    "step of the differences, times max(1, |x|) (default 1e-5, then 1e-6 and 1e-7 where curved)")
        ->check(CLI::Range(1e-12, 1.0));
    command.add_option("--coordinates", arguments.coordinates, "coordinates to check of each input")
        ->check(CLI::Range(1U, 1'000'000'000U))
        ->capture_default_str();
    CLI::Option* steps = command.add_flag("--steps", arguments.steps, "error against step as CSV instead of the table");
    command
        .add_option("--save", arguments.save,
                    "directory for a file <point>.npz each: inputs, values, adjoints and gradients by name")
        ->excludes(steps);
    command.add_option("--threads", arguments.threads, "threads; results do not depend on it")
        ->check(CLI::Range(1U, 1024U))
        ->capture_default_str();
}

Config config_of(const ConfigArguments& arguments) {
    Config config = read_config(arguments.config, catalog(), arguments.overrides);
    const char* variable = std::getenv("BCBENCH_ALLOW_COMMANDS");
    config.allow_commands = arguments.allow_commands || (variable != nullptr && std::string(variable) == "1");
    return config;
}

int run_command(const ConfigArguments& arguments) {
    const Plan plan = make_plan(arguments);
    print_notes(plan, arguments.config);
    RunOptions options;
    options.selection = {arguments.only, arguments.points_file, std::nullopt};
    if (!arguments.shard.empty()) options.selection.shard = shard_from(arguments.shard);
    options.measured = earlier_costs(arguments);
    options.directory =
        arguments.out.empty() ? default_directory(plan.config().name, options.selection.shard) : arguments.out;
    options.fresh = arguments.fresh;
    options.quiet = arguments.quiet;
    options.profile = arguments.profile;
    if (arguments.cooperate) options.cooperate = arguments.stale_after;
    options.stop_on_error = arguments.on_error == "stop";
    options.jobs = arguments.jobs;
    options.threads = arguments.threads;
    options.overridden = !arguments.overrides.empty();

    std::vector<PointRecord> records;
    const RunSummary summary = run_experiment(plan, options, records);
    const std::vector<Comparison>& comparisons = summary.comparisons;
    if (!options.selection.shard) {  // tables of a part would be read as those of all points
        std::cout << terminal_report(plan.config(), records, plan.base_points(), comparisons, arguments.every_seed)
                  << std::flush;
    }

    std::fprintf(stderr, "%llu of %llu points ok", static_cast<unsigned long long>(summary.ok),
                 static_cast<unsigned long long>(summary.expected));
    if (summary.resumed > 0)
        std::fprintf(stderr, " (%llu from an earlier run)", static_cast<unsigned long long>(summary.resumed));
    if (summary.skipped > 0) std::fprintf(stderr, ", %llu skipped", static_cast<unsigned long long>(summary.skipped));
    if (summary.failed > 0) std::fprintf(stderr, ", %llu failed", static_cast<unsigned long long>(summary.failed));
    if (summary.missing() > 0)
        std::fprintf(stderr, ", %llu not run", static_cast<unsigned long long>(summary.missing()));
    std::fprintf(stderr, "; results in %s\n", options.directory.c_str());
    std::fputs(summary.profile.c_str(), stderr);
    if (plan.config().expected && options.overridden) {
        std::fputs("with --set this is not the documented config: nothing is compared with its values\n", stderr);
    }
    for (const std::string& sentence : summary.not_written) std::fprintf(stderr, "%s\n", sentence.c_str());
    if (summary.interrupted) {
        std::fprintf(stderr, "interrupted; the same command %sgoes on where it stopped\n",
                     options.fresh ? "without --fresh " : "");
    }

    if (summary.stuck) std::_Exit(exit_incomplete);  // an orderly end would wait for the threads that were given up
    if (summary.failed_checks > 0)
        std::fprintf(stderr, "a check does not hold for %llu points\n",
                     static_cast<unsigned long long>(summary.failed_checks));
    return exit_code_of(summary);
}

// Prints at once, however long the plan, and searches it for duplicates and idle rules at the end if the reader is
// still there.
int plan_command(const ConfigArguments& arguments) {
    const Plan plan(read_config(arguments.config, catalog(), arguments.overrides), catalog());
    const bool too_large = plan.size() > most_points_of_run;
    if (too_large) print_notes(plan, arguments.config);
    std::optional<CostEstimate> cost;
    if (arguments.format == "json") cost.emplace(plan, earlier_costs(arguments));
    bool any = false;
    for (std::uint64_t i = 0; i < plan.size() && std::cout.good(); ++i) {
        if (!arguments.only.empty() && !selects(arguments.only, plan.id_at(i))) continue;
        const Point point = plan.at(i);
        any = true;
        if (arguments.format == "json") {
            std::cout << plan_line(point, plan.config(), *cost);
            continue;
        }
        std::cout << point.id << '\t' << point.method_label << '\t' << point.method_params.dump() << "\tseed "
                  << point.method_seed;
        if (!point.train.is_null()) std::cout << "\ttrain " << point.train.dump();
        std::cout << '\t' << point.dataset_label << '\t' << point.dataset_params.dump() << "\tseed "
                  << point.dataset_seed;
        if (const auto preview = method_named(point.method_type).preview)
            std::cout << "\truns " << preview(settings_of(point, plan.config()));
        if (point.excluded_reason) std::cout << "\tskipped: " << *point.excluded_reason;
        std::cout << '\n';
    }
    std::cout << std::flush;
    if (!any) require_selection(plan, arguments.only);
    if (!std::cout.good()) return exit_ok;
    refuse_faults(plan, arguments);
    if (!too_large) print_notes(plan, arguments.config);
    return exit_ok;
}

int validate_command(const ConfigArguments& arguments) {
    const bool json = arguments.format == "json";
    bool all_good = true;
    for (const std::string& file : arguments.configs) {
        try {
            ConfigArguments one = arguments;
            one.config = file;
            const Plan plan = make_plan(one);
            require_columns(plan.config());
            require_ways_back(plan.config());
            if (plan.config().expected) read_expected(*plan.config().expected);
            if (json) {
                std::cout << validation_line(file, plan);
                continue;
            }
            std::cout << file << ": ok, " << plan.size() << (plan.size() == 1 ? " point\n" : " points\n");
            print_notes(plan, file);
            print_commands(plan);
        } catch (const ConfigError& error) {
            if (json)
                std::cout << validation_line(file, error);
            else
                std::cerr << error.what() << '\n';
            all_good = false;
        }
    }
    return all_good ? exit_ok : exit_usage;
}

int gradcheck_command(const ConfigArguments& arguments) {
    const Plan plan = make_plan(arguments);
    const GradcheckResult result = run_gradcheck(plan, {arguments.only, arguments.step, arguments.coordinates,
                                                        arguments.steps, arguments.threads, arguments.save});
    std::cout << result.text << std::flush;
    if (result.failed > 0) return exit_incomplete;
    return result.wrong > 0 ? exit_regression : exit_ok;
}

}  // namespace bcbench
