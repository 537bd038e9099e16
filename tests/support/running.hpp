// The built program in the background, to be interrupted or killed.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace bcbench::testing {

class Running {
  public:
    /// Starts `bcbench ARGUMENTS`; stderr goes to the file `errors`, stdout nowhere.
    Running(const std::vector<std::string>& arguments, const std::string& errors) {
        std::vector<char*> argv = {const_cast<char*>(BCBENCH_PROGRAM)};
        for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
        argv.push_back(nullptr);
        process_ = fork();
        if (process_ < 0) throw std::runtime_error("fork failed");
        if (process_ > 0) return;
        for (const int each : {SIGINT, SIGHUP})
            signal(each, SIG_DFL);  // a test started in the background may have them ignored
        dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
        dup2(open(errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644), STDERR_FILENO);
        execv(BCBENCH_PROGRAM, argv.data());
        _exit(127);
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() {
        if (process_ > 0) {
            kill(process_, SIGKILL);
            waitpid(process_, nullptr, 0);
        }
    }

    void send(int signal_number) const { kill(process_, signal_number); }

    /// Waits for the end: the exit code, or 128 + the signal that ended it.
    int wait() {
        int status = 0;
        waitpid(process_, &status, 0);
        process_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

  private:
    pid_t process_ = -1;
};

/// Waits up to a minute until `holds`; whether it came true.
inline bool wait_until(const std::function<bool()>& holds) {
    for (int i = 0; i < 6000; ++i) {
        if (holds()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return holds();
}

inline std::size_t files_in(const std::filesystem::path& directory, const std::string& extension) {
    std::size_t count = 0;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
        if (entry->path().extension() == extension) ++count;
    }
    return count;
}

}  // namespace bcbench::testing
