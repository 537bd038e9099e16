#include "experiments/run/points.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include "engine/core/checkpoint.hpp"
#include "engine/core/parallel.hpp"
#include "experiments/checks/method_settings.hpp"
#include "experiments/run/execute.hpp"
#include "experiments/run/fingerprint.hpp"
#include "experiments/run/finishing.hpp"
#include "experiments/run/limits.hpp"
#include "experiments/run/progress.hpp"
#include "experiments/run/workers.hpp"
#include "experiments/system/clock.hpp"
#include "experiments/system/interrupt.hpp"

namespace bcbench {

namespace {

// What the threads share.
struct Work {
    Work(const Plan& its_plan, const RunOptions& its_options, const std::vector<std::uint64_t>& its_indices,
         ResultsDirectory& its_results, Claims* its_claims)
        : plan(its_plan),
          options(its_options),
          indices(its_indices),
          results(its_results),
          claims(its_claims),
          datasets(its_plan.config()),
          finishing(std::max(1U, its_options.jobs)) {}

    const Plan& plan;
    const RunOptions& options;
    const std::vector<std::uint64_t>& indices;
    ResultsDirectory& results;
    Claims* claims;  // nullptr: the directory is ours alone
    DatasetCache datasets;
    Finishing finishing;
    Workers workers{};
    std::atomic<std::size_t> next{0};
    std::atomic<bool> stop{false};
    std::set<std::string> failed_before{};  // ids
    std::mutex others_mutex{};
    std::deque<std::size_t> others{};  // positions of points that other processes had when last looked at
    std::mutex error_mutex{};
    std::exception_ptr error{};

