#include "experiments/interrupt.hpp"

#include <atomic>

namespace bcbench {

namespace {

std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);  // hence safe in a signal handler

void note(int) {
    interrupted = true;
}

// A signal that is ignored, as in a background job of a shell, stays ignored.
void set_up(int signal, struct sigaction& previous) {
    struct sigaction action {};
    action.sa_handler = note;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    sigaction(signal, nullptr, &previous);
    if (previous.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard() {
    interrupted = false;
    set_up(SIGINT, previous_interrupt_);
    set_up(SIGTERM, previous_terminate_);
}

InterruptGuard::~InterruptGuard() {
    sigaction(SIGINT, &previous_interrupt_, nullptr);
    sigaction(SIGTERM, &previous_terminate_, nullptr);
}

bool is_interrupted() {
    return interrupted;
}

}  // namespace bcbench
