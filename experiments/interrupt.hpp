// Ctrl-C: the run stops at the next checkpoint and keeps what is done; a second one ends the program at once.
#pragma once

#include <signal.h>

namespace bcbench {

/// Thrown at a checkpoint after SIGINT or SIGTERM. No std::exception: an interrupted point has not failed.
struct Interrupted {};

/// While it lives, the first SIGINT or SIGTERM is noted instead of ending the program.
class InterruptGuard {
  public:
    InterruptGuard();
    ~InterruptGuard();
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;

  private:
    struct sigaction previous_interrupt_ {};
    struct sigaction previous_terminate_ {};
};

/// Whether a signal came since the last guard was set up.
bool is_interrupted();

}  // namespace bcbench
