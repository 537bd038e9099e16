// Ctrl-C: the run stops at the next checkpoint and keeps what is done; a second one ends the program at once.
#pragma once

#include <signal.h>

#include <array>
#include <string>

namespace bcbench {

/// Thrown at a checkpoint after a signal. No std::exception: an interrupted point has not failed.
struct Interrupted {};

/// While it lives, the first SIGINT or SIGTERM, and any SIGHUP, is noted instead of ending the program; a line on
/// stderr says so.
class InterruptGuard {
  public:
    InterruptGuard();
    ~InterruptGuard();
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;

  private:
    static constexpr std::array<int, 3> signals = {SIGINT, SIGTERM, SIGHUP};
    std::array<struct sigaction, signals.size()> previous_{};
};

/// Whether a signal came since the last guard was set up.
bool is_interrupted();

/// A place where tests of signals can hold the program: if $BCBENCH_TEST_PAUSE is `place`, waits 10 seconds; if it is
/// `place` and "-until-signal", at most so long, until a signal came. Else does nothing.
void pause_for_tests(const std::string& place);

}  // namespace bcbench
