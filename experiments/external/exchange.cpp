#include "experiments/external/exchange.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <type_traits>

#include "engine/core/check.hpp"
#include "engine/io/csv.hpp"
#include "engine/io/npy.hpp"
#include "experiments/external/folder.hpp"
#include "experiments/system/files.hpp"
#include "experiments/text/csv_field.hpp"
#include "experiments/text/fault.hpp"
#include "experiments/text/json_reader.hpp"

namespace bcbench::external {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t header_bytes = 1U << 16;
constexpr std::size_t most_columns = 4096;  // of a result, or four times those of the cells
constexpr std::size_t most_json_bytes = 16U << 20;
constexpr std::size_t most_name = 60;

// ---- input ----

class Writer {
  public:
    explicit Writer(fs::path file) : file_(std::move(file)), stream_(file_, std::ios::binary) {}
    void append(std::string_view text) { stream_.write(text.data(), static_cast<std::streamsize>(text.size())); }
    void finish() {
        stream_.close();
        if (!stream_) throw FileError("cannot write " + file_.string() + "; is the disk full?");
    }

  private:
    fs::path file_;
    std::ofstream stream_;
};

void write_text(const fs::path& file, const std::string& text) {
    Writer writer(file);
    writer.append(text);
    writer.finish();
}

template <class Real>
void write_matrix(const fs::path& file, const Matrix<Real>& values) {
    Writer writer(file);
    npy::write(values, [&](std::string_view bytes) { writer.append(bytes); });
    writer.finish();
}

template <class Real>
void write_cells(const fs::path& file, const Matrix<Real>& cells, bool in_float64) {
    if constexpr (std::is_same_v<Real, double>) {
        if (in_float64) return write_matrix(file, cells);
        const auto single = arma::conv_to<arma::fmat>::from(cells);
        if (!single.is_finite()) throw DataError("the cells do not fit into float32; declare needs.precision float64");
        write_matrix(file, single);
    } else {
        in_float64 ? write_matrix(file, in_double(cells)) : write_matrix(file, cells);
    }
}

// Titles and labels of obs.csv; the types only where they are asked for.
template <class Real>
std::vector<std::pair<std::string, const Labels*>> columns_of(const Dataset<Real>& data, bool with_types) {
    std::vector<std::pair<std::string, const Labels*>> columns = {{"batch", &data.batch}};
    if (with_types && !data.type.empty()) columns.emplace_back("type", &data.type);
    if (!data.about) return columns;
    for (const LabelColumn& column : data.about->columns) {
        const bool is_taken = column.name == "cell" || column.name == "batch" || column.name == "type";
        columns.emplace_back(is_taken ? "covariate_" + column.name : column.name, &column.labels);
    }
    return columns;
}

template <class Real>
std::string obs_text(const Dataset<Real>& data, bool with_types) {
    const auto columns = columns_of(data, with_types);
    std::vector<std::vector<std::string>> fields;  // names as they stand in the file
    std::string text = "cell";
    for (const auto& [title, labels] : columns) {
        text += "," + csv_field(title);
        std::vector<std::string>& names = fields.emplace_back();
        for (const std::string& name : labels->names) names.push_back(csv_field(name));
    }
    text += '\n';
    const std::vector<std::string> cells = cell_names(data.about.get(), data.cells.n_cols);
    for (std::size_t i = 0; i < cells.size(); ++i) {
        text += csv_field(cells[i]);
        for (std::size_t c = 0; c < columns.size(); ++c) text += "," + fields[c].at(columns[c].second->code[i]);
        text += '\n';
    }
    return text;
}

template <class Real>
std::string features_text(const Dataset<Real>& data) {
    const bool named = data.about && data.about->feature_names.size() == data.cells.n_rows;
    std::string text = "feature\n";
    for (arma::uword f = 0; f < data.cells.n_rows; ++f)
        text += (named ? csv_field(data.about->feature_names[f]) : "feature" + std::to_string(f)) + "\n";
    return text;
}

// ---- output ----

// "(100, 30)" of an array as users see it.
std::string shape_text(const std::vector<std::size_t>& shape) {
    std::string text;
    for (const std::size_t extent : shape) text += (text.empty() ? "" : ", ") + std::to_string(extent);
    return "(" + text + (shape.size() == 1 ? ",)" : ")");
}

template <class Real>
Matrix<Real> in_precision(const npy::Array& array, const std::string& name) {
    return std::visit(
        [&](const auto& values) -> Matrix<Real> {
            using Value = typename std::decay_t<decltype(values)>::value_type;
            if constexpr (std::is_same_v<Value, std::int64_t>) {
                throw DataError(name + ": holds integers, must be float32 or float64");
            } else {
                const arma::Mat<Value> all(values.data(), array.shape[1], array.shape[0]);
                if (const arma::uvec wrong = arma::find_nonfinite(all); !wrong.empty()) {
                    throw DataError(name + ": cell " + std::to_string(wrong[0] / array.shape[1]) + ", column " +
                                    std::to_string(wrong[0] % array.shape[1]) +
                                    " (both from 0) is not finite, nor are " + std::to_string(wrong.n_elem - 1) +
                                    " others");
                }
                Matrix<Real> converted = arma::conv_to<Matrix<Real>>::from(all);
                if (!converted.is_finite()) throw DataError(name + ": has values that do not fit into float32");
                return converted;
            }
        },
        array.values);
}

// The array of n rows that a file holds. `n_features`: columns of the cells.
npy::Array read_rows(const fs::path& file, std::size_t n_cells, std::size_t n_features) {
    const std::string name = file.filename().string();
    const std::size_t most = header_bytes + n_cells * std::max(4 * n_features, most_columns) * sizeof(double);
    npy::Array array = npy::decode(read_output_file(file, name, most), name);
    const std::string found = name + ": has shape " + shape_text(array.shape) + ", must be (" +
                              std::to_string(n_cells) + ", " + std::to_string(n_features) + "), cells in rows";
    if (array.shape.size() == 2 && array.shape[0] == n_features && array.shape[1] == n_cells && n_cells != n_features)
        throw DataError(found + ": it is transposed");
    if (array.shape.size() != 2 || array.shape[0] != n_cells || array.shape[1] == 0) throw DataError(found);
    return array;
}

std::string files_in(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end && names.size() < 10;
         entry.increment(error))
        names.push_back(escaped(entry->path().filename().string()));
    std::sort(names.begin(), names.end());
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text.empty() ? "nothing" : text;
}

