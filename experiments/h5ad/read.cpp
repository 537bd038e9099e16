#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <unordered_map>

#include "engine/core/check.hpp"
#include "engine/core/names.hpp"
#include "engine/core/random.hpp"
#include "engine/core/unlabelled.hpp"
#include "engine/io/csv.hpp"
#include "experiments/h5ad/h5ad.hpp"
#include "experiments/h5ad/sizes.hpp"
#include "experiments/h5ad/transport.hpp"

namespace bcbench {

namespace {

using h5ad::Inbox;
using h5ad::TransportFault;

// A label column as the file has it; -1: missing.
struct RawLabels {
    std::string name;
    std::vector<std::int32_t> codes;
    std::vector<std::string> names;
};

// What other programs write for a label that is not there.
bool stands_for_missing(const std::string& name) {
    return name.empty() || name == "NA" || name == "NaN" || name == "nan" || name == "<NA>";
}

RawLabels raw_labels(const Inbox& inbox, const nlohmann::json& answer, const std::string& name, std::size_t n_cells) {
    RawLabels labels;
    labels.name = name;
    labels.names = inbox.texts(answer.at("names"));
    const auto* codes = inbox.array<std::int32_t>(answer.at("codes"), n_cells);
    labels.codes.assign(codes, codes + n_cells);
    for (std::int32_t& code : labels.codes) {
        if (code < -1 || code >= static_cast<std::int32_t>(labels.names.size()))
            throw TransportFault("a code has no name");
        if (code >= 0 && stands_for_missing(labels.names[static_cast<std::size_t>(code)])) code = -1;
    }
    inbox.release(codes, codes + n_cells);
    return labels;
}

std::vector<RawLabels> all_raw_labels(const Inbox& inbox, const nlohmann::json& header,
                                      const std::vector<std::string>& names, std::size_t n_cells) {
    std::vector<RawLabels> all;
    for (std::size_t i = 0; i < names.size(); ++i) {
        all.push_back(raw_labels(inbox, header.at("labels").at(i), names[i], n_cells));
    }
    return all;
}

const RawLabels& labels_called(const std::vector<RawLabels>& all, const std::string& name) {
    return *std::find_if(all.begin(), all.end(), [&](const RawLabels& labels) { return labels.name == name; });
}

// ---- which rows ----

std::vector<std::size_t> subset(const std::vector<std::size_t>& rows, const RawLabels& labels,
                                const std::vector<std::string>& values, const std::string& file) {
    std::vector<bool> wanted(labels.names.size());
    for (const std::string& value : values) {
        const auto found = std::find(labels.names.begin(), labels.names.end(), value);
        if (found == labels.names.end()) {
            const auto nearest = nearest_name(value, labels.names);
            throw DataError(file + ": obs/" + labels.name + ": no cell has the label " + shown(value) +
                            (nearest ? " (did you mean " + shown(*nearest) + "?)" : ""));
        }
        wanted[static_cast<std::size_t>(found - labels.names.begin())] = true;
    }
    std::vector<std::size_t> kept;
    for (const std::size_t row : rows) {
        const std::int32_t code = labels.codes[row];
        if (code >= 0 && wanted[static_cast<std::size_t>(code)]) kept.push_back(row);
    }
    if (kept.empty()) throw DataError(file + ": obs/" + labels.name + ": the subset has no cells");
    return kept;
}

void handle_missing(std::vector<std::size_t>& rows, RawLabels& labels, MissingLabels missing, const std::string& file) {
    const auto is_missing = [&](std::size_t row) { return labels.codes[row] < 0; };
    const auto first = std::find_if(rows.begin(), rows.end(), is_missing);
    if (first == rows.end()) return;
    if (missing == MissingLabels::error) {
        const auto count = static_cast<std::size_t>(std::count_if(rows.begin(), rows.end(), is_missing));
        throw DataError(file + ": obs/" + labels.name + ": " + h5ad::count_text(count) + " of " +
                        h5ad::count_text(rows.size()) + " cells have no label, the first at row " +
                        std::to_string(*first) +
                        "; missing: \"drop\" leaves them out, \"label\" gives them the label '" + missing_label + "'");
    }
    if (missing == MissingLabels::drop) {
        std::erase_if(rows, is_missing);
        if (rows.empty()) throw DataError(file + ": obs/" + labels.name + ": no cell has a label");
        return;
    }
    const char* const given = missing == MissingLabels::keep ? unlabelled_name : missing_label;
    auto name = std::find(labels.names.begin(), labels.names.end(), given);
    if (name == labels.names.end()) name = labels.names.insert(name, given);
    const auto code = static_cast<std::int32_t>(name - labels.names.begin());
    for (std::int32_t& entry : labels.codes) {
        if (entry < 0) entry = code;
    }
}

// How many of each stratum, proportional to its size: largest remainders first, ties by order.
std::vector<std::size_t> shares(const std::vector<std::size_t>& sizes, std::size_t total, std::size_t wanted) {
    std::vector<std::size_t> result, order(sizes.size());
    std::vector<std::uint64_t> remainders;
    std::size_t given = 0;
    for (const std::size_t size : sizes) {
        const std::uint64_t scaled = std::uint64_t{size} * wanted;  // both below 2^31
        result.push_back(static_cast<std::size_t>(scaled / total));
        remainders.push_back(static_cast<std::uint64_t>(scaled % total));
        given += result.back();
    }
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return remainders[a] > remainders[b]; });
    for (std::size_t i = 0; given < wanted; ++i, ++given) ++result[order[i]];
    return result;
}

