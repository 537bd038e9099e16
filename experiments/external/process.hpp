// One process of the user's, from start to end, within limits; nothing of it survives the call.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace bcbench::external {

struct Task {
    std::filesystem::path program;                          // absolute
    std::vector<std::string> arguments;                     // without the program's name
    std::vector<std::string> environment;                   // "NAME=value"
    std::filesystem::path directory;                        // where it starts
    std::optional<double> max_seconds = {};                 // a limit of this process, beside what checkpoints ask
    std::optional<std::uint64_t> max_memory_bytes = {};     // of it and everything it has started
    std::uint64_t max_file_bytes = std::uint64_t{1} << 40;  // of any one file that it writes
};

/// How it ended.
struct Ended {
    int exit_code = 0;         // where signal is 0
    int signal = 0;            // that ended it
    std::string output;        // the end of what it printed, at most some 64 KiB
    double seconds = 0.0;      // from its start to its end
    double cpu_seconds = 0.0;  // of all its processes
};

/// It could not be started, or went beyond a limit.
struct ProcessError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Runs it and waits; checkpoints of the calling thread (engine/core/checkpoint.hpp) may end the wait, and with it the
/// process. Whether it returns or throws, every process that the task has started is gone. Throws ProcessError.
Ended run_process(const Task& task);

/// "exit code 1", "signal 11 (Segmentation fault)".
std::string how(const Ended& ended);

/// The last `n` lines of a text, without empty ones at its end; what is no UTF-8 or a control character is escaped.
std::string last_lines(const std::string& text, std::size_t n);

}  // namespace bcbench::external
