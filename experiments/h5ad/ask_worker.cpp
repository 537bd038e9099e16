// The caller's side of a conversation with a worker: start it, wait, and say how it ended.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "engine/core/check.hpp"
#include "engine/core/checkpoint.hpp"
#include "experiments/h5ad/sizes.hpp"
#include "experiments/h5ad/transport.hpp"

extern char** environ;

namespace bcbench::h5ad {

namespace {

constexpr std::size_t longest_header = std::size_t{256} << 20;
constexpr int ask_every_ms = 50;
constexpr const char* worker_mark = "BCBENCH_H5AD_WORKER";

// A process that is killed and waited for unless it has ended.
class Process {
  public:
    explicit Process(pid_t id) : id_(id) {}
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process() {
        if (id_ <= 0) return;
        kill(id_, SIGKILL);
        wait();
    }
    int wait() {
        int status = 0;
        while (waitpid(id_, &status, 0) < 0 && errno == EINTR) {
        }
        id_ = -1;
        return status;
    }

  private:
    pid_t id_;
};

// The caller's, without what would change how HDF5 works; one thread of OpenBLAS, which a worker does not need.
std::vector<std::string> worker_environment() {
    std::vector<std::string> variables;
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
        const std::string_view text = *variable;
        if (text.starts_with("HDF5_") || text.starts_with("OPENBLAS_NUM_THREADS=")) continue;
        variables.emplace_back(text);
    }
    variables.push_back("HDF5_USE_FILE_LOCKING=FALSE");  // read-only files on network drives
    variables.push_back("OPENBLAS_NUM_THREADS=1");
    variables.push_back(std::string(worker_mark) + "=1");
    return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

Descriptor memory_with(const std::string& text) {
    Descriptor memory = shared_memory();
    std::size_t written = 0;
    while (written < text.size()) {
        const ssize_t count = write(memory.get(), text.data() + written, text.size() - written);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw std::bad_alloc();
        written += static_cast<std::size_t>(count);
    }
    return memory;
}

std::pair<Descriptor, Descriptor> pipe_ends() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::bad_alloc();
    std::pair<Descriptor, Descriptor> result{Descriptor(ends[0]), Descriptor(ends[1])};
    result.second = Descriptor(fcntl(ends[1], F_DUPFD_CLOEXEC, 16));
    return result;
}

pid_t start(const std::string& program, const std::vector<std::pair<int, int>>& descriptors) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    for (const auto& [from, to] : descriptors) posix_spawn_file_actions_adddup2(&actions, from, to);
    std::vector<std::string> arguments = {program, worker_command};
    std::vector<std::string> variables = worker_environment();
    pid_t id = -1;
    const int error =
        posix_spawn(&id, program.c_str(), &actions, nullptr, pointers(arguments).data(), pointers(variables).data());
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::runtime_error("cannot start " + program + ": " + std::strerror(error));
    return id;
}

// All that comes until the worker closes its end.
std::string read_header(int pipe) {
    std::string text;
    char buffer[1 << 16];
    while (text.size() <= longest_header) {
        pollfd ready = {pipe, POLLIN, 0};
        if (poll(&ready, 1, ask_every_ms) <= 0) {
            checkpoint();
            continue;
        }
        const ssize_t count = read(pipe, buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        text.append(buffer, static_cast<std::size_t>(count));
    }
    return text;
}

std::optional<nlohmann::json> parsed(const std::string& text) {
    std::uint64_t length = 0;
    if (text.size() < sizeof length) return std::nullopt;
    std::memcpy(&length, text.data(), sizeof length);
    if (length != text.size() - sizeof length) return std::nullopt;
    nlohmann::json header = nlohmann::json::parse(text.begin() + sizeof length, text.end(), nullptr, false);
    if (!header.is_object()) return std::nullopt;
    return header;
}

std::string end_text(int status, const H5adLimits& limits) {
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        return "damaged: the HDF5 library made no progress for " + std::to_string(limits.stall_seconds) + " seconds";
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
        return "the process reading it was killed, most likely because the machine is out of memory";
    }
    if (WIFSIGNALED(status)) {
        return "damaged: the HDF5 library stopped with signal " + std::to_string(WTERMSIG(status)) + " (" +
               strsignal(WTERMSIG(status)) + ")";
    }
    return "damaged: the process reading it ended with code " + std::to_string(WEXITSTATUS(status)) +
           " and gave no answer";
}

