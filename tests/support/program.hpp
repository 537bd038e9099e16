// The built program as a user calls it.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/support/temporary_directory.hpp"

namespace bcbench::testing {

struct Output {
    int code = -1;
    std::string out;
    std::string err;
};

inline std::string contents(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

/// Runs `bcbench ARGUMENTS` in a shell; `prefix` goes before it (environment, ulimit).
inline Output bcbench_program(const std::string& arguments, const std::filesystem::path& scratch,
                              const std::string& prefix = "") {
    const std::string command = prefix + " " BCBENCH_PROGRAM " " + arguments + " >'" + (scratch / "stdout").string() +
                                "' 2>'" + (scratch / "stderr").string() + "'";
    const int status = std::system(command.c_str());
    Output output;
    output.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    output.out = contents(scratch / "stdout");
    output.err = contents(scratch / "stderr");
    return output;
}

/// A directory of its own, and the program run in it.
struct Scratch {
    TemporaryDirectory directory;
    std::string path() const { return directory.file(""); }
    std::string operator/(const std::string& name) const { return directory.file(name); }
    Output operator()(const std::string& arguments, const std::string& prefix = "") const {
        return bcbench_program(arguments, directory.file(""), prefix);
    }
};

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace bcbench::testing
