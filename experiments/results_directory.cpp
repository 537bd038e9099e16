#include "experiments/results_directory.hpp"

#include <fstream>
#include <map>
#include <sstream>

#include "engine/npy.hpp"
#include "experiments/canonical.hpp"

namespace bcbench {

namespace fs = std::filesystem;

namespace {

const char* const timings_header = "point,stage,repeat,seconds,peak_rss_bytes\n";

fs::path created(fs::path directory) {
    make_directories(directory / "points");
    return directory;
}

}  // namespace

fs::path point_file(const fs::path& directory, const std::string& id) { return directory / "points" / (id + ".json"); }

ResultsDirectory::ResultsDirectory(fs::path directory) : directory_(created(std::move(directory))), lock_(directory_) {}

std::optional<PointRecord> ResultsDirectory::read_point(const std::string& id) const {
    const fs::path file = point_file(directory_, id);
    std::error_code error;
    if (!fs::exists(file, error)) return std::nullopt;
    try {
        PointRecord record = record_from_text(read_file(file), file.string());
        if (record.id == id) return record;
    } catch (const std::exception&) {
        // a damaged or foreign file is not a finished point: it is computed again
    }
    return std::nullopt;
}

void ResultsDirectory::write_point(const Executed& executed) {
    if (executed.embedding) {
        make_directories(directory_ / "embeddings");
        write_atomically(directory_ / "embeddings" / (executed.record.id + ".npy"), npy::encode(npy::from_matrix(*executed.embedding)));
    }
    if (!executed.model.empty()) {
        make_directories(directory_ / "models");
        write_atomically(directory_ / "models" / (executed.record.id + ".npz"), npy::encode_npz(executed.model));
    }
    write_atomically(point_file(directory_, executed.record.id), to_text(executed.record));
}

void ResultsDirectory::append_times(const std::string& id, const std::vector<StageTime>& times) {
    const fs::path file = directory_ / "timings.csv";
    std::error_code error;
    const bool is_new = !fs::exists(file, error);
    std::ofstream stream(file, std::ios::app | std::ios::binary);
    if (is_new) stream << timings_header;
    for (const StageTime& time : times) {
        stream << csv_field(id) << ',' << time.stage << ',' << time.repeat << ',' << number_text(time.seconds) << ','
               << time.peak_rss_bytes << '\n';
    }
}

void ResultsDirectory::order_times(const std::vector<std::string>& ids) {
    const fs::path file = directory_ / "timings.csv";
    std::error_code error;
    if (!fs::exists(file, error)) return;
    // the rows of one run of a point begin with its load; a later run of the same point replaces the earlier one
    std::map<std::string, std::string> rows;
    std::istringstream lines(read_file(file));
    for (std::string line; std::getline(lines, line);) {
        const bool quoted = !line.empty() && line.front() == '"';
        const std::size_t end = quoted ? line.find("\",") + 1 : line.find(',');
        if (end == std::string::npos || end == 0) continue;
        const std::string id = line.substr(0, end);
        if (line.compare(end, 6, ",load,") == 0) rows[id].clear();
        rows[id] += line + '\n';
    }
    std::string content = timings_header;
    for (const std::string& id : ids) {
        const auto found = rows.find(csv_field(id));
        if (found != rows.end()) content += found->second;
    }
    write("timings.csv", content);
}

bool ResultsDirectory::has_embedding(const std::string& id) const {
    std::error_code error;
    return fs::exists(directory_ / "embeddings" / (id + ".npy"), error);
}

bool ResultsDirectory::has_model(const std::string& id) const {
    std::error_code error;
    return fs::exists(directory_ / "models" / (id + ".npz"), error);
}

void ResultsDirectory::write(const std::string& name, const std::string& content) {
    write_atomically(directory_ / name, content);
}

void ResultsDirectory::remove(const std::string& name) {
    std::error_code error;
    fs::remove(directory_ / name, error);
}

}  // namespace bcbench
