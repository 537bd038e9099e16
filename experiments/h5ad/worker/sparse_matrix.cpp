#include "experiments/h5ad/worker/sparse_matrix.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "experiments/h5ad/sizes.hpp"
#include "experiments/h5ad/worker/stored.hpp"

namespace bcbench::h5ad {

namespace {

// A matrix of `n_major` compressed lines (cells in csr, features in csc) of `n_minor` places each.
struct Shape {
    std::uint64_t n_major = 0, n_minor = 0;
    const char* major = "";  // "cell" or "feature", for messages
};

// Where each line begins in the entries.
std::vector<std::int64_t> read_starts(const File& file, const std::string& group, const Shape& shape,
                                      std::uint64_t n_entries) {
    const Stored array(file, group + "/indptr");
    array.require_vector(shape.n_major + 1);
    std::vector<std::int64_t> starts = array.integers();
    if (starts.front() != 0) fail(array.path(), "begins with " + std::to_string(starts.front()) + ", expected 0");
    for (std::size_t i = 0; i < shape.n_major; ++i) {
        if (starts[i + 1] >= starts[i]) continue;
        fail(array.path(), "decreases from " + std::to_string(starts[i]) + " to " + std::to_string(starts[i + 1]) +
                               " at " + shape.major + " " + std::to_string(i));
    }
    if (static_cast<std::uint64_t>(starts.back()) != n_entries) {
        fail(array.path(),
             "ends with " + std::to_string(starts.back()) + ", but there are " + count_text(n_entries) + " entries");
    }
    return starts;
}

void read_places(const File& file, const Stored& array, std::uint64_t n_minor, std::uint32_t* to) {
    if (array.element().kind != Element::Kind::integer) {
        fail(array.path(), "holds " + array.element().name + ", expected whole numbers");
    }
    array.read(
        [&](const Piece& piece) {
            std::vector<std::int64_t> places(piece.n_rows);
            decode(array.element(), piece.bytes, piece.n_rows, piece.row_stride, places.data(), array.path());
            for (std::size_t i = 0; i < places.size(); ++i) {
                if (places[i] < 0 || static_cast<std::uint64_t>(places[i]) >= n_minor) {
                    fail(array.path(), "entry " + std::to_string(piece.first_row + i) + " has the index " +
                                           std::to_string(places[i]) + ", expected 0 to " +
                                           std::to_string(n_minor - 1));
                }
                to[piece.first_row + i] = static_cast<std::uint32_t>(places[i]);
            }
        },
        file.budget().threads > 1);
}

template <class T>
void read_values(const File& file, const Stored& array, T* to) {
    array.read(
        [&](const Piece& piece) {
            T* values = to + piece.first_row;
            decode(array.element(), piece.bytes, piece.n_rows, piece.row_stride, values, array.path());
            for (std::uint64_t i = 0; i < piece.n_rows; ++i) {
                if (std::isfinite(values[i])) continue;
                fail(array.path(), "entry " + std::to_string(piece.first_row + i) + " is " +
                                       (std::isnan(values[i]) ? "nan" : "inf") + "; all values must be finite");
            }
        },
        file.budget().threads > 1);
}

// Brings one cell's entries into ascending order.
template <class T>
void sort_entries(std::uint32_t* feature, T* value, std::size_t count) {
    if (std::is_sorted(feature, feature + count)) return;
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return feature[a] < feature[b]; });
    const std::vector<std::uint32_t> features(feature, feature + count);
    const std::vector<T> values(value, value + count);
    for (std::size_t i = 0; i < count; ++i) {
        feature[i] = features[order[i]];
        value[i] = values[order[i]];
    }
}

void require_distinct(const std::uint32_t* feature, std::size_t count, std::size_t cell, const std::string& group) {
    const auto* twice = std::adjacent_find(feature, feature + count);
    if (twice == feature + count) return;
    fail(group, "has two entries for cell " + std::to_string(cell) + ", feature " + std::to_string(*twice) +
                    "; in Python, adata.X.sum_duplicates() adds them up");
}

