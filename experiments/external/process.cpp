#include "experiments/external/process.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <system_error>
#include <utility>

#include "engine/core/checkpoint.hpp"
#include "engine/io/csv.hpp"
#include "experiments/external/supervisor.hpp"
#include "experiments/system/clock.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench::external {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kept_output = 1U << 16;
constexpr int ask_every_ms = 5;
constexpr double seconds_between_looks_at_memory = 0.05;

class Pipe {
  public:
    Pipe() {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
        out = ends[0];
        in = ends[1];
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close_end(out);
        close_end(in);
    }
    static void close_end(int& end) {
        if (end >= 0) ::close(end);
        end = -1;
    }
    int out = -1;  // is read
    int in = -1;   // is written
};

// The supervisor of a task, ended and waited for.
class Supervisor {
  public:
    Supervisor(pid_t id, Pipe& lifeline) : id_(id), lifeline_(lifeline) {}
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;
    ~Supervisor() { end(); }

    pid_t id() const { return id_; }
    void end() {
        if (ended_) return;
        ended_ = true;
        Pipe::close_end(lifeline_.in);
        while (waitpid(id_, nullptr, 0) < 0 && errno == EINTR) {
        }
    }

  private:
    pid_t id_;
    Pipe& lifeline_;
    bool ended_ = false;
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

// ---- memory of a tree of processes ----

std::map<pid_t, std::vector<pid_t>> children_of_all() {
    std::map<pid_t, std::vector<pid_t>> children;
    std::error_code error;
    for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        std::ifstream file(entry->path() / "stat");
        std::string text;
        if (!std::getline(file, text)) continue;
        const std::size_t end_of_name = text.rfind(')');
        if (end_of_name == std::string::npos || end_of_name + 4 >= text.size()) continue;
        children[static_cast<pid_t>(std::atoi(text.c_str() + end_of_name + 4))].push_back(
            static_cast<pid_t>(std::atoi(name.c_str())));
    }
    return children;
}

std::uint64_t resident_bytes_of(pid_t process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/statm");
    std::uint64_t pages = 0;
    file >> pages >> pages;
    return file ? pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

// Its share of what it holds together with others, as after a fork; the whole where the system does not say.
std::uint64_t proportional_bytes_of(pid_t process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/smaps_rollup");
    for (std::string word; file >> word;) {
        std::uint64_t kilobytes = 0;
        if (word == "Pss:" && file >> kilobytes) return kilobytes * 1024;
    }
    return resident_bytes_of(process);
}

// Of everything below the process, without itself. Where the sum of the resident sizes is within `most` nothing finer
// is asked.
std::uint64_t bytes_below(pid_t process, std::uint64_t most) {
    const auto children = children_of_all();
    std::vector<pid_t> below;
    std::vector<pid_t> next = {process};
    while (!next.empty()) {
        const pid_t parent = next.back();
        next.pop_back();
        const auto found = children.find(parent);
        if (found == children.end()) continue;
        below.insert(below.end(), found->second.begin(), found->second.end());
        next.insert(next.end(), found->second.begin(), found->second.end());
    }
    std::uint64_t sum = 0;
    for (const pid_t each : below) sum += resident_bytes_of(each);
    if (sum <= most) return sum;
    sum = 0;
    for (const pid_t each : below) sum += proportional_bytes_of(each);
    return sum;
}

// ---- the wait ----

// The end of a text that comes piece by piece.
class Tail {
  public:
    void add(const char* text, std::size_t size) {
        text_.append(text, size);
        if (text_.size() > 2 * kept_output) text_.erase(0, text_.size() - kept_output);
    }
    std::string take() { return std::move(text_); }

  private:
    std::string text_;
};

// What is there; false at its end.
bool read_some(int pipe, Tail& tail) {
    char buffer[1 << 16];
    const ssize_t size = read(pipe, buffer, sizeof buffer);
    if (size < 0) return errno == EINTR || errno == EAGAIN;
    tail.add(buffer, static_cast<std::size_t>(size));
    return size > 0;
}

class Watch {
  public:
    explicit Watch(const Task& task) : task_(task), start_(seconds_now()) {}
    double seconds() const { return seconds_now() - start_; }

    void ask(pid_t supervisor) {
        checkpoint();
        if (task_.max_seconds && seconds() > *task_.max_seconds)
            throw ProcessError("takes longer than " + number_text(*task_.max_seconds) + " seconds");
        if (!task_.max_memory_bytes || seconds() - last_look_ < seconds_between_looks_at_memory) return;
        last_look_ = seconds();
        require_memory(bytes_below(supervisor, *task_.max_memory_bytes));
    }
    void require_memory(std::uint64_t bytes) const {
        if (!task_.max_memory_bytes || bytes <= *task_.max_memory_bytes) return;
        throw ProcessError("needs more memory than limits.max_memory_bytes = " +
                           std::to_string(*task_.max_memory_bytes) + ": its processes held " + std::to_string(bytes));
    }

  private:
    const Task& task_;
    double start_;
    double last_look_ = -1.0;
};

}  // namespace

