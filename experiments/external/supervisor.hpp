// The process between this program and a method of the user's: it starts the method and, at the end, whatever happens,
// ends everything that the method has started.
#pragma once

#include <cstdint>

#include <sys/types.h>

namespace bcbench::external {

/// What the supervisor is to start, prepared before the fork: it must not allocate.
struct Start {
    const char* program;       // absolute path
    char* const* arguments;    // ends with nullptr, the first is the name
    char* const* environment;  // ends with nullptr
    const char* directory;     // where it starts
    std::uint64_t most_file_bytes;
};

/// What the supervisor says through the report pipe.
struct Report {
    enum Kind : std::int32_t { not_started, ended, left_behind };
    Kind kind;
    std::int32_t value;               // errno; wait status; number of processes that could not be ended
    std::uint64_t peak_bytes;         // of `ended`: largest resident size of any one of its processes
    std::uint64_t user_microseconds;  // of `ended`: processor time of all its processes
};

/// Forks the supervisor; returns its process id. It starts the method in a session of its own, with the three
/// descriptors as lifeline (its end is the method's), report and log (standard output and error of the method). Once
/// the method has ended, or the lifeline has no other end any more, it kills every process that descends from the
/// method, also those that have left its group or session, and exits. Throws std::system_error if there can be no
/// further process.
pid_t start_supervised(const Start& start, int lifeline, int report, int log);

}  // namespace bcbench::external