// Entries feature after feature (csc) become entries cell after cell; those of a cell then ascend by themselves.
template <class T>
void transpose(const std::vector<std::int64_t>& starts, const std::vector<std::uint32_t>& cell,
               const std::vector<T>& value, std::uint64_t n_cells, std::uint64_t* start, std::uint32_t* feature,
               T* values) {
    for (const std::uint32_t i : cell) ++start[i + 1];
    for (std::uint64_t i = 0; i < n_cells; ++i) start[i + 1] += start[i];
    std::vector<std::uint64_t> next(start, start + n_cells);
    for (std::size_t j = 0; j + 1 < starts.size(); ++j) {
        for (std::int64_t entry = starts[j]; entry < starts[j + 1]; ++entry) {
            const auto e = static_cast<std::size_t>(entry);
            const std::uint64_t to = next[cell[e]]++;
            feature[to] = static_cast<std::uint32_t>(j);
            values[to] = value[e];
        }
    }
}

template <class T>
nlohmann::json read_typed(const File& file, const std::string& group, bool by_cell, std::uint64_t n_cells,
                          std::uint64_t n_features, Outbox& outbox) {
    const Stored data(file, group + "/data"), indices(file, group + "/indices");
    const std::uint64_t n_entries = data.n_rows();
    data.require_vector(n_entries);
    indices.require_vector(n_entries);
    const Shape shape = by_cell ? Shape{n_cells, n_features, "cell"} : Shape{n_features, n_cells, "feature"};
    file.require_memory({n_entries, (sizeof(std::uint32_t) + sizeof(T)) * (by_cell ? 1 : 2)}, group);
    file.require_memory({n_cells + shape.n_major + 2, sizeof(std::int64_t)}, group);
    const std::vector<std::int64_t> starts = read_starts(file, group, shape, n_entries);

    auto [start, start_reference] = outbox.allocate<std::uint64_t>(n_cells + 1);
    auto [feature, feature_reference] = outbox.allocate<std::uint32_t>(n_entries);
    auto [value, value_reference] = outbox.allocate<T>(n_entries);
    if (by_cell) {
        std::copy(starts.begin(), starts.end(), start);
        read_places(file, indices, shape.n_minor, feature);
        read_values(file, data, value);
    } else {
        std::vector<std::uint32_t> cells(n_entries);
        std::vector<T> values(n_entries);
        read_places(file, indices, shape.n_minor, cells.data());
        read_values(file, data, values.data());
        transpose(starts, cells, values, n_cells, start, feature, value);
    }
    for (std::uint64_t cell = 0; cell < n_cells; ++cell) {
        const std::size_t count = start[cell + 1] - start[cell];
        sort_entries(feature + start[cell], value + start[cell], count);
        require_distinct(feature + start[cell], count, cell, group);
    }
    return {{"storage", "sparse"},
            {"type", sizeof(T) == 4 ? "float32" : "float64"},
            {"n_columns", n_features},
            {"start", std::move(start_reference)},
            {"feature", std::move(feature_reference)},
            {"value", std::move(value_reference)}};
}

}  // namespace

std::optional<std::string> sparse_format(const File& file, const std::string& group) {
    const Handle object = open_object(file, group);
    const std::string encoding = text_attribute(object, "encoding-type", group).value_or("");
    if (encoding == "csr_matrix") return "csr";
    if (encoding == "csc_matrix") return "csc";
    const auto old = text_attribute(object, "h5sparse_format", group);  // until AnnData 0.6
    if (encoding.empty() && old && (*old == "csr" || *old == "csc")) return old;
    return std::nullopt;
}

std::array<std::uint64_t, 2> sparse_shape(const File& file, const std::string& group) {
    const Handle object = open_object(file, group);
    std::vector<std::int64_t> shape = integers_attribute(object, "shape", group);
    if (shape.empty()) shape = integers_attribute(object, "h5sparse_shape", group);
    if (shape.size() != 2 || shape[0] < 0 || shape[1] < 0) {
        fail(group, "needs an attribute 'shape' of two numbers; the file is damaged");
    }
    if (shape[1] > std::numeric_limits<std::int32_t>::max()) {
        fail(group, "has " + std::to_string(shape[1]) + " columns, more than can be read");
    }
    return {static_cast<std::uint64_t>(shape[0]), static_cast<std::uint64_t>(shape[1])};
}

nlohmann::json read_sparse(const File& file, const std::string& group, const std::string& format, std::uint64_t n_cells,
                           std::uint64_t n_features, Outbox& outbox) {
    const Stored data(file, group + "/data");
    if (!data.element().is_number()) fail(data.path(), "holds " + data.element().name + ", expected numbers");
    if (n_features == 0) fail(group, "has no columns");
    return data.element().fits_float() ? read_typed<float>(file, group, format == "csr", n_cells, n_features, outbox)
                                       : read_typed<double>(file, group, format == "csr", n_cells, n_features, outbox);
}

}  // namespace bcbench::h5ad