std::vector<std::size_t> sample(const std::vector<std::size_t>& rows, const RawLabels* strata, std::size_t n_cells,
                                std::uint64_t seed) {
    if (n_cells == 0 || n_cells >= rows.size()) return rows;
    std::map<std::int32_t, std::vector<std::size_t>> groups;  // by code; all in one if there are no strata
    for (const std::size_t row : rows) groups[strata == nullptr ? 0 : strata->codes[row]].push_back(row);
    std::vector<std::size_t> sizes;
    for (const auto& [code, members] : groups) sizes.push_back(members.size());
    const std::vector<std::size_t> wanted = shares(sizes, rows.size(), n_cells);
    Stream stream(seed);
    std::vector<std::size_t> kept;
    std::size_t group = 0;
    for (const auto& [code, members] : groups) {
        const auto order = permutation(stream.next(), static_cast<std::uint32_t>(members.size()));
        for (std::size_t i = 0; i < wanted[group]; ++i) kept.push_back(members[order[i]]);
        ++group;
    }
    std::sort(kept.begin(), kept.end());
    return kept;
}

// ---- taking the rows ----

H5adLabelColumn selected_labels(const RawLabels& raw, const std::vector<std::size_t>& rows) {
    H5adLabelColumn column;
    column.name = raw.name;
    column.categories = raw.names;
    std::vector<std::int64_t> number(raw.names.size(), -1);
    column.labels.code.reserve(rows.size());
    for (const std::size_t row : rows) {
        const auto code = static_cast<std::size_t>(raw.codes[row]);
        if (number[code] < 0) {
            number[code] = static_cast<std::int64_t>(column.labels.names.size());
            column.labels.names.push_back(raw.names[code]);
        }
        column.labels.code.push_back(static_cast<std::uint32_t>(number[code]));
    }
    return column;
}

// An array that is read from its start to its end. What has been read is given back, so that what is made of it is
// hardly held twice.
template <class T>
class Consumed {
  public:
    Consumed(const Inbox& inbox, const nlohmann::json& reference, std::size_t count)
        : inbox_(inbox), values_(inbox.array<T>(reference, count)), held_(values_) {}

    const T* at(std::size_t place) const { return values_ + place; }
    void read_before(std::size_t place) {
        constexpr std::size_t at_once = std::size_t{1} << 20;  // bytes
        if (static_cast<std::size_t>(at(place) - held_) < at_once / sizeof(T)) return;
        inbox_.release(held_, at(place));
        held_ = at(place);
    }

  private:
    const Inbox& inbox_;
    const T* values_;
    const T* held_;
};

// [F x n] from one row after the other.
template <class Real, class Stored>
Matrix<Real> selected_cells(const Inbox& inbox, const nlohmann::json& reference, std::size_t n_columns,
                            std::size_t n_rows_in_file, const std::vector<std::size_t>& rows) {
    Consumed<Stored> values(inbox, reference, n_rows_in_file * n_columns);
    Matrix<Real> cells(n_columns, rows.size(), arma::fill::none);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        values.read_before(rows[i] * n_columns);
        const Stored* row = values.at(rows[i] * n_columns);
        Real* to = cells.colptr(i);
        for (std::size_t j = 0; j < n_columns; ++j) to[j] = static_cast<Real>(row[j]);
    }
    return cells;
}

