#include "experiments/results/directory.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <type_traits>

#include "engine/io/npy.hpp"
#include "experiments/system/clock.hpp"
#include "experiments/text/canonical.hpp"
#include "experiments/text/csv_field.hpp"

namespace bcbench {

namespace fs = std::filesystem;

const char* const timings_header = "point,stage,repeat,seconds,peak_rss_bytes\n";

namespace {

constexpr std::ptrdiff_t commas_after_id = 4;

// Whether the directory holds what a run left: its manifest, written before any file of a point.
bool has_results(const fs::path& directory) {
    try {
        const auto manifest = nlohmann::json::parse(read_file(directory / "manifest.json"), nullptr, false);
        return manifest.is_object() && manifest.contains("program") && manifest.contains("config");
    } catch (const FileError&) {
        return false;
    }
}

// Files of somebody else are not written over: a directory is empty (but for hidden files), or holds results.
void require_own(const fs::path& directory) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory, error)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(".") || has_results(directory)) continue;
        // a run killed before its manifest leaves an empty folder of points
        if (entry.is_directory(error) && fs::is_empty(entry.path(), error)) continue;
        throw FileError(directory.string() + " holds '" + name +
                        "' and no results of a run: nothing is written over it; choose another directory with --out");
    }
}

// Of a shared directory another process may be about to write the manifest.
void require_own_soon(const fs::path& directory) {
    for (int tries = 50;; --tries) {
        try {
            return require_own(directory);
        } catch (const FileError&) {
            if (tries == 0) throw;
        }
        wait_seconds(0.1);
    }
}

fs::path created(fs::path directory, Sharing sharing) {
    sharing == Sharing::alone ? require_own(directory) : require_own_soon(directory);
    make_directories(directory);
    return directory;
}

fs::path embedding_file(const fs::path& directory, const std::string& id) {
    return directory / "embeddings" / (id + ".npy");
}

fs::path archive_file(const fs::path& directory, const char* kind, const std::string& id) {
    return directory / kind / (id + ".npz");
}

fs::path per_cell_file(const fs::path& directory, const std::string& id) {
    return directory / "per_cell" / (id + ".csv");
}

std::vector<fs::path> files_beside(const fs::path& directory, const std::string& id, const PointFiles& files) {
    std::vector<fs::path> paths;
    if (files.embedding) paths.push_back(embedding_file(directory, id));
    if (files.model) paths.push_back(archive_file(directory, "models", id));
    if (files.per_cell) paths.push_back(per_cell_file(directory, id));
    if (files.arrays) paths.push_back(archive_file(directory, "arrays", id));
    if (files.gradients) paths.push_back(archive_file(directory, "gradients", id));
    return paths;
}

bool is_there(const fs::path& file) {
    std::error_code error;
    return fs::exists(file, error);
}

// Length of the id at the start of a row, as written there; 0 if the row is not whole: a killed run may leave
// half of one.
std::size_t id_length(const std::string& row) {
    std::size_t end = 0;
    if (!row.empty() && row.front() == '"') {
        for (end = 1; end < row.size(); ++end) {
            if (row[end] != '"') continue;
            if (end + 1 < row.size() && row[end + 1] == '"') {
                ++end;
                continue;
            }
            ++end;
            break;
        }
    } else {
        end = std::min(row.find(','), row.size());
    }
    const auto rest = row.begin() + static_cast<std::ptrdiff_t>(end);
    const bool whole = std::count(rest, row.end(), ',') == commas_after_id && row.back() != ',';
    return whole && *rest == ',' ? end : 0;
}

}  // namespace

std::string timing_rows(const std::string& id, const std::vector<StageTime>& times) {
    std::string rows;
    for (const StageTime& time : times) {
        rows += csv_field(id) + ',' + time.stage + ',' + std::to_string(time.repeat) + ',' + number_text(time.seconds) +
                ',' + std::to_string(time.peak_rss_bytes) + '\n';
    }
    return rows;
}

fs::path point_file(const fs::path& directory, const std::string& id) { return directory / "points" / (id + ".json"); }

std::vector<std::string> names_of_files(const std::string& id, const PointFiles& files) {
    std::vector<std::string> names = {point_file("", id).string()};
    for (const fs::path& file : files_beside("", id, files)) names.push_back(file.string());
    return names;
}

ResultsDirectory::ResultsDirectory(fs::path directory, Sharing sharing)
    : directory_(created(std::move(directory), sharing)), lock_(directory_, sharing) {
    if (sharing == Sharing::shared) return;
    make_directories(directory_ / "points");
    for (const char* place : {"", "points", "embeddings", "models", "per_cell", "arrays", "gradients"}) {
        remove_stale_temporaries(directory_ / place);
    }
    // a killed run may have left half a row, which must not swallow the next one
    const fs::path file = directory_ / "timings.csv";
    std::error_code error;
    const std::string times = fs::exists(file, error) ? read_file(file) : "";
    if (!times.empty() && times.back() != '\n') append(file, "\n");
}

