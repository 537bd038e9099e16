#include "experiments/run/run.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <set>
#include <utility>

#include "engine/core/parallel.hpp"
#include "engine/linear/products.hpp"
#include "experiments/bindings/method.hpp"
#include "experiments/checks/checks.hpp"
#include "experiments/plan/required_files.hpp"
#include "experiments/results/claims.hpp"
#include "experiments/results/directory.hpp"
#include "experiments/results/expected.hpp"
#include "experiments/results/tables.hpp"
#include "experiments/run/manifest.hpp"
#include "experiments/run/points.hpp"
#include "experiments/run/write_back.hpp"
#include "experiments/system/address_space.hpp"
#include "experiments/system/clock.hpp"
#include "experiments/system/interrupt.hpp"
#include "experiments/system/provenance.hpp"
#include "experiments/text/canonical.hpp"
#include "experiments/text/fault.hpp"

namespace bcbench {

namespace {

// Processes that work together do so on the same points by the same program: else each would compute anew what another
// has done. Says so while others are at work, or were when they died.
void require_same_work(const Plan& plan, const std::filesystem::path& directory) {
    std::error_code error;
    if (claims_in(directory).workers == 0 || !std::filesystem::exists(directory / "manifest.json", error)) return;
    const auto manifest = nlohmann::ordered_json::parse(read_file(directory / "manifest.json"), nullptr, false);
    if (!manifest.is_object()) return;
    const bool same_config = manifest.value("config_hash", "") == config_hash(plan.config());
    const std::string program = manifest.value("/program/hash"_json_pointer, "");
    if (same_config && program == program_hash()) return;
    throw FileError(directory.string() + " is being worked on with another " +
                    (same_config ? "program, or on another kind of machine" : "config") +
                    ": choose another directory with --out; if those processes have ended, remove " +
                    claims_folder(directory).string());
}

// The times that the processes noted apart come into timings.csv. Another process may be doing the same.
void join_times_of_workers(const ResultsDirectory& results) {
    const std::vector<std::filesystem::path> files = times_of_workers(results.path());
    TimesByPoint joined;
    TimesByPoint of_workers;
    for (const std::filesystem::path& file : files) {
        try {
            add_times(file, of_workers);
        } catch (const FileError&) {
            // another process was faster, and its timings.csv, read below, has them
        }
    }
    add_times(results.path() / "timings.csv", joined);
    for (const auto& [id, rows] : of_workers) joined[id] = rows;
    std::string content = timings_header;
    for (const auto& [id, rows] : joined) content += rows;
    results.write("timings.csv", content);
}

// A config with commands can do whatever its user can: who runs it has to say so.
void require_permission(const Plan& plan, const std::vector<std::uint64_t>& indices) {
    const Config& config = plan.config();
    const auto runs = [](const Entry& entry) { return method_named(entry.type).runs_commands; };
    if (config.allow_commands || std::none_of(config.methods.begin(), config.methods.end(), runs)) return;
    std::set<std::string> labels;
    for (const std::uint64_t index : indices) labels.insert(plan.at(index).method_label);
    std::vector<Fault> faults;
    for (std::size_t m = 0; m < config.methods.size(); ++m) {
        const Entry& entry = config.methods[m];
        if (!runs(entry) || labels.count(entry.label) == 0) continue;
        faults.push_back({"/methods/" + std::to_string(m),
                          "runs a program: " + shown(config.source["methods"][m]["params"]["command"]) +
                              "; allow it with --allow-commands or BCBENCH_ALLOW_COMMANDS=1 if you trust the config, "
                              "'bcbench plan' shows what would be run"});
    }
    if (!faults.empty()) throw ConfigError(config.file.string(), faults);
}

}  // namespace

std::vector<ExpectedValue> expected_of_selection(const Plan& plan, const std::vector<std::uint64_t>& indices,
                                                 std::vector<ExpectedValue> expected) {
    if (indices.size() == plan.size()) return expected;
    std::set<std::string> selected;
    for (const std::uint64_t index : indices) selected.insert(plan.id_at(index));
    std::set<std::string> others;
    for (std::uint64_t i = 0; i < plan.size(); ++i) {
        const std::string id = plan.id_at(i);
        if (selected.count(id) == 0) others.insert(id);
    }
    std::erase_if(expected, [&](const ExpectedValue& value) {
        return others.count(value.point) > 0 || others.count(value.minus_point) > 0;
    });
    return expected;
}

RunSummary run_experiment(const Plan& plan, const RunOptions& options, std::vector<PointRecord>& records) {
    const double start = seconds_now();
    require_files(plan.config());
    require_columns(plan.config());
    require_ways_back(plan.config());
    std::vector<ExpectedValue> expected;  // of all points; read before the run, which an edit must not spoil
    const std::vector<std::uint64_t> indices =
        selected_points(plan, options.selection, CostEstimate(plan, options.measured));
    require_permission(plan, indices);
    const bool compares = plan.config().expected && !options.overridden;
    if (compares) expected = read_expected(*plan.config().expected);
    use_single_threaded_blas();
    const unsigned jobs = std::max(1U, options.jobs);
    reserve_for_threads(jobs * std::max(1U, options.threads / jobs));
    const InterruptGuard guard;
    if (options.cooperate) require_same_work(plan, options.directory);
    ResultsDirectory results(options.directory, options.cooperate ? Sharing::shared : Sharing::alone);
    std::optional<Claims> claims;
    if (options.cooperate) claims.emplace(results.path(), *options.cooperate);
    Manifest manifest(plan, options, expected);
    // until the tables are written anew, the manifest says that they are not of this run
    results.write("manifest.json", manifest.text({}, {}));
    if (options.fresh) {  // nothing of an earlier run may pass for a point of this one, should it be killed
        results.remove("timings.csv");
        for (const std::uint64_t index : indices) {
            const std::string id = plan.id_at(index);
            results.remove(point_file("", id));
            results.remove_outputs(id);
        }
    }

    const WayBackFiles copies(plan, indices, results);
    PointsRun run = run_points(plan, options, indices, results, claims ? &*claims : nullptr);
    if (run.error) std::rethrow_exception(run.error);

    // who stops before the end leaves the tables to the others
    if (claims && run.summary.missing() > 0) return run.summary;
    if (claims) join_times_of_workers(results);

    std::vector<std::string> done;
    for (std::size_t i = 0; i < indices.size(); ++i) {
        if (run.done[i]) done.push_back(plan.id_at(indices[i]));
    }
    set_thread_count(options.threads);
    records = write_tables(results, done, plan.config().outputs.projections);
    if (compares) {
        run.summary.comparisons =
            compare_with_expected(expected_of_selection(plan, indices, std::move(expected)), records);
        results.write("expected.csv", expected_csv(run.summary.comparisons));
    } else {
        results.remove("expected.csv");
    }
    for (const PointRecord& record : records) run.summary.failed_checks += has_failed_check(record) ? 1 : 0;
    if (!run.summary.interrupted) run.summary.not_written = copies.write(records);
    results.write("manifest.json", manifest.text(run.summary, records));
    if (claims) claims->clear();
    if (options.profile) run.summary.profile = run.profile.text(seconds_now() - start);
    return run.summary;
}

}  // namespace bcbench
