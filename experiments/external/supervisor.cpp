// Everything between fork and exec is free of allocation and of locks: other threads of this program may hold some.
#include "experiments/external/supervisor.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace bcbench::external {

namespace {

// where the supervisor keeps its descriptors
constexpr int lifeline_descriptor = 3;
constexpr int report_descriptor = 4;
constexpr int log_descriptor = 5;
constexpr int beyond_standard = 64;
constexpr int most_rounds_of_killing = 10'000;

void send(Report::Kind kind, std::int32_t value, std::uint64_t peak_bytes = 0, std::uint64_t microseconds = 0) {
    const Report report{kind, value, peak_bytes, microseconds};
    while (write(report_descriptor, &report, sizeof report) < 0 && errno == EINTR) {
    }
}

// ---- the method's process, until it is the method ----

void limit(int resource, std::uint64_t bytes) {
    const rlimit both = {bytes, bytes};
    setrlimit(static_cast<__rlimit_resource_t>(resource), &both);
}

// Every descriptor beyond those that are known.
void close_others() {
    if (close_range(log_descriptor + 1, ~0U, 0) == 0) return;
    for (int descriptor = log_descriptor + 1; descriptor < 4096; ++descriptor) close(descriptor);
}

[[noreturn]] void become(const Start& start) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // should somebody kill the supervisor
    setsid();
    dup2(log_descriptor, STDOUT_FILENO);
    dup2(log_descriptor, STDERR_FILENO);
    fcntl(report_descriptor, F_SETFD, FD_CLOEXEC);
    close(lifeline_descriptor);
    close(log_descriptor);
    close_others();
    for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, start.most_file_bytes);
    if (chdir(start.directory) == 0) execve(start.program, start.arguments, start.environment);
    send(Report::not_started, errno);
    _exit(127);
}

// ---- the end of everything it has started ----

// The parent of the process `name`, a number; 0 if it cannot be told.
pid_t parent_of(const char* name) {
    std::array<char, 64> path{"/proc/"};
    if (std::strlen(name) > 20) return 0;
    std::strcat(path.data(), name);
    std::strcat(path.data(), "/stat");
    const int file = open(path.data(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    std::array<char, 1024> text{};
    const ssize_t size = read(file, text.data(), text.size() - 1);
    close(file);
    const char* close_parenthesis = size > 0 ? std::strrchr(text.data(), ')') : nullptr;
    if (close_parenthesis == nullptr || std::strlen(close_parenthesis) < 5) return 0;
    pid_t parent = 0;  // ") S 123 ..."
    for (const char* digit = close_parenthesis + 4; *digit >= '0' && *digit <= '9'; ++digit)
        parent = parent * 10 + (*digit - '0');
    return parent;
}

// The number that a name of /proc stands for; 0 if it is none.
pid_t process_id(const char* name) {
    pid_t id = 0;
    for (; *name >= '0' && *name <= '9'; ++name) id = id * 10 + (*name - '0');
    return *name == '\0' ? id : 0;
}

// Kills the children of this process, which everything becomes whose parent has died.
void kill_children() {
    const int directory = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return;
    const pid_t self = getpid();
    alignas(dirent64) std::array<char, 1 << 15> entries;
    for (;;) {
        const long size = syscall(SYS_getdents64, directory, entries.data(), entries.size());
        if (size <= 0) break;
        for (long at = 0; at < size;) {
            const auto* entry = reinterpret_cast<const dirent64*>(entries.data() + at);
            const pid_t id = process_id(entry->d_name);
            if (id > 1 && parent_of(entry->d_name) == self) kill(id, SIGKILL);
            at += entry->d_reclen;
        }
    }
    close(directory);
}

void end_everything(pid_t method) {
    kill(-method, SIGKILL);
    for (int round = 0; round < most_rounds_of_killing; ++round) {
        pid_t ended = 0;
        while ((ended = waitpid(-1, nullptr, WNOHANG)) > 0) {
        }
        if (ended < 0 && errno == ECHILD) return;
        kill_children();
        pollfd nothing{-1, 0, 0};
        poll(&nothing, 1, round < 10 ? 0 : 1);
    }
    send(Report::left_behind, 1);
}

// ---- the supervisor ----

// Until the method has ended, or the lifeline.
void watch(pid_t method, int signals) {
    for (;;) {
        int status = 0;
        rusage usage{};
        pid_t ended = 0;
        while ((ended = wait4(-1, &status, WNOHANG, nullptr)) > 0) {
            if (ended != method) continue;
            getrusage(RUSAGE_CHILDREN, &usage);
            const auto micro = [](const timeval& time) {
                return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(time.tv_usec);
            };
            send(Report::ended, status, static_cast<std::uint64_t>(usage.ru_maxrss) * 1024,
                 micro(usage.ru_utime) + micro(usage.ru_stime));
            return;
        }
        pollfd events[] = {{lifeline_descriptor, POLLIN, 0}, {signals, POLLIN, 0}};
        if (poll(events, 2, -1) < 0 && errno != EINTR) return;
        if (events[0].revents != 0) return;
        signalfd_siginfo information;
        while (read(signals, &information, sizeof information) > 0) {
        }
    }
}

[[noreturn]] void supervise(const Start& start, int lifeline, int report, int log) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "bcbench-command");
    setsid();  // Ctrl-C of a terminal is for the program alone, which then lets go of the lifeline
    sigset_t child;
    sigfillset(&child);
    sigprocmask(SIG_SETMASK, &child, nullptr);
    const int first = fcntl(lifeline, F_DUPFD, beyond_standard);
    const int second = fcntl(report, F_DUPFD, beyond_standard);
    const int third = fcntl(log, F_DUPFD, beyond_standard);
    dup2(first, lifeline_descriptor);
    dup2(second, report_descriptor);
    dup2(third, log_descriptor);
    close_others();
    const int nowhere = open("/dev/null", O_RDWR);
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(nowhere, standard);
    if (nowhere > log_descriptor) close(nowhere);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    const int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    const pid_t method = _Fork();
    if (method == 0) become(start);
    close(log_descriptor);
    if (method < 0) {
        send(Report::not_started, errno);
        _exit(1);
    }
    watch(method, signals);
    end_everything(method);
    _exit(0);
}

}  // namespace

pid_t start_supervised(const Start& start, int lifeline, int report, int log) {
    const pid_t supervisor = _Fork();
    if (supervisor == 0) supervise(start, lifeline, report, log);
    if (supervisor < 0) throw std::system_error(errno, std::generic_category(), "cannot start a further process");
    return supervisor;
}

}  // namespace bcbench::external