    void end_with(const std::exception_ptr& cause) {
        stop = true;
        const std::lock_guard lock(error_mutex);
        if (!error) error = cause;
    }
};

// Whether the point as an earlier run left it still stands.
bool can_resume(const Work& work, const Point& point, const LoadedDataset& loaded) {
    if (work.options.fresh) return false;
    const Config& config = work.plan.config();
    const std::optional<PointRecord> record = work.results.read_point(point.id);
    if (record && has_values(*record) && !work.results.has_files(point.id, files_of(point, config))) return false;
    return record && record->status == PointStatus::ok &&
           record->fingerprint == fingerprint_of(point, config, loaded.hash);
}

// The point scored anew on the corrected cells that an earlier run left, where its fit stands and only the metrics are
// others; nothing if it has to be run.
std::optional<Executed> scored_again(const Work& work, const Point& point, const LoadedDataset& loaded) {
    const Config& config = work.plan.config();
    const PointFiles wanted = files_of(point, config);
    if (work.options.fresh || !wanted.embedding || wanted.model || wanted.arrays || wanted.gradients)
        return std::nullopt;
    const std::optional<PointRecord> record = work.results.read_point(point.id);
    if (!record || record->status != PointStatus::ok ||
        record->fit_fingerprint != fit_fingerprint(point, config, loaded.hash))
        return std::nullopt;
    const bool single = std::holds_alternative<std::shared_ptr<const Dataset<float>>>(loaded.data);
    Embedding embedding = work.results.read_embedding(point.id, single);
    if (std::holds_alternative<std::monostate>(embedding)) return std::nullopt;
    return score_again(point, config, loaded, *record, std::move(embedding));
}

// What the point's checkpoints ask.
std::function<void()> ask(const Limits& limits, const Work& work, const Worker& worker) {
    return [&worker, ask_of_limits = ask_limits(limits, work.options.jobs)] {
        worker.ask();
        ask_of_limits();
    };
}

// Whether another process has tried the point since this one began, and it failed.
bool failed_elsewhere(const Work& work, const Point& point, const LoadedDataset& loaded) {
    if (work.claims == nullptr || work.failed_before.count(point.id) > 0) return false;
    const std::optional<PointRecord> record = work.results.read_point(point.id);
    return record && record->status == PointStatus::failed &&
           (record->fingerprint.empty() ||
            record->fingerprint == fingerprint_of(point, work.plan.config(), loaded.hash));
}

// The point as it is known to be finished; nothing if it has to be computed.
std::optional<Finished> known(const Work& work, std::size_t position, const Point& point, const LoadedDataset& loaded) {
    if (can_resume(work, point, loaded)) return Finished{position, point.id, PointStatus::ok, true, {}, {}, "", ""};
    if (failed_elsewhere(work, point, loaded))
        return Finished{position, point.id, PointStatus::failed, true, {}, {}, "", ""};
    return std::nullopt;
}

// Nothing: another process has the point, so far.
std::optional<Finished> run_point(Work& work, Worker& worker, std::size_t position) {
    const Point point = work.plan.at(work.indices[position]);
    work.workers.begin(worker, position, point.id);
    const Config& config = work.plan.config();
    Executed executed;
    if (point.excluded_reason) {
        executed.record = record_without_values(point, config, PointStatus::skipped, *point.excluded_reason);
    } else {
        std::shared_ptr<const LoadedDataset> loaded;
        {
            Limits limits = config.limits;
            limits.max_seconds.reset();  // it is of a point; the data are loaded for all of theirs
            const CheckpointScope loading(ask(limits, work, worker));
            loaded = work.datasets.load(point);
        }
        if (std::optional<Finished> finished = known(work, position, point, *loaded)) return finished;
        if (work.claims != nullptr) {
            if (!work.claims->take(point.id)) return std::nullopt;
            // whoever had it may have finished it between the two looks
            if (std::optional<Finished> finished = known(work, position, point, *loaded)) {
                work.claims->release(point.id);
                return finished;
            }
        }
        work.workers.compute(worker);
        const CheckpointScope computing(ask(config.limits, work, worker));
        std::optional<Executed> again = scored_again(work, point, *loaded);
        executed = again ? std::move(*again) : execute(point, config, *loaded);
        worker.ask();
    }
    std::vector<NewFile> files;
    try {
        files = work.results.files_of(executed);
    } catch (const std::exception& error) {  // arrays too large to be written or held once more
        executed = {record_without_values(point, config, PointStatus::failed, error.what()), {}, {}};
        files = work.results.files_of(executed);
    }
    return Finished{
        position,         point.id,          executed.record.status, false, std::move(files), std::move(executed.times),
        point.dataset_id, point.method_label};
}

// The next point to look at: the next of the plan, then those that other processes had. Nothing: all are done.
std::optional<std::size_t> next_point(Work& work) {
    const std::size_t next = work.next++;
    if (next < work.indices.size()) return next;
    const std::lock_guard lock(work.others_mutex);
    if (work.others.empty()) return std::nullopt;
    const std::size_t position = work.others.front();
    work.others.pop_front();
    return position;
}

void compute(Work& work, Worker& worker, unsigned threads) {
    set_thread_count(threads);
    try {
        std::size_t n_in_vain = 0;  // since a point was finished
        while (!work.stop && !is_interrupted()) {
            const std::optional<std::size_t> next = next_point(work);
            if (!next) break;
            std::optional<Finished> finished = run_point(work, worker, *next);
            if (!work.workers.end(worker)) return;
            if (!finished) {
                std::size_t n_others = 0;
                {
                    const std::lock_guard lock(work.others_mutex);
                    work.others.push_back(*next);
                    n_others = work.others.size();
                }
                if (work.next < work.indices.size() || ++n_in_vain < n_others) continue;
                n_in_vain = 0;
                wait_seconds(work.claims->patience());
                continue;
            }
            n_in_vain = 0;
            if (finished->status == PointStatus::failed && work.options.stop_on_error) work.stop = true;
            work.finishing.push(std::move(*finished));
        }
    } catch (const Interrupted&) {
        // the point is left as if it had not been begun
    } catch (const GivenUp&) {
        return;
    } catch (...) {
        work.end_with(std::current_exception());
    }
    if (work.workers.end(worker)) work.finishing.producer_ends();
}

bool start_worker(const std::shared_ptr<Work>& work) {
    const unsigned threads = std::max(1U, work->options.threads / std::max(1U, work->options.jobs));
    return work->workers.start([work, threads](Worker& worker) { compute(*work, worker, threads); });
}

// Enforces limits from outside the points, where none asks at checkpoints: what does not stop in the time of grace is
// given up.
class Watch {
  public:
    explicit Watch(std::shared_ptr<Work> work) : work_(std::move(work)) {}

