// Finished points on their way from the threads that compute to the one that writes.
#pragma once

#include <condition_variable>
#include <functional>
#include <iterator>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "experiments/results/directory.hpp"
#include "experiments/results/outcome.hpp"
#include "experiments/system/clock.hpp"

namespace bcbench {

inline constexpr std::size_t largest_group = 512;             // points flushed together
inline constexpr double idle_seconds = 0.25;                  // between two looks at the current point
inline constexpr std::size_t most_waiting_bytes = 64U << 20;  // of finished points that are not on disk yet

/// A point that is computed, or found finished, and not yet counted.
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

/// A queue of finished points that holds back who computes while too much waits. Safe to use from several threads.
class Finishing {
  public:
    explicit Finishing(std::size_t producers) : producers_(producers) {}

    /// Waits while too much is waiting already.
    void push(Finished point) {
        std::unique_lock lock(mutex_);
        taken_.wait(lock, [&] { return bytes_ < most_waiting_bytes; });
        add(std::move(point));
    }

    /// Of the thread that writes, which nobody else would wake.
    void push_at_once(Finished point) {
        const std::lock_guard lock(mutex_);
        add(std::move(point));
    }

    void producer_ends() {
        const std::lock_guard lock(mutex_);
        --producers_;
        pushed_.notify_one();
    }

    /// Whatever is waiting, up to a group; empty once nothing is left and no producer remains. Calls `idle` now and
    /// then while nothing comes.
    std::vector<Finished> take(const std::function<void()>& idle) {
        std::unique_lock lock(mutex_);
        wait(lock, idle, [&] { return !waiting_.empty() || producers_ == 0; });
        const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(waiting_.size(), largest_group));
        std::vector<Finished> group(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
        waiting_.erase(waiting_.begin(), end);
        for (const Finished& point : group) bytes_ -= point.bytes();
        taken_.notify_all();
        return group;
    }

    /// Lets go of whatever comes until no producer remains.
    void discard(const std::function<void()>& idle) {
        std::unique_lock lock(mutex_);
        while (producers_ > 0 || !waiting_.empty()) {
            waiting_.clear();
            bytes_ = 0;
            taken_.notify_all();
            wait(lock, idle, [&] { return !waiting_.empty() || producers_ == 0; });
        }
    }

  private:
    void add(Finished point) {
        bytes_ += point.bytes();
        waiting_.push_back(std::move(point));
        pushed_.notify_one();
    }

    void wait(std::unique_lock<std::mutex>& lock, const std::function<void()>& idle,
              const std::function<bool()>& holds) {
        while (!wait_seconds(pushed_, lock, idle_seconds, holds)) {
            lock.unlock();
            idle();
            lock.lock();
        }
    }

    std::mutex mutex_;
    std::condition_variable pushed_;
    std::condition_variable taken_;
    std::vector<Finished> waiting_;
    std::size_t bytes_ = 0;
    std::size_t producers_;
};

}  // namespace bcbench