template <class Real, class Stored>
SparseCells<Real> selected_entries(const Inbox& inbox, const nlohmann::json& matrix, std::size_t n_rows_in_file,
                                   const std::vector<std::size_t>& rows) {
    SparseCells<Real> sparse;
    sparse.n_features = matrix.at("n_columns");
    const std::size_t n_entries = inbox.count<Stored>(matrix.at("value"));
    const auto* start = inbox.array<std::uint64_t>(matrix.at("start"), n_rows_in_file + 1);
    Consumed<std::uint32_t> feature(inbox, matrix.at("feature"), n_entries);
    Consumed<Stored> value(inbox, matrix.at("value"), n_entries);
    for (std::size_t i = 0; i < n_rows_in_file; ++i) {
        if (start[i] > start[i + 1] || start[i + 1] > n_entries) throw TransportFault("a cell ends before it begins");
    }
    std::size_t wanted = 0;
    for (const std::size_t row : rows) wanted += start[row + 1] - start[row];
    sparse.feature.reserve(wanted);
    sparse.value.reserve(wanted);
    for (const std::size_t row : rows) {
        const std::uint64_t first = start[row], end = start[row + 1];
        feature.read_before(first);
        value.read_before(first);
        sparse.feature.insert(sparse.feature.end(), feature.at(first), feature.at(end));
        std::transform(value.at(first), value.at(end), std::back_inserter(sparse.value),
                       [](Stored x) { return static_cast<Real>(x); });
        sparse.start.push_back(sparse.value.size());
    }
    return sparse;
}

template <class Real>
void take_matrix(const Inbox& inbox, const nlohmann::json& matrix, H5adData<Real>& data) {
    const bool wide = matrix.at("type") == "float64";
    const std::size_t n_rows = data.n_cells_in_file;
    data.is_sparse = matrix.at("storage") == "sparse";
    if (data.is_sparse) {
        data.sparse = wide ? selected_entries<Real, double>(inbox, matrix, n_rows, data.rows)
                           : selected_entries<Real, float>(inbox, matrix, n_rows, data.rows);
        return;
    }
    const std::size_t n_columns = matrix.at("n_columns");
    const nlohmann::json& values = matrix.at("values");
    data.cells = wide ? selected_cells<Real, double>(inbox, values, n_columns, n_rows, data.rows)
                      : selected_cells<Real, float>(inbox, values, n_columns, n_rows, data.rows);
}

// Every value in the file is finite; a double need not be a finite float.
template <class Real>
void require_in_range(const H5adData<Real>& data, const std::string& file, const std::string& path) {
    const auto is_finite = [](Real value) { return std::isfinite(value); };
    const Real* first = data.is_sparse ? data.sparse.value.data() : data.cells.memptr();
    const std::size_t count = data.is_sparse ? data.sparse.value.size() : data.cells.n_elem;
    const Real* found = std::find_if_not(first, first + count, is_finite);
    if (found == first + count) return;
    const auto entry = static_cast<std::size_t>(found - first);
    const auto& start = data.sparse.start;
    const auto cell =
        data.is_sparse
            ? static_cast<std::size_t>(std::upper_bound(start.begin(), start.end(), entry) - start.begin() - 1)
            : entry / data.cells.n_rows;
    throw DataError(file + ": " + path + ": has a value at cell " + std::to_string(data.rows[cell]) +
                    " that is beyond the range of float32");
}

template <class T>
std::vector<T> at_rows(std::vector<T> all, const std::vector<std::size_t>& rows) {
    if (rows.size() == all.size()) return all;
    std::vector<T> kept;
    kept.reserve(rows.size());
    for (const std::size_t row : rows) kept.push_back(std::move(all[row]));
    return kept;
}

// X_pca1, X_pca2, ... for the columns of obsm/X_pca, which have no names.
std::vector<std::string> numbered_names(const std::string& path, std::size_t count) {
    std::vector<std::string> names;
    for (std::size_t i = 1; i <= count; ++i) names.push_back(path.substr(path.find('/') + 1) + std::to_string(i));
    return names;
}

