#include "experiments/run.hpp"

#include <exception>
#include <optional>
#include <utility>

#include "engine/linear.hpp"
#include "experiments/checks.hpp"
#include "experiments/clock.hpp"
#include "experiments/config_error.hpp"
#include "experiments/datasets.hpp"
#include "experiments/expected.hpp"
#include "experiments/interrupt.hpp"
#include "experiments/manifest.hpp"
#include "experiments/results_directory.hpp"
#include "experiments/run_points.hpp"
#include "experiments/training.hpp"

namespace bcbench {

namespace {

constexpr std::uint64_t most_points = 10'000'000;  // of one run: their indices and records are held in memory

std::vector<std::uint64_t> selected_points(const Plan& plan, const std::string& only) {
    if (plan.size() > most_points) {
        throw ConfigError(plan.config().file.string(),
                          {{"", "describes " + std::to_string(plan.size()) +
                                    " points, one run may have at most " + std::to_string(most_points)}});
    }
    require_selection(plan, only);
    std::vector<std::uint64_t> indices;
    for (std::uint64_t i = 0; i < plan.size(); ++i) {
        if (only.empty() || selects(only, plan.id_at(i))) indices.push_back(i);
    }
    return indices;
}

// A fault if the file `name` that stands at `pointer` of the config is nowhere; `kind` says what it holds, `advice` what to do.
void require_file(const Config& config, const std::string& name, const std::string& pointer, const std::string& kind,
                  const std::string& advice, std::vector<Fault>& faults) {
    if (find_data_file(name, config.file.parent_path())) return;
    faults.push_back(
        {pointer, kind + " file " + name + " is neither beside the config nor in the directory $BCBENCH_DATA; " + advice});
}

// Every file that the config names must exist before anything runs.
void require_data_files(const Config& config) {
    std::vector<Fault> faults;
    for (std::size_t d = 0; d < config.datasets.size(); ++d) {
        const Entry& entry = config.datasets[d];
        for (const std::string& parameter : dataset_named(entry.type).file_parameters()) {
            const auto value = entry.params.find(parameter);
            if (value == entry.params.end() || !value->is_string()) continue;
            require_file(config, value->get<std::string>(), "/datasets/" + std::to_string(d) + "/params/" + parameter, "data",
                         "README.md, section 'Real data', says where to get it", faults);
        }
    }
    for (std::size_t m = 0; m < config.methods.size(); ++m) {
        const std::optional<std::string> name = loaded_model(config.methods[m].train);
        if (name) require_file(config, *name, "/methods/" + std::to_string(m) + "/train/load_model", "model",
                               "save_model writes such files to models/ in the results", faults);
    }
    if (!faults.empty()) throw ConfigError(config.file.string(), faults);
}

// metrics.csv, projections.csv and timings.csv from the files of the points that are done. The projections, which hold every
// cell of every point, are never held as a whole.
void write_tables(const Plan& plan, const std::vector<std::uint64_t>& indices, const std::vector<bool>& done,
                  const ResultsDirectory& results, std::vector<PointRecord>& records) {
    std::string metrics = metrics_header;
    std::optional<TemporaryFile> projections;
    if (plan.config().outputs.projections) {
        projections.emplace(results.path() / "projections.csv");
        projections->append(projections_header);
    }
    std::vector<std::string> ids;
    records.clear();
    for (std::size_t i = 0; i < indices.size(); ++i) {
        if (!done[i]) continue;
        std::optional<PointRecord> record = results.read_point(plan.id_at(indices[i]));
        if (!record)
            throw FileError("the point file of " + plan.id_at(indices[i]) +
                            " vanished while the run went on");
        metrics += metrics_rows(*record);
        if (projections) projections->append(projection_rows(*record));
        record->projection = {};
        record->traces = {};
        ids.push_back(record->id);
        records.push_back(std::move(*record));
    }
    results.write("metrics.csv", metrics);
    if (projections) {
        projections->finish();
    } else {
        results.remove("projections.csv");
    }
    results.order_times(ids);
}

}  // namespace

RunSummary run_experiment(const Plan& plan, const RunOptions& options, std::vector<PointRecord>& records) {
    const double start = seconds_now();
    require_data_files(plan.config());
    std::vector<ExpectedValue> expected;  // read before the run, which a fault in it or an edit must not spoil
    if (plan.config().expected) expected = read_expected(*plan.config().expected);
    const std::vector<std::uint64_t> indices = selected_points(plan, options.only);
    const InterruptGuard guard;
    ResultsDirectory results(options.directory);
    Manifest manifest(plan, options);
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

    use_single_threaded_blas();
    PointsRun run = run_points(plan, options, indices, results);
    if (run.error) std::rethrow_exception(run.error);

    write_tables(plan, indices, run.done, results, records);
    if (plan.config().expected) {
        run.summary.comparisons = compare_with_expected(expected, records);
        results.write("expected.csv", expected_csv(run.summary.comparisons));
    } else {
        results.remove("expected.csv");
    }
    for (const PointRecord& record : records) run.summary.failed_checks += has_failed_check(record) ? 1 : 0;
    results.write("manifest.json", manifest.text(run.summary, records));
    if (options.profile) run.summary.profile = run.profile.text(seconds_now() - start);
    return run.summary;
}

}  // namespace bcbench