[[noreturn]] void fail_with(const nlohmann::json& header, const std::string& file) {
    const std::string path = header.value("path", "");
    throw DataError(file + ": " + (path.empty() ? "" : path + ": ") + header.at("fault").get<std::string>());
}

}  // namespace

std::uint64_t memory_limit(const H5adLimits& limits) {
    if (limits.memory != 0) return limits.memory;
    return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) / 4 *
           3;
}

Answer ask_worker(nlohmann::json question, const Descriptor& enclosed, const std::string& file,
                  const H5adLimits& limits) {
    if (std::getenv(worker_mark) != nullptr) {
        throw std::logic_error("this program cannot read .h5ad files: its main does not call h5ad::worker_main first");
    }
    question["file"] = file;
    question["limits"] = {
        {"memory", memory_limit(limits)}, {"stall_seconds", limits.stall_seconds}, {"threads", limits.threads}};
    const Descriptor asked = memory_with(question.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    Answer answer{nullptr, shared_memory()};
    auto [pipe_out, pipe_in] = pipe_ends();
    Process worker(start(limits.program, {{asked.get(), question_descriptor},
                                          {enclosed.get(), enclosed_descriptor},
                                          {answer.memory.get(), answer_descriptor},
                                          {pipe_in.get(), header_descriptor}}));
    pipe_in.close();
    const std::string text = read_header(pipe_out.get());
    pipe_out.close();
    const int status = worker.wait();
    auto header = parsed(text);
    if (!header || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        throw DataError(file + ": " + end_text(status, limits));
    // nobody writes any more, and nothing may be cut off while it is mapped
    fcntl(answer.memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
    if (header->contains("fault")) fail_with(*header, file);
    answer.header = std::move(*header);
    return answer;
}

void require_hdf5(const std::string& file) {
    namespace fs = std::filesystem;
    std::error_code error;
    const fs::file_status status = fs::status(file, error);
    if (fs::is_directory(status)) {
        const bool zarr =
            fs::exists(fs::path(file) / ".zgroup", error) || fs::exists(fs::path(file) / "zarr.json", error);
        throw DataError(file +
                        (zarr ? ": is a zarr store, expected an .h5ad file; anndata.read_zarr(...).write_h5ad(...) "
                                "makes one"
                              : ": is a directory, expected an .h5ad file"));
    }
    if (!fs::exists(status)) throw DataError(file + ": there is no such file");
    if (!fs::is_regular_file(status)) throw DataError(file + ": is no regular file");
    std::ifstream stream(file, std::ios::binary);
    char start[8] = {};
    stream.read(start, sizeof start);
    const std::string_view begin(start, static_cast<std::size_t>(stream.gcount()));
    if (!stream && !stream.eof()) throw DataError(file + ": cannot be read");
    if (begin == "\x89HDF\r\n\x1a\n") return;
    const char* what = begin.empty()                     ? "is empty"
                       : begin.starts_with("\x1f\x8b")   ? "is compressed with gzip; gunzip it first"
                       : begin.starts_with("PK\x03\x04") ? "is a zip archive; unzip it first"
                       : begin.starts_with("version ") ? "is a pointer of Git LFS; fetch the data first (git lfs pull)"
                       : begin.starts_with("<")        ? "is a web page or XML, not the data"
                                                       : "is no HDF5 file";
    throw DataError(file + ": " + what + "; expected an .h5ad file as anndata writes it");
}

}  // namespace bcbench::h5ad
