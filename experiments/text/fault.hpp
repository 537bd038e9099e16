// Faults of a config: where they are (JSON pointer), what is wrong and what would be right.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace bcbench {

struct Fault {
    std::string pointer;  // JSON pointer (RFC 6901) into the config; empty: the whole file
    std::string message;  // what is wrong, what is allowed
};

/// A config that cannot be used. what() has one line per fault: `file: /json/pointer: message`.
class ConfigError : public std::runtime_error {
  public:
    /// `origin` is the file as the user named it, or the command-line argument at fault.
    ConfigError(const std::string& origin, std::vector<Fault> faults)
        : std::runtime_error(text(origin, faults)), faults_(std::move(faults)) {}

    const std::vector<Fault>& faults() const { return faults_; }

  private:
    static std::string text(const std::string& origin, const std::vector<Fault>& faults) {
        std::string lines;
        for (const Fault& fault : faults) {
            if (!lines.empty()) lines += '\n';
            lines += origin + ": ";
            if (!fault.pointer.empty()) lines += fault.pointer + ": ";
            lines += fault.message;
        }
        return lines;
    }

    std::vector<Fault> faults_;
};

}  // namespace bcbench