Ended run_process(const Task& task) {
    std::vector<std::string> arguments = {task.program.string()};
    arguments.insert(arguments.end(), task.arguments.begin(), task.arguments.end());
    std::vector<std::string> environment = task.environment;
    const std::vector<char*> argument_pointers = pointers(arguments);
    const std::vector<char*> environment_pointers = pointers(environment);
    const std::string program = task.program.string();
    const std::string directory = task.directory.string();

    Pipe lifeline;
    Pipe report_pipe;
    Pipe log;
    Watch watch(task);
    const Start start{program.c_str(), argument_pointers.data(), environment_pointers.data(), directory.c_str(),
                      task.max_file_bytes};
    Supervisor supervisor(start_supervised(start, lifeline.out, report_pipe.in, log.in), lifeline);
    Pipe::close_end(lifeline.out);
    Pipe::close_end(report_pipe.in);
    Pipe::close_end(log.in);

    Tail tail;
    std::optional<Report> report;
    Ended ended;
    bool log_is_open = true;
    bool report_is_open = true;
    while (log_is_open || report_is_open) {
        pollfd events[] = {{log_is_open ? log.out : -1, POLLIN, 0}, {report_is_open ? report_pipe.out : -1, POLLIN, 0}};
        poll(events, 2, ask_every_ms);
        if (events[0].revents != 0) log_is_open = read_some(log.out, tail);
        if (events[1].revents != 0) {
            Report one{};
            const ssize_t size = read(report_pipe.out, &one, sizeof one);
            if (size == 0) report_is_open = false;
            if (size == sizeof one && one.kind == Report::left_behind)
                throw ProcessError("has started processes faster than they could be ended");
            if (size == sizeof one && !report) {
                report = one;
                ended.seconds = watch.seconds();
            }
        }
        watch.ask(supervisor.id());
    }
    supervisor.end();
    if (!report) throw ProcessError("was ended together with the process that watched over it");
    if (report->kind == Report::not_started) {
        throw ProcessError(
            "cannot start " + program + ": " + std::strerror(report->value) +
            (report->value == ENOENT ? "; if it is a script, the interpreter of its first line is missing" : ""));
    }
    watch.require_memory(report->peak_bytes);
    ended.output = tail.take();
    ended.cpu_seconds = static_cast<double>(report->user_microseconds) * 1e-6;
    if (WIFSIGNALED(report->value)) {
        ended.signal = WTERMSIG(report->value);
    } else {
        ended.exit_code = WEXITSTATUS(report->value);
    }
    return ended;
}

std::string how(const Ended& ended) {
    if (ended.signal == 0) return "exit code " + std::to_string(ended.exit_code);
    return "signal " + std::to_string(ended.signal) + " (" + strsignal(ended.signal) + ")";
}

std::string last_lines(const std::string& text, std::size_t n) {
    constexpr std::size_t longest_line = 300;
    std::vector<std::string> lines;
    for (std::size_t start = 0; start < text.size();) {
        const std::size_t end = std::min(text.find('\n', start), text.size());
        std::string line = text.substr(start, end - start);
        std::replace(line.begin(), line.end(), '\t', ' ');
        if (line.ends_with('\r')) line.pop_back();
        lines.push_back(escaped(line));
        if (lines.back().size() > longest_line)
            lines.back() = std::string(utf8_prefix(lines.back(), longest_line)) + "...";
        start = end + 1;
    }
    while (!lines.empty() && lines.back().find_first_not_of(" \r") == std::string::npos) lines.pop_back();
    std::string result;
    for (std::size_t i = lines.size() > n ? lines.size() - n : 0; i < lines.size(); ++i)
        result += (result.empty() ? "" : "\n") + lines[i];
    return result;
}

}  // namespace bcbench::external
