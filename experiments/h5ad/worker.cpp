#include "experiments/h5ad/worker.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <string>

#include "engine/core/parallel.hpp"
#include "experiments/h5ad/sizes.hpp"
#include "experiments/h5ad/transport.hpp"
#include "experiments/h5ad/worker/additions.hpp"
#include "experiments/h5ad/worker/columns.hpp"
#include "experiments/h5ad/worker/hdf.hpp"
#include "experiments/h5ad/worker/matrices.hpp"
#include "experiments/h5ad/worker/summary.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BCBENCH_ADDRESS_SPACE_IS_SHADOWED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BCBENCH_ADDRESS_SPACE_IS_SHADOWED 1
#endif
#endif

namespace bcbench::h5ad {

namespace {

// Of the program and its libraries, before any data.
[[maybe_unused]] constexpr rlim_t own_memory = rlim_t{1} << 30;

void set_limit(__rlimit_resource resource, rlim_t value) {
    const rlimit limit = {value, value};
    setrlimit(resource, &limit);  // raising is refused, and then the limit is lower already
}

// A worker ends with the thread that started it, leaves no core file, and Ctrl-C is the caller's business.
void leave_the_caller_alone() {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    signal(SIGINT, SIG_IGN);
    signal(SIGALRM, SIG_DFL);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_UNBLOCK, &all, nullptr);
    set_limit(RLIMIT_CORE, 0);
    close_range(header_descriptor + 1, ~0U, 0);
}

std::string question_text() {
    struct stat status = {};
    if (fstat(question_descriptor, &status) != 0) return {};
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    if (pread(question_descriptor, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) return {};
    return text;
}

void send(const nlohmann::json& header) {
    const std::string text = header.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    const std::uint64_t length = text.size();
    std::string message(reinterpret_cast<const char*>(&length), sizeof length);
    message += text;
    for (std::size_t sent = 0; sent < message.size();) {
        const ssize_t count = write(header_descriptor, message.data() + sent, message.size() - sent);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return;
        sent += static_cast<std::size_t>(count);
    }
}

// ---- the three questions ----

nlohmann::json read_request(const File& file, const nlohmann::json& question) {
    Outbox outbox(answer_descriptor);
    const Table obs(file, "obs");
    nlohmann::json answer = {{"n_cells", obs.n_rows()}};
    answer["cell_names"] = outbox.texts(obs.index());
    answer["labels"] = nlohmann::json::array();
    for (const std::string name : question.at("labels")) {
        const CodedLabels labels = labels_of(obs.column(name), "obs/" + name);
        auto [codes, reference] = outbox.allocate<std::int32_t>(labels.codes.size());
        std::copy(labels.codes.begin(), labels.codes.end(), codes);
        answer["labels"].push_back({{"codes", std::move(reference)}, {"names", outbox.texts(labels.names)}});
    }
    answer["numbers"] = nlohmann::json::array();
    for (const std::string name : question.at("numbers")) {
        const std::vector<double> values = numbers_of(obs.column(name), "obs/" + name);
        auto [to, reference] = outbox.allocate<double>(values.size());
        std::copy(values.begin(), values.end(), to);
        answer["numbers"].push_back(std::move(reference));
    }
    const std::string cells = question.at("cells");
    if (cells.empty()) return answer;
    std::vector<std::string> features;
    if (!cells.starts_with("obsm/")) {
        const Table var(file, cells == "raw/X" ? "raw/var" : "var");
        features = var.index();
    }
    answer["matrix"] = read_matrix(file, cells, obs.n_rows(), features.size(), outbox);
    answer["feature_names"] = outbox.texts(features);
    return answer;
}

nlohmann::json answer_to(const nlohmann::json& question) {
    const nlohmann::json& limits = question.at("limits");
    const Budget budget{limits.at("memory"), limits.at("stall_seconds"), limits.at("threads")};
#ifndef BCBENCH_ADDRESS_SPACE_IS_SHADOWED
    if (budget.memory < RLIM_INFINITY - own_memory) set_limit(RLIMIT_AS, budget.memory + own_memory);
#endif
    set_thread_count(std::max(1U, budget.threads));
    alarm(budget.stall_seconds);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // faults are reported by their return value, not on the terminal
    H5PLset_loading_state(0);                     // no filters from plugin folders
    const std::string kind = question.at("kind");
    try {
        const File file(question.at("file"), kind == "write", budget);
        if (kind == "read") return read_request(file, question);
        if (kind == "describe") return summary_of(file);
        const Inbox enclosed(enclosed_descriptor);
        return add_to(file, question, enclosed);
    } catch (const FileFault& fault) {
        return {{"fault", fault.what()}, {"path", fault.path}};
    } catch (const std::bad_alloc&) {
        return {{"fault", "reading it takes more than the limit of " + byte_text(budget.memory) + " of memory"}};
    }
}

}  // namespace

std::optional<int> worker_main(int argc, char** argv) {
    if (argc != 2 || std::string(argv[1]) != worker_command || fcntl(header_descriptor, F_GETFD) < 0)
        return std::nullopt;
    leave_the_caller_alone();
    nlohmann::json answer;
    try {
        answer = answer_to(nlohmann::json::parse(question_text()));
    } catch (const std::exception& error) {
        answer = {{"fault", std::string("cannot be read: ") + error.what()}};
    }
    send(answer);
    _exit(0);  // the library's own end could stumble over what a damaged file has left behind
}

}  // namespace bcbench::h5ad