std::optional<PointRecord> ResultsDirectory::read_point(const std::string& id) const {
    const fs::path file = point_file(directory_, id);
    std::error_code error;
    if (!fs::exists(file, error)) return std::nullopt;
    try {
        PointRecord record = read_record(file);
        if (record.id == id) return record;
    } catch (const std::exception&) {
        // a damaged or foreign file is not a finished point: it is computed again
    }
    return std::nullopt;
}

std::vector<NewFile> ResultsDirectory::files_of(Executed& executed) const {
    std::vector<NewFile> files;
    std::visit(
        [&](auto& embedding) {
            using Cells = std::decay_t<decltype(embedding)>;
            if constexpr (!std::is_same_v<Cells, std::monostate>) {
                const auto cells = std::make_shared<const Cells>(std::move(embedding));
                const std::size_t bytes = cells->n_elem * sizeof(typename Cells::elem_type);
                files.emplace_back(embedding_file(directory_, executed.record.id), bytes, [cells](TemporaryFile& file) {
                    npy::write(*cells, [&](std::string_view piece) { file.append(piece); });
                });
            }
        },
        executed.embedding);
    const auto add = [&](const char* kind, const npy::NamedArrays& arrays) {
        files.emplace_back(archive_file(directory_, kind, executed.record.id), npy::encode_npz(arrays));
    };
    if (!executed.model.empty()) add("models", executed.model);
    if (!executed.per_cell.empty()) {
        files.emplace_back(per_cell_file(directory_, executed.record.id), std::move(executed.per_cell));
    }
    if (executed.arrays) add("arrays", *executed.arrays);
    if (executed.gradients) add("gradients", *executed.gradients);
    files.emplace_back(point_file(directory_, executed.record.id), to_text(executed.record));
    return files;
}

void ResultsDirectory::write(const std::vector<NewFile>& files) const {
    std::set<fs::path> directories;
    for (const NewFile& file : files) directories.insert(file.path.parent_path());
    for (const fs::path& directory : directories) make_directories(directory);
    write_atomically(files);
}

void ResultsDirectory::write(const std::string& name, std::string content) const {
    write_atomically(directory_ / name, std::move(content));
}

void ResultsDirectory::append_times(const std::string& rows, const fs::path& other) const {
    const fs::path file = other.empty() ? directory_ / "timings.csv" : other;
    std::error_code error;
    append(file, fs::exists(file, error) ? rows : timings_header + rows);
}

void add_times(const fs::path& file, TimesByPoint& rows) {
    std::error_code error;
    if (!fs::exists(file, error)) return;
    std::istringstream lines(read_file(file));
    for (std::string line; std::getline(lines, line);) {
        const std::size_t end = id_length(line);
        if (end == 0 || line + '\n' == timings_header) continue;
        const std::string id = line.substr(0, end);
        std::string& of_point = rows[id];
        // the rows of one run of a point begin with its load; a later run of the same point replaces the earlier one
        if (line.compare(end, 6, ",load,") == 0) of_point.clear();
        of_point += line + '\n';
    }
}

void ResultsDirectory::order_times(const std::vector<std::string>& ids) const {
    const fs::path file = directory_ / "timings.csv";
    std::error_code error;
    if (!fs::exists(file, error)) return;
    TimesByPoint rows;
    add_times(file, rows);
    std::string content = timings_header;
    for (const std::string& id : ids) {
        const auto found = rows.find(csv_field(id));
        if (found == rows.end()) continue;
        content += found->second;
        rows.erase(found);
    }
    for (const auto& [id, of_point] : rows) content += of_point;
    write("timings.csv", content);
}

bool ResultsDirectory::has_files(const std::string& id, const PointFiles& files) const {
    const std::vector<std::string> names = names_of_files(id, files);
    return std::all_of(names.begin(), names.end(),
                       [&](const std::string& name) { return is_there(directory_ / name); });
}

Embedding ResultsDirectory::read_embedding(const std::string& id, bool single) const {
    try {
        const fs::path file = embedding_file(directory_, id);
        npy::Array array = npy::decode(read_file(file), file.string());
        if (array.shape.size() != 2) return {};
        if (auto* values = std::get_if<std::vector<float>>(&array.values); values && single) {
            return arma::fmat(values->data(), array.shape[1], array.shape[0]);
        }
        if (auto* values = std::get_if<std::vector<double>>(&array.values); values && !single) {
            return arma::mat(values->data(), array.shape[1], array.shape[0]);
        }
    } catch (const std::exception&) {
        // the point is run instead
    }
    return {};
}

void ResultsDirectory::remove(const std::string& name) const {
    std::error_code error;
    fs::remove(directory_ / name, error);
}

void ResultsDirectory::remove_outputs(const std::string& id, const std::vector<NewFile>& kept) const {
    std::error_code error;
    for (const fs::path& file : files_beside(directory_, id, {true, true, true, true, true})) {
        if (std::none_of(kept.begin(), kept.end(), [&](const NewFile& each) { return each.path == file; }))
            fs::remove(file, error);
    }
}

}  // namespace bcbench