void append_unless_there(std::vector<std::string>& names, const std::string& name) {
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

std::vector<std::size_t> chosen_rows(std::vector<RawLabels>& labels, const H5adRequest& request, std::size_t n_cells,
                                     const std::string& file, std::map<std::string, std::size_t>& n_missing) {
    std::vector<std::size_t> rows(n_cells);
    std::iota(rows.begin(), rows.end(), std::size_t{0});
    if (!request.subset_column.empty()) {
        rows = subset(rows, labels_called(labels, request.subset_column), request.subset_values, file);
    }
    for (const std::string& name : request.label_columns) {
        auto& column = const_cast<RawLabels&>(labels_called(labels, name));
        n_missing[name] = static_cast<std::size_t>(
            std::count_if(rows.begin(), rows.end(), [&](std::size_t row) { return column.codes[row] < 0; }));
    }
    for (const std::string& name : request.label_columns) {
        const auto own = request.missing_by_column.find(name);
        const MissingLabels missing = own == request.missing_by_column.end() ? request.missing : own->second;
        handle_missing(rows, const_cast<RawLabels&>(labels_called(labels, name)), missing, file);
    }
    const RawLabels* strata =
        request.stratify_column.empty() ? nullptr : &labels_called(labels, request.stratify_column);
    return sample(rows, strata, request.n_cells, request.seed);
}

template <class Real>
H5adData<Real> unpack(const h5ad::Answer& answer, const std::vector<std::string>& columns, const std::string& file,
                      const H5adRequest& request) {
    const Inbox inbox(answer.memory.get());
    const nlohmann::json& header = answer.header;
    H5adData<Real> data;
    data.n_cells_in_file = header.at("n_cells");
    if (data.n_cells_in_file == 0) throw DataError(file + ": obs: has no cells");
    std::vector<RawLabels> labels = all_raw_labels(inbox, header, columns, data.n_cells_in_file);
    std::map<std::string, std::size_t> n_missing;
    data.rows = chosen_rows(labels, request, data.n_cells_in_file, file, n_missing);

    std::vector<std::string> names = inbox.texts(header.at("cell_names"));
    if (names.size() != data.n_cells_in_file) throw TransportFault("a cell has no name");
    data.cell_names = at_rows(std::move(names), data.rows);
    for (const std::string& name : request.label_columns) {
        data.labels.push_back(selected_labels(labels_called(labels, name), data.rows));
        data.labels.back().n_missing = n_missing[name];
    }
    for (std::size_t i = 0; i < request.number_columns.size(); ++i) {
        const auto* values = inbox.array<double>(header.at("numbers").at(i), data.n_cells_in_file);
        data.numbers.push_back({request.number_columns[i],
                                at_rows(std::vector<double>(values, values + data.n_cells_in_file), data.rows)});
    }
    if (request.cells.empty()) return data;
    labels.clear();
    labels.shrink_to_fit();  // the matrix takes all memory there is, or nearly
    take_matrix(inbox, header.at("matrix"), data);
    require_in_range(data, file, request.cells);
    data.feature_names = inbox.texts(header.at("feature_names"));
    if (data.feature_names.empty())
        data.feature_names = numbered_names(request.cells, header.at("matrix").at("n_columns"));
    return data;
}

}  // namespace

template <class Real>
H5adData<Real> read_h5ad(const std::string& file, const H5adRequest& request) {
    require(request.subset_column.empty() == request.subset_values.empty(),
            "a subset needs both a column and the labels to keep");
    h5ad::require_hdf5(file);
    std::vector<std::string> columns;
    for (const std::string& name : request.label_columns) append_unless_there(columns, name);
    append_unless_there(columns, request.subset_column);
    append_unless_there(columns, request.stratify_column);
    const h5ad::Answer answer = h5ad::ask_worker(
        {{"kind", "read"}, {"cells", request.cells}, {"labels", columns}, {"numbers", request.number_columns}},
        h5ad::shared_memory(), file, request.limits);
    try {
        return unpack<Real>(answer, columns, file, request);
    } catch (const TransportFault& fault) {
        throw DataError(file +
                        ": damaged: the process reading it gave an answer that does not fit together: " + fault.what());
    } catch (const nlohmann::json::exception& fault) {
        throw DataError(file + ": damaged: the process reading it gave an answer that makes no sense: " + fault.what());
    }
}

template H5adData<float> read_h5ad(const std::string&, const H5adRequest&);
template H5adData<double> read_h5ad(const std::string&, const H5adRequest&);

}  // namespace bcbench
