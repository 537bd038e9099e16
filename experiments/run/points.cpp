#include "experiments/run/points.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>

#include "engine/core/checkpoint.hpp"
#include "engine/core/parallel.hpp"
#include "experiments/bindings/training_fields.hpp"
#include "experiments/run/execute.hpp"
#include "experiments/run/fingerprint.hpp"
#include "experiments/run/limits.hpp"
#include "experiments/run/progress.hpp"
#include "experiments/system/clock.hpp"
#include "experiments/system/interrupt.hpp"

namespace bcbench {

namespace {

constexpr std::size_t largest_group = 512;             // points flushed together
constexpr double idle_seconds = 0.25;                  // between two looks at the current point
constexpr std::size_t most_waiting_bytes = 64U << 20;  // of finished points that are not on disk yet

// A point that is computed, or found finished, and not yet counted.
struct Finished {
    std::size_t position = 0;  // in the run's list of points
    std::string id;
    PointStatus status = PointStatus::ok;
    bool resumed = false;
    std::vector<NewFile> files;
    std::vector<StageTime> times;
    std::string dataset;  // id
    std::string method;   // label

    std::size_t bytes() const {
        std::size_t sum = 0;
        for (const NewFile& file : files) sum += file.bytes;
        return sum;
    }
};

// Finished points on their way from the threads that compute to the one that writes.
class Finishing {
  public:
    explicit Finishing(std::size_t producers) : producers_(producers) {}

    // Waits while too much is waiting already.
    void push(Finished point) {
        std::unique_lock lock(mutex_);
        taken_.wait(lock, [&] { return bytes_ < most_waiting_bytes; });
        bytes_ += point.bytes();
        waiting_.push_back(std::move(point));
        pushed_.notify_one();
    }

    void producer_ends() {
        const std::lock_guard lock(mutex_);
        --producers_;
        pushed_.notify_one();
    }

    // Whatever is waiting, up to a group; empty once nothing is left and no producer remains. Calls `idle` now and then
    // while nothing comes.
    std::vector<Finished> take(const std::function<void()>& idle) {
        std::unique_lock lock(mutex_);
        while (!wait_seconds(pushed_, lock, idle_seconds, [&] { return !waiting_.empty() || producers_ == 0; })) {
            lock.unlock();
            idle();
            lock.lock();
        }
        const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(waiting_.size(), largest_group));
        std::vector<Finished> group(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
        waiting_.erase(waiting_.begin(), end);
        for (const Finished& point : group) bytes_ -= point.bytes();
        taken_.notify_all();
        return group;
    }

  private:
    std::mutex mutex_;
    std::condition_variable pushed_;
    std::condition_variable taken_;
    std::vector<Finished> waiting_;
    std::size_t bytes_ = 0;
    std::size_t producers_;
};

// The points being computed, the one begun first in front.
class Current {
  public:
    // Names a point as long as it lives.
    class Entry {
      public:
        Entry(Current& current, const std::string& id) : current_(current) {
            const std::lock_guard lock(current_.mutex_);
            place_ = current_.ids_.insert(current_.ids_.end(), id);
        }
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;
        ~Entry() {
            const std::lock_guard lock(current_.mutex_);
            current_.ids_.erase(place_);
        }

      private:
        Current& current_;
        std::list<std::string>::iterator place_;
    };

    std::string first() {
        const std::lock_guard lock(mutex_);
        return ids_.empty() ? "" : ids_.front();
    }

