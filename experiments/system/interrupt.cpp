#include "experiments/system/interrupt.hpp"

#include <cstdlib>
#include <ctime>

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string_view>

namespace bcbench {

namespace {

std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);  // hence safe in a signal handler

constexpr std::string_view answer =
    "\nstopping; what is finished is kept and written to the tables; again to end at once\n";

void note(int) {
    if (interrupted.exchange(true)) return;
    const int error = errno;
    if (write(STDERR_FILENO, answer.data(), answer.size()) < 0) {
        // nobody listens any more, as after a hang-up
    }
    errno = error;
}

// A signal that is ignored, as in a background job of a shell, stays ignored. A terminal that is closed hangs up more
// than once, which is no wish to end at once.
void set_up(int signal, struct sigaction& previous) {
    struct sigaction action {};
    action.sa_handler = note;
    action.sa_flags = static_cast<int>(signal == SIGHUP ? SA_RESTART : SA_RESETHAND | SA_RESTART);
    sigaction(signal, nullptr, &previous);
    if (previous.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard() {
    interrupted = false;
    for (std::size_t i = 0; i < signals.size(); ++i) set_up(signals[i], previous_[i]);
}

InterruptGuard::~InterruptGuard() {
    for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &previous_[i], nullptr);
}

bool is_interrupted() { return interrupted; }

void pause_for_tests(const std::string& place) {
    const char* wanted = std::getenv("BCBENCH_TEST_PAUSE");
    if (wanted == nullptr || std::string(wanted).rfind(place, 0) != 0) return;
    const bool until_signal = wanted == place + "-until-signal";
    for (int i = 0; i < 1000 && !(until_signal && is_interrupted()); ++i) {
        const timespec ten_milliseconds{0, 10'000'000};
        nanosleep(&ten_milliseconds, nullptr);
    }
}

}  // namespace bcbench