void require_there(const fs::path& file, const std::string& what) {
    std::error_code error;
    if (fs::exists(fs::symlink_status(file, error))) return;
    throw DataError("wrote no " + file.filename().string() + ", " + what + "; its output folder holds " +
                    files_in(file.parent_path()));
}

// The cells must be named in the order in which they were handed out.
void check_cells(const fs::path& file, const std::vector<std::string>& names) {
    const std::string name = file.filename().string();
    require_there(file, "which names the cells of corrected.npy in their order (column cell, as in obs.csv)");
    std::size_t most = header_bytes;
    for (const std::string& each : names) most += 2 * each.size() + 4096;
    const std::string text = read_output_file(file, name, most);
    DelimitedReader reader(name, bytes_of(text), true);
    const auto column_of_cells = [&] {
        const auto& header = reader.header();
        return static_cast<std::size_t>(std::find(header.begin(), header.end(), "cell") - header.begin());
    };
    std::size_t n = 0;
    while (reader.next()) {
        const std::size_t column = column_of_cells();
        if (column == reader.header().size()) throw DataError(name + ": has no column cell");
        if (n == names.size()) throw DataError(name + ": names more than the " + std::to_string(n) + " cells");
        const std::string_view found = reader.row()[column];
        if (found != names[n])
            reader.fail_at(column, "names " + bcbench::shown(found) + " where obs.csv has " + bcbench::shown(names[n]) +
                                       ": the cells are in another order");
        ++n;
    }
    if (n != names.size())
        throw DataError(name + ": names " + std::to_string(n) + " of the " + std::to_string(names.size()) + " cells");
}

// The object in a file; null if there is no such file.
OrderedJson read_object(const fs::path& file) {
    std::error_code error;
    if (!fs::exists(fs::symlink_status(file, error))) return nullptr;
    const std::string name = file.filename().string();
    OrderedJson json;
    try {
        json = parse_json(read_output_file(file, name, most_json_bytes), name);
    } catch (const ConfigError& wrong) {
        throw DataError(wrong.what());
    }
    if (!json.is_object()) throw DataError(name + ": must hold an object");
    return json;
}

std::string checked_name(const std::string& name, const std::string& file) {
    const bool is_name =
        !name.empty() && name.size() <= most_name &&
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string::npos;
    if (!is_name) throw DataError(file + ": the name " + bcbench::shown(name) + " must be letters, digits and _");
    return name;
}