  private:
    std::mutex mutex_;
    std::list<std::string> ids_;
};

// What the threads share.
struct Work {
    const Plan& plan;
    const RunOptions& options;
    const std::vector<std::uint64_t>& indices;
    ResultsDirectory& results;
    DatasetCache datasets;
    Finishing finishing;
    Current current{};
    std::atomic<std::size_t> next{0};
    std::atomic<bool> stop{false};
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
    if (config.outputs.embeddings && !work.results.has_embedding(point.id)) return false;
    if (saves_model(point.train) && !work.results.has_model(point.id)) return false;
    const std::optional<PointRecord> record = work.results.read_point(point.id);
    return record && record->status == PointStatus::ok &&
           record->fingerprint == fingerprint_of(point, config, loaded.hash);
}

// The point scored anew on the corrected cells that an earlier run left, where its fit stands and only the metrics are
// others; nothing if it has to be run.
std::optional<Executed> scored_again(const Work& work, const Point& point, const LoadedDataset& loaded) {
    const Config& config = work.plan.config();
    if (work.options.fresh || !config.outputs.embeddings || saves_model(point.train)) return std::nullopt;
    const std::optional<PointRecord> record = work.results.read_point(point.id);
    if (!record || record->status != PointStatus::ok ||
        record->fit_fingerprint != fit_fingerprint(point, config, loaded.hash))
        return std::nullopt;
    const bool single = std::holds_alternative<std::shared_ptr<const Dataset<float>>>(loaded.data);
    Embedding embedding = work.results.read_embedding(point.id, single);
    if (std::holds_alternative<std::monostate>(embedding)) return std::nullopt;
    return score_again(point, config, loaded, *record, std::move(embedding));
}

Finished run_point(Work& work, std::size_t position) {
    const Point point = work.plan.at(work.indices[position]);
    const Current::Entry entry(work.current, point.id);
    const Config& config = work.plan.config();
    Executed executed;
    if (point.excluded_reason) {
        executed.record = record_without_values(point, config, PointStatus::skipped, *point.excluded_reason);
    } else {
        std::shared_ptr<const LoadedDataset> loaded;
        {
            Limits limits = config.limits;
            limits.max_seconds.reset();  // it is of a point; the data are loaded for all of theirs
            const CheckpointScope loading(ask_limits(limits, work.options.jobs));
            loaded = work.datasets.load(point);
        }
        if (can_resume(work, point, *loaded)) return {position, point.id, PointStatus::ok, true, {}, {}, "", ""};
        const CheckpointScope computing(ask_limits(config.limits, work.options.jobs));
        std::optional<Executed> again = scored_again(work, point, *loaded);
        executed = again ? std::move(*again) : execute(point, config, *loaded);
    }
    std::vector<NewFile> files;
    try {
        files = work.results.files_of(executed);
    } catch (const std::exception& error) {  // arrays too large to be written or held once more
        executed = {record_without_values(point, config, PointStatus::failed, error.what()), {}, {}, {}};
        files = work.results.files_of(executed);
    }
    return {
        position,         point.id,          executed.record.status, false, std::move(files), std::move(executed.times),
        point.dataset_id, point.method_label};
}

void compute(Work& work, unsigned threads) {
    set_thread_count(threads);
    try {
        while (!work.stop && !is_interrupted()) {
            const std::size_t next = work.next++;
            if (next >= work.indices.size()) break;
            Finished finished = run_point(work, next);
            if (finished.status == PointStatus::failed && work.options.stop_on_error) work.stop = true;
            work.finishing.push(std::move(finished));
        }
    } catch (const Interrupted&) {
        // the point is left as if it had not been begun
    } catch (...) {
        work.end_with(std::current_exception());
    }
    work.finishing.producer_ends();
}

void put_on_disk(const Work& work, std::vector<Finished>& group) {
    std::vector<NewFile> files;
    std::string times;
    for (Finished& point : group) {
        times += timing_rows(point.id, point.times);
        for (NewFile& file : point.files) files.push_back(std::move(file));
    }
    // times first: should the run be killed in between, the points are computed and timed again
    if (!times.empty()) work.results.append_times(times);
    for (const Finished& point : group) {
        if (!point.resumed) work.results.remove_outputs(point.id);
    }
    if (!files.empty()) work.results.write(files);
}

void count(const Finished& point, RunSummary& summary) {
    ++(point.status == PointStatus::ok        ? summary.ok
       : point.status == PointStatus::skipped ? summary.skipped
                                              : summary.failed);
    if (point.resumed) ++summary.resumed;
}

// Runs until the computing threads have ended; after an error it only empties the queue, so that none of them
// waits.
void write_finished(Work& work, PointsRun& run) {
    Progress progress(work.indices.size(), work.options.quiet);
    bool failed = false;
    const auto draw = [&] { progress.draw(work.current.first()); };
    for (std::vector<Finished> group = work.finishing.take(draw); !group.empty(); group = work.finishing.take(draw)) {
        if (failed) continue;
        try {
            put_on_disk(work, group);
        } catch (...) {
            failed = true;
            work.end_with(std::current_exception());
            continue;
        }
        for (const Finished& point : group) {
            count(point, run.summary);
            run.done[point.position] = true;
            run.profile.add(point.dataset, point.method, point.times);
            progress.advance(point.id, point.resumed ? "resumed" : name_of(point.status));
        }
        draw();
    }
    progress.finish();
}

}  // namespace

PointsRun run_points(const Plan& plan, const RunOptions& options, const std::vector<std::uint64_t>& indices,
                     ResultsDirectory& results) {
    const unsigned jobs = std::max(1U, options.jobs);
    const unsigned threads_per_job = std::max(1U, options.threads / jobs);
    Work work{plan, options, indices, results, DatasetCache(plan.config()), Finishing(jobs)};
    PointsRun run;
    run.summary.expected = indices.size();
    run.done.resize(indices.size());

    {
        std::vector<std::jthread> threads;
        unsigned started = 0;
        try {
            for (; started < jobs; ++started) {
                threads.emplace_back([&work, threads_per_job] { compute(work, threads_per_job); });
            }
        } catch (const std::system_error&) {
            if (started == 0) throw;
            // no more threads are to be had: fewer do the work
            for (unsigned i = started; i < jobs; ++i) work.finishing.producer_ends();
        }
        write_finished(work, run);
    }
    run.summary.interrupted = is_interrupted();
    run.error = work.error;
    return run;
}

}  // namespace bcbench
