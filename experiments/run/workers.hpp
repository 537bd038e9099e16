// The threads that compute points, and what each is at. One that reaches no checkpoint any more can be given up: its
// point is counted and nobody waits for it.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace bcbench {

/// Thrown at a checkpoint of a thread that was given up. No std::exception: its point has its outcome already.
struct GivenUp {};

class Worker {
  public:
    /// Throws GivenUp if that is what happened: part of every checkpoint.
    void ask() const {
        if (given_up_) throw GivenUp{};
    }

  private:
    friend class Workers;
    struct Task {
        std::size_t position = 0;
        std::string id{};
        double begun = 0.0;
        std::optional<double> computing_since{};
    };
    std::thread thread_{};
    std::atomic<bool> given_up_{false};
    std::optional<Task> task_{};  // guarded by the mutex of Workers
};

class Workers {
  public:
    Workers() = default;
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    /// Runs body(worker) on a thread of its own; false if no more threads are to be had.
    bool start(const std::function<void(Worker&)>& body);

    /// The worker begins with the point `id`, `position` in the run's list; from compute() on its time is limited.
    void begin(Worker& worker, std::size_t position, const std::string& id);
    void compute(Worker& worker);

    /// The worker is at no point any more. False if it was given up: then nothing of it counts.
    bool end(Worker& worker);

    /// The point begun first of those that are being computed, or "".
    std::string first() const;

    /// Gives up every worker that computes since before `moment`, or whatever it is at: their positions.
    std::vector<std::size_t> give_up_since_before(double moment);
    std::vector<std::size_t> give_up_all();

    /// Waits for the threads that were not given up; whether that is all of them.
    bool join();

  private:
    std::vector<std::size_t> give_up(const std::function<bool(const Worker::Task&)>& wanted);

    mutable std::mutex mutex_;
    std::list<Worker> workers_;
};

}  // namespace bcbench
