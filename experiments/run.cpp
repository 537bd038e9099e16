#include "experiments/run.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "engine/linear.hpp"
#include "engine/parallel.hpp"
#include "experiments/checks.hpp"
#include "experiments/datasets.hpp"
#include "experiments/execute.hpp"
#include "experiments/expected.hpp"
#include "experiments/manifest.hpp"
#include "experiments/progress.hpp"
#include "experiments/results_directory.hpp"
#include "experiments/training.hpp"

namespace bcbench {

namespace {

volatile std::sig_atomic_t interrupted = 0;

void on_interrupt(int) { interrupted = 1; }

// Ctrl-C lets the running points finish; a second one ends the program at once.
class InterruptGuard {
  public:
    InterruptGuard() {
        interrupted = 0;
        struct sigaction action{};
        action.sa_handler = on_interrupt;
        action.sa_flags = static_cast<int>(SA_RESETHAND);
        sigaction(SIGINT, &action, &previous_interrupt_);
        sigaction(SIGTERM, &action, &previous_terminate_);
    }
    ~InterruptGuard() {
        sigaction(SIGINT, &previous_interrupt_, nullptr);
        sigaction(SIGTERM, &previous_terminate_, nullptr);
    }
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;

  private:
    struct sigaction previous_interrupt_{};
    struct sigaction previous_terminate_{};
};

std::vector<std::uint64_t> selected_points(const Plan& plan, const std::string& only) {
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

// What the worker threads share.
struct Work {
    const Plan& plan;
    const RunOptions& options;
    const std::vector<std::uint64_t>& indices;
    ResultsDirectory& results;
    DatasetCache datasets;
    Progress progress;
    std::atomic<std::size_t> next{0};
    std::atomic<bool> stop{false};
    std::mutex mutex{};  // of everything below, of results and of progress
    RunSummary summary{};
    std::exception_ptr error{};
};

// The point as an earlier run left it, if that run's values still stand.
bool can_resume(Work& work, const Point& point, const LoadedDataset& loaded) {
    if (work.options.fresh) return false;
    const Config& config = work.plan.config();
    if (config.outputs.embeddings && !work.results.has_embedding(point.id)) return false;
    if (saves_model(point.train) && !work.results.has_model(point.id)) return false;
    const std::optional<PointRecord> record = work.results.read_point(point.id);
    return record && record->status == PointStatus::ok &&
           record->fingerprint == fingerprint_of(point, config, loaded.hash);
}

void count(RunSummary& summary, PointStatus status) {
    ++(status == PointStatus::ok ? summary.ok : status == PointStatus::skipped ? summary.skipped : summary.failed);
}

void run_point(Work& work, std::uint64_t index) {
    const Point point = work.plan.at(index);
    const Config& config = work.plan.config();
    Executed executed;
    bool resumed = false;
    if (point.excluded_reason) {
        executed.record = record_without_values(point, config, PointStatus::skipped, *point.excluded_reason);
    } else {
        const std::shared_ptr<const LoadedDataset> loaded = work.datasets.load(point);
        resumed = can_resume(work, point, *loaded);
        if (!resumed) executed = execute(point, config, *loaded);
    }
    if (!resumed) work.results.write_point(executed);

    const std::lock_guard lock(work.mutex);
    if (!resumed && !executed.times.empty()) work.results.append_times(point.id, executed.times);
    const PointStatus status = resumed ? PointStatus::ok : executed.record.status;
    count(work.summary, status);
    if (resumed) ++work.summary.resumed;
    if (status == PointStatus::failed && work.options.stop_on_error) work.stop = true;
    work.progress.advance(point.id, resumed ? "resumed" : name_of(status));
}

void run_worker(Work& work, unsigned threads) {
    set_thread_count(threads);
    try {
        while (!work.stop && interrupted == 0) {
            const std::size_t next = work.next++;
            if (next >= work.indices.size()) return;
            run_point(work, work.indices[next]);
        }
    } catch (...) {
        work.stop = true;
        const std::lock_guard lock(work.mutex);
        if (!work.error) work.error = std::current_exception();
    }
}

void run_workers(Work& work) {
    const InterruptGuard guard;
    const unsigned jobs = std::max(1U, work.options.jobs);
    const unsigned threads_per_job = std::max(1U, work.options.threads / jobs);
    {
        std::vector<std::jthread> workers;
        for (unsigned i = 1; i < jobs; ++i) workers.emplace_back([&work, threads_per_job] { run_worker(work, threads_per_job); });
        run_worker(work, threads_per_job);
    }
    work.progress.finish();
    work.summary.interrupted = interrupted != 0;
}

// metrics.csv, projections.csv, timings.csv and expected.csv from the point files.
void write_tables(const Plan& plan, const std::vector<std::uint64_t>& indices, ResultsDirectory& results,
                  std::vector<PointRecord>& records) {
    std::string metrics = metrics_header;
    std::string projections = projections_header;
    std::vector<std::string> ids;
    records.clear();
    for (const std::uint64_t index : indices) {
        std::optional<PointRecord> record = results.read_point(plan.id_at(index));
        if (!record) continue;
        metrics += metrics_rows(*record);
        projections += projection_rows(*record);
        record->projection = {};
        ids.push_back(record->id);
        records.push_back(std::move(*record));
    }
    results.write("metrics.csv", metrics);
    if (plan.config().outputs.projections) results.write("projections.csv", projections);
    results.order_times(ids);
    if (plan.config().expected) {
        results.write("expected.csv", expected_csv(compare_with_expected(read_expected(*plan.config().expected), records)));
    }
}

// Whether the values the point depends on are the defaults of its type.
bool has_defaults(const Entry& entry, const CatalogEntry& type, const nlohmann::json& params) {
    for (const std::string& name : swept_anywhere(entry.sweep)) {
        const auto parameter = std::find_if(type.parameters.begin(), type.parameters.end(),
                                            [&](const Parameter& candidate) { return candidate.name == name; });
        if (parameter == type.parameters.end() || params.value(name, nlohmann::json()) != parameter->default_value) return false;
    }
    return true;
}

}  // namespace

std::set<std::string> base_points(const Plan& plan) {
    std::map<std::string, std::pair<std::string, bool>> chosen;  // by dataset, method and seed: id, whether a default
    std::map<std::string, const Entry*> methods;
    for (const Entry& entry : plan.config().methods) methods[entry.label] = &entry;
    for (std::uint64_t i = 0; i < plan.size(); ++i) {
        const Point point = plan.at(i);
        const bool is_default = has_defaults(*methods.at(point.method_label),
                                             *find_entry(catalog().methods, point.method_type), point.method_params);
        const std::string group = point.dataset_id + '\n' + point.method_label + '\n' + std::to_string(point.method_seed);
        const auto [found, is_new] = chosen.try_emplace(group, point.id, is_default);
        if (!is_new && is_default && !found->second.second) found->second = {point.id, true};
    }
    std::set<std::string> ids;
    for (const auto& [group, choice] : chosen) ids.insert(choice.first);
    return ids;
}

RunSummary run_experiment(const Plan& plan, const RunOptions& options, std::vector<PointRecord>& records) {
    require_data_files(plan.config());
    if (plan.config().expected) read_expected(*plan.config().expected);  // a fault in it ends the run before it starts
    const std::vector<std::uint64_t> indices = selected_points(plan, options.only);
    ResultsDirectory results(options.directory);
    Manifest manifest(plan, options);
    for (const char* table : {"metrics.csv", "projections.csv", "expected.csv"}) results.remove(table);
    if (options.fresh) results.remove("timings.csv");
    results.write("manifest.json", manifest.text({}, {}));

    use_single_threaded_blas();
    Work work{plan, options, indices, results, DatasetCache(plan.config()), Progress(indices.size(), options.quiet)};
    work.summary.expected = indices.size();
    run_workers(work);

    set_thread_count(1);
    write_tables(plan, indices, results, records);
    for (const PointRecord& record : records) work.summary.failed_checks += has_failed_check(record) ? 1 : 0;
    results.write("manifest.json", manifest.text(work.summary, records));
    if (work.error) std::rethrow_exception(work.error);
    return work.summary;
}

}  // namespace bcbench
