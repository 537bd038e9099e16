// What every long call into the engine shares: threads, the released lock of the interpreter, and Ctrl-C.
#pragma once

#include <nanobind/nanobind.h>

#include <thread>

#include "engine/core/checkpoint.hpp"
#include "engine/core/parallel.hpp"
#include "experiments/system/clock.hpp"

namespace bcbench::python {

/// While it lives, the calling thread computes with `threads` threads, other Python threads run, and a signal that
/// Python has a handler for (Ctrl-C) ends the computation with the handler's exception.
class Computation {
  public:
    explicit Computation(unsigned threads)
        : threads_before_(thread_count()), checkpoints_([this] { ask(); }), caller_(std::this_thread::get_id()) {
        set_thread_count(threads);
    }
    ~Computation() { set_thread_count(threads_before_); }
    Computation(const Computation&) = delete;
    Computation& operator=(const Computation&) = delete;

  private:
    void ask() {
        // other threads stop when this one has thrown
        if (std::this_thread::get_id() != caller_ || seconds_now() < next_look_) return;
        next_look_ = seconds_now() + 0.05;
        const nanobind::gil_scoped_acquire locked;
        if (PyErr_CheckSignals() != 0) throw nanobind::python_error();
    }

    unsigned threads_before_;
    CheckpointScope checkpoints_;
    std::thread::id caller_;
    double next_look_ = 0.0;
    nanobind::gil_scoped_release released_;  // last in, first out
};

}  // namespace bcbench::python
