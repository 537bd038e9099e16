#include "experiments/progress.hpp"

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "experiments/clock.hpp"

namespace bcbench {

namespace {

constexpr double redraw_seconds = 0.1;

}  // namespace

namespace {

// One on which a line can be written over.
bool is_terminal() {
    const char* const kind = std::getenv("TERM");
    return isatty(STDERR_FILENO) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
}

}  // namespace

Progress::Progress(std::uint64_t total, bool quiet)
    : total_(total), start_(seconds_now()), quiet_(quiet), terminal_(is_terminal()) {}

std::string Progress::time_left() const {
    if (computed_ == 0) return "";
    const double per_point = (seconds_now() - start_) / static_cast<double>(computed_);
    const double seconds = per_point * static_cast<double>(total_ - done_);
    char text[64];
    std::snprintf(text, sizeof text, ", %.3g points/s, %.0f s left", 1.0 / per_point, std::ceil(seconds));
    return text;
}

void Progress::advance(const std::string& id, const std::string& status) {
    ++done_;
    if (status == "failed") ++failed_;
    if (status != "resumed") ++computed_;
    if (quiet_) return;
    const std::string count = "[" + std::to_string(done_) + "/" + std::to_string(total_) + "]";
    if (!terminal_) {
        std::fprintf(stderr, "%s %s %s\n", count.c_str(), status.c_str(), id.c_str());
        return;
    }
    if (done_ < total_ && seconds_now() - last_drawn_ < redraw_seconds) return;
    last_drawn_ = seconds_now();
    const std::string failed = failed_ > 0 ? ", " + std::to_string(failed_) + " failed" : "";
    std::fprintf(stderr, "\r\033[K%s%s%s  %s", count.c_str(), failed.c_str(), time_left().c_str(),
                 id.c_str());
    std::fflush(stderr);
}

void Progress::finish() {
    if (!quiet_ && terminal_ && done_ > 0) std::fputs("\r\033[K", stderr);
}

}  // namespace bcbench
