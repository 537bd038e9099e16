#include "experiments/run/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "experiments/system/clock.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {

namespace {

constexpr double redraw_seconds = 0.1;

// One on which a line can be written over.
bool is_terminal() {
    const char* const kind = std::getenv("TERM");
    return isatty(STDERR_FILENO) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
}

// Columns of the terminal; 80 if it does not say.
std::size_t columns() {
    winsize size{};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
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
    if (quiet_ || terminal_) return;
    std::fprintf(stderr, "[%llu/%llu] %s %s\n", static_cast<unsigned long long>(done_),
                 static_cast<unsigned long long>(total_), status.c_str(), id.c_str());
}

void Progress::draw(const std::string& current) {
    if (quiet_ || !terminal_) return;
    if (seconds_now() - last_drawn_ < redraw_seconds) return;
    last_drawn_ = seconds_now();
    std::string line = "[" + std::to_string(done_) + "/" + std::to_string(total_) + "]";
    if (failed_ > 0) line += ", " + std::to_string(failed_) + " failed";
    line += time_left() + "  " + current;
    line.resize(utf8_prefix(line, columns() - 1).size());  // a line that wraps cannot be written over
    std::fprintf(stderr, "\r\033[K%s", line.c_str());
    std::fflush(stderr);
    drawn_ = true;
}

void Progress::finish() {
    if (drawn_) std::fputs("\r\033[K", stderr);
}

}  // namespace bcbench
