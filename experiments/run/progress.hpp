// Progress of a run on stderr: one line that is rewritten on a terminal, one line per point elsewhere.
#pragma once

#include <cstdint>
#include <string>

namespace bcbench {

class Progress {
  public:
    Progress(std::uint64_t total, bool quiet);

    /// A point is finished: `status` is its status, or "resumed".
    void advance(const std::string& id, const std::string& status);

    /// Draws the line anew, not too often: done / total, failed, rate, time left and the current point.
    void draw(const std::string& current);

    /// Leaves the terminal on a fresh line.
    void finish();

  private:
    std::string time_left() const;

    std::uint64_t total_;
    std::uint64_t done_ = 0;
    std::uint64_t failed_ = 0;
    std::uint64_t computed_ = 0;
    double start_;
    double last_drawn_ = 0.0;
    bool quiet_;
    bool terminal_;
    bool drawn_ = false;
};

}  // namespace bcbench