double checked_number(const OrderedJson& value, const std::string& name, const std::string& file) {
    if (!value.is_number() || !std::isfinite(value.get<double>()))
        throw DataError(file + ": " + name + " must be a finite number");
    return value.get<double>();
}

std::vector<Score> losses_of(const OrderedJson& json) {
    std::vector<Score> losses;
    for (const auto& item : json.items()) {
        std::string name = checked_name(item.key(), "losses.json");
        if (!name.ends_with("_loss")) name += "_loss";  // no metric has such a name
        losses.push_back(score(name, checked_number(item.value(), name, "losses.json"), Direction::lower, Group::loss));
    }
    return losses;
}

std::vector<Curve> traces_of(const OrderedJson& json) {
    std::vector<Curve> traces;
    for (const auto& item : json.items()) {
        Curve curve{checked_name(item.key(), "traces.json"), {}};
        if (!item.value().is_array()) throw DataError("traces.json: " + curve.name + " must be a list of numbers");
        for (const OrderedJson& value : item.value())
            curve.values.push_back(checked_number(value, curve.name, "traces.json"));
        traces.push_back(std::move(curve));
    }
    return traces;
}

}  // namespace

std::vector<std::string> cell_names(const Annotations* about, std::size_t n_cells) {
    if (about != nullptr && about->cell_names.size() == n_cells) return about->cell_names;
    std::vector<std::string> names(n_cells);
    for (std::size_t i = 0; i < n_cells; ++i) names[i] = "cell" + std::to_string(i);
    return names;
}

template <class Real>
void write_input(const fs::path& input, const Dataset<Real>& data, const Declaration& declaration,
                 const nlohmann::json& params, std::uint64_t seed, unsigned threads) {
    write_cells(input / "cells.npy", data.cells, declaration.needs_float64);
    write_text(input / "obs.csv", obs_text(data, declaration.needs_types));
    write_text(input / "features.csv", features_text(data));
    const nlohmann::ordered_json json = {{"contract", contract_version},
                                         {"params", params},
                                         {"seed", seed},
                                         {"threads", threads},
                                         {"n_cells", data.cells.n_cols},
                                         {"n_features", data.cells.n_rows}};
    write_text(input / "params.json", json.dump(2) + "\n");
}

void write_adjoint(const fs::path& input, const arma::mat& corrected_bar) {
    write_matrix(input / "corrected_bar.npy", corrected_bar);
}

template <class Real>
Answer<Real> read_output(const fs::path& output, const Dataset<Real>& data) {
    const std::size_t n_cells = data.cells.n_cols;
    Answer<Real> answer;
    const fs::path corrected = output / "corrected.npy";
    require_there(corrected, "its result");
    answer.corrected = in_precision<Real>(read_rows(corrected, n_cells, data.cells.n_rows), "corrected.npy");
    check_cells(output / "cells.csv", cell_names(data.about.get(), n_cells));
    std::error_code error;
    if (const fs::path latent = output / "latent.npy"; fs::exists(fs::symlink_status(latent, error)))
        answer.latent = in_precision<Real>(read_rows(latent, n_cells, data.cells.n_rows), "latent.npy");
    answer.losses = losses_of(read_object(output / "losses.json"));
    answer.traces = traces_of(read_object(output / "traces.json"));
    const OrderedJson timings = read_object(output / "timings.json");
    if (timings.contains("fit")) {
        answer.fit_seconds = checked_number(timings["fit"], "fit", "timings.json");
        if (*answer.fit_seconds < 0.0) throw DataError("timings.json: fit must be at least 0 seconds");
    }
    return answer;
}

arma::mat read_adjoint(const fs::path& output, const arma::mat& cells) {
    const fs::path file = output / "cells_bar.npy";
    require_there(file, "its result for --vjp");
    const npy::Array array = read_rows(file, cells.n_cols, cells.n_rows);
    if (array.shape[1] != cells.n_rows) throw DataError("cells_bar.npy: must have as many columns as cells.npy");
    return in_precision<double>(array, "cells_bar.npy");
}

template void write_input(const fs::path&, const Dataset<float>&, const Declaration&, const nlohmann::json&,
                          std::uint64_t, unsigned);
template void write_input(const fs::path&, const Dataset<double>&, const Declaration&, const nlohmann::json&,
                          std::uint64_t, unsigned);
template Answer<float> read_output(const fs::path&, const Dataset<float>&);
template Answer<double> read_output(const fs::path&, const Dataset<double>&);

}  // namespace bcbench::external