    void look() {
        if (is_interrupted()) {
            if (!interrupted_since_) interrupted_since_ = seconds_now();
            if (seconds_now() - *interrupted_since_ < grace_seconds) return;
            for (std::size_t n = work_->workers.give_up_all().size(); n > 0; --n) work_->finishing.producer_ends();
        } else if (const std::optional<double> most = work_->plan.config().limits.max_seconds) {
            const double latest_start = seconds_now() - *most - grace_seconds;
            for (const std::size_t position : work_->workers.give_up_since_before(latest_start)) fail(position, *most);
        }
    }

  private:
    void fail(std::size_t position, double max_seconds) {
        Work& work = *work_;
        if (work.options.stop_on_error) work.stop = true;
        const Point point = work.plan.at(work.indices[position]);
        Executed failed;
        failed.record =
            record_without_values(point, work.plan.config(), PointStatus::failed, takes_longer_than(max_seconds));
        work.finishing.push_at_once({position,
                                     point.id,
                                     PointStatus::failed,
                                     false,
                                     work.results.files_of(failed),
                                     {},
                                     point.dataset_id,
                                     point.method_label});
        if (!start_worker(work_)) work.finishing.producer_ends();
    }

    std::shared_ptr<Work> work_;
    std::optional<double> interrupted_since_;
};

void put_on_disk(const Work& work, std::vector<Finished>& group) {
    std::vector<NewFile> files;
    std::string times;
    for (Finished& point : group) {
        times += timing_rows(point.id, point.times);
        if (!point.resumed) work.results.remove_outputs(point.id, point.files);
        for (NewFile& file : point.files) files.push_back(std::move(file));
    }
    // times first: should the run be killed in between, the points are computed and timed again
    if (!times.empty())
        work.results.append_times(times, work.claims ? work.claims->times_file() : std::filesystem::path());
    if (!files.empty()) work.results.write(files);
    if (work.claims == nullptr) return;
    for (const Finished& point : group) work.claims->release(point.id);
}

void count(const Finished& point, RunSummary& summary) {
    ++(point.status == PointStatus::ok        ? summary.ok
       : point.status == PointStatus::skipped ? summary.skipped
                                              : summary.failed);
    if (point.resumed) ++summary.resumed;
}

// Runs until no computing thread is left that could bring anything.
void write_finished(const std::shared_ptr<Work>& work, PointsRun& run) {
    Progress progress(work->indices.size(), work->options.quiet);
    Watch watch(work);
    const auto idle = [&] {
        watch.look();
        progress.draw(work->workers.first());
    };
    try {
        for (std::vector<Finished> group = work->finishing.take(idle); !group.empty();
             group = work->finishing.take(idle)) {
            put_on_disk(*work, group);
            for (const Finished& point : group) {
                count(point, run.summary);
                run.done[point.position] = true;
                run.profile.add(point.dataset, point.method, point.times);
                progress.advance(point.id, point.resumed ? "resumed" : name_of(point.status));
            }
            idle();
        }
    } catch (...) {
        work->end_with(std::current_exception());
        work->finishing.discard([&] { watch.look(); });  // so that no thread waits to be rid of its point
    }
    progress.finish();
}

}  // namespace

PointsRun run_points(const Plan& plan, const RunOptions& options, const std::vector<std::uint64_t>& indices,
                     ResultsDirectory& results, Claims* claims) {
    PointsRun run;
    run.summary.expected = indices.size();
    run.done.resize(indices.size());

    // shared with threads that are given up
    const auto work = std::make_shared<Work>(plan, options, indices, results, claims);
    for (std::size_t i = 0; claims != nullptr && i < indices.size(); ++i) {
        const std::string id = plan.id_at(indices[i]);
        if (status_in(point_file(results.path(), id)) == PointStatus::failed) work->failed_before.insert(id);
    }
    unsigned started = 0;
    while (started < std::max(1U, options.jobs) && start_worker(work)) ++started;
    if (started == 0) throw std::runtime_error("no thread can be started: the system has no more, or no memory");
    // where no more threads are to be had, fewer do the work
    for (unsigned i = started; i < options.jobs; ++i) work->finishing.producer_ends();
    write_finished(work, run);
    run.summary.stuck = !work->workers.join();
    run.summary.interrupted = is_interrupted();
    run.error = work->error;
    return run;
}

}  // namespace bcbench
