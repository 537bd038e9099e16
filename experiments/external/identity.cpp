// What decides a method's values beside its parameters and the data.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdio>
#include <map>
#include <mutex>

#include "engine/core/checkpoint.hpp"
#include "experiments/external/arguments.hpp"
#include "experiments/external/command.hpp"
#include "experiments/external/folder.hpp"
#include "experiments/external/process.hpp"
#include "experiments/system/files.hpp"

namespace bcbench::external {

namespace fs = std::filesystem;

namespace {

constexpr double most_seconds_of_version = 10.0;

std::string ask_version(const Declaration& declaration) {
    const CheckpointScope undisturbed([] {});  // it belongs to no point, whose limits would end it
    try {
        const auto program = find_program(declaration.version_command.front());
        if (!program) return "there is no program " + declaration.version_command.front();
        const Folder folder;
        const Ended ended = run_process({*program,
                                         {declaration.version_command.begin() + 1, declaration.version_command.end()},
                                         environment(declaration.environment, 1, folder.temporary()),
                                         folder.work(),
                                         most_seconds_of_version});
        if (ended.signal == 0 && ended.exit_code == 0) return last_lines(ended.output, 10);
        return "the version command ended with " + how(ended);
    } catch (const ProcessError& error) {
        return std::string("the version command ") + error.what();
    } catch (const FileError& error) {
        return error.what();
    }
}

// Asked once per program.
std::string version_of(const Declaration& declaration) {
    static std::mutex mutex;
    static std::map<std::vector<std::string>, std::string> known;
    if (declaration.version_command.empty()) return "";
    const std::lock_guard lock(mutex);
    const auto found = known.find(declaration.version_command);
    if (found != known.end()) return found->second;
    return known.emplace(declaration.version_command, ask_version(declaration)).first->second;
}

std::string files_text(const Declaration& declaration) {
    std::string text;
    for (const fs::path& file : declaration.files)
        text += (text.empty() ? "" : ", ") + file.filename().string() + " " + hash_of_file(file);
    return text;
}

}  // namespace

std::string hash_of_file(const fs::path& file) {
    static std::mutex mutex;
    static std::map<std::string, std::string> known;  // by path, size and time of change
    std::error_code error;
    const auto size = fs::file_size(file, error);
    const auto time = fs::last_write_time(file, error);
    if (error) return "unreadable";
    const std::string key =
        file.string() + '\n' + std::to_string(size) + '\n' + std::to_string(time.time_since_epoch().count());
    const std::lock_guard lock(mutex);
    if (const auto found = known.find(key); found != known.end()) return found->second;
    try {
        const std::string content = read_file(file);
        const XXH128_hash_t hash = XXH3_128bits(content.data(), content.size());
        char digits[33];
        std::snprintf(digits, sizeof digits, "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                      static_cast<unsigned long long>(hash.low64));
        return known.emplace(key, digits).first->second;
    } catch (const FileError&) {
        return "unreadable";
    }
}

std::string identity(const Declaration& declaration, bool may_run) {
    std::string text = "contract " + std::to_string(contract_version);
    if (!declaration.files.empty()) text += "; " + files_text(declaration);
    if (!declaration.version_command.empty()) text += "; " + (may_run ? version_of(declaration) : "version not asked");
    return text;
}

std::string preview(const Declaration& declaration) {
    std::string text = typed(declaration.command);
    if (!declaration.files.empty()) text += "\tfiles " + files_text(declaration);
    if (!declaration.version_command.empty()) text += "\tversion of: " + typed(declaration.version_command);
    return text;
}

}  // namespace bcbench::external
