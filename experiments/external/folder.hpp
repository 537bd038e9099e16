// The folder of one run of a method: fresh, and gone afterwards.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace bcbench::external {

class Folder {
  public:
    /// Makes input/, output/, work/ and tmp/ in a new folder below $TMPDIR; folders of programs that were killed are
    /// removed first. Throws FileError.
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::filesystem::path input() const { return path_ / "input"; }
    std::filesystem::path output() const { return path_ / "output"; }
    std::filesystem::path work() const { return path_ / "work"; }
    std::filesystem::path temporary() const { return path_ / "tmp"; }

  private:
    std::filesystem::path path_;
};

/// The bytes of a regular file that a method wrote; `name` stands for it in messages. Links, pipes and files of more
/// than `most` bytes are refused, with DataError.
std::string read_output_file(const std::filesystem::path& file, const std::string& name, std::size_t most);

}  // namespace bcbench::external
