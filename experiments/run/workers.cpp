#include "experiments/run/workers.hpp"

#include <algorithm>
#include <new>
#include <system_error>

#include "experiments/system/clock.hpp"

namespace bcbench {

bool Workers::start(const std::function<void(Worker&)>& body) {
    const std::lock_guard lock(mutex_);
    Worker& worker = workers_.emplace_back();
    try {
        worker.thread_ = std::thread([body, &worker] { body(worker); });
        return true;
    } catch (const std::system_error&) {
    } catch (const std::bad_alloc&) {
    }
    workers_.pop_back();
    return false;
}

void Workers::begin(Worker& worker, std::size_t position, const std::string& id) {
    const std::lock_guard lock(mutex_);
    worker.task_ = {position, id, seconds_now(), std::nullopt};
}

void Workers::compute(Worker& worker) {
    const std::lock_guard lock(mutex_);
    if (worker.task_) worker.task_->computing_since = seconds_now();
}

bool Workers::end(Worker& worker) {
    const std::lock_guard lock(mutex_);
    worker.task_.reset();
    return !worker.given_up_;
}

std::string Workers::first() const {
    const std::lock_guard lock(mutex_);
    const Worker::Task* first = nullptr;
    for (const Worker& worker : workers_) {
        if (worker.task_ && (first == nullptr || worker.task_->begun < first->begun)) first = &*worker.task_;
    }
    return first == nullptr ? "" : first->id;
}

std::vector<std::size_t> Workers::give_up_since_before(double moment) {
    return give_up([&](const Worker::Task& task) { return task.computing_since && *task.computing_since < moment; });
}

std::vector<std::size_t> Workers::give_up_all() {
    return give_up([](const Worker::Task&) { return true; });
}

std::vector<std::size_t> Workers::give_up(const std::function<bool(const Worker::Task&)>& wanted) {
    const std::lock_guard lock(mutex_);
    std::vector<std::size_t> positions;
    for (Worker& worker : workers_) {
        if (!worker.task_ || !wanted(*worker.task_)) continue;
        positions.push_back(worker.task_->position);
        worker.given_up_ = true;
        worker.thread_.detach();
        worker.task_.reset();
    }
    return positions;
}

bool Workers::join() {
    bool all = true;
    for (Worker& worker : workers_) {  // none is added any more
        all = all && !worker.given_up_;
        if (!worker.given_up_) worker.thread_.join();
    }
    return all;
}

}  // namespace bcbench
