#include "experiments/h5ad/worker/matrices.hpp"

#include <algorithm>
#include <cmath>

#include "engine/io/csv.hpp"
#include "experiments/h5ad/sizes.hpp"
#include "experiments/h5ad/worker/columns.hpp"
#include "experiments/h5ad/worker/sparse_matrix.hpp"
#include "experiments/h5ad/worker/stored.hpp"

namespace bcbench::h5ad {

namespace {

void add_members(const File& file, const std::string& group, std::vector<MatrixPlace>& places) {
    const ObjectKind kind = kind_of(file, group);
    if (kind == ObjectKind::group) {
        for (const std::string& name : members_of(file, group)) {
            const std::string path = group + "/" + name;
            places.push_back({path, path, ""});
        }
    } else if (kind == ObjectKind::dataset) {
        const Stored table(file, group);
        for (const Member& member : table.type().members) {
            places.push_back({group + "/" + member.name, group, member.name});
        }
    }
}

[[noreturn]] void fail_group(const File& file, const std::string& path) {
    const std::string encoding = encoding_of(file, path);
    if (encoding == "dataframe") {
        fail(path, "is a data frame, expected a matrix; in Python: adata.obsm[...] = adata.obsm[...].to_numpy()");
    }
    fail(path, "has the encoding " + shown(encoding) + ", expected a dense or sparse (csr, csc) matrix");
}

[[noreturn]] void fail_value(const std::string& path, double value, std::uint64_t cell, std::uint64_t column) {
    fail(path, "has the value " + std::string(std::isnan(value) ? "nan" : "inf") + " at cell " + std::to_string(cell) +
                   ", column " + std::to_string(column) + " (both from 0); all values must be finite");
}

// The matrix as an array, or as one column of an array of tables.
struct Dense {
    const Stored* array = nullptr;
    const Member* member = nullptr;  // nullptr: the array itself

    const Element& element() const { return member != nullptr ? member->element : array->element(); }
    std::uint64_t n_columns() const { return member != nullptr ? member->count : array->n_columns(); }
    std::string path() const { return member != nullptr ? array->path() + "/" + member->name : array->path(); }
};

Dense dense_at(const Stored& array, const MatrixPlace& place) {
    Dense dense{&array, nullptr};
    if (!place.member.empty()) {
        for (const Member& member : array.type().members) {
            if (member.name == place.member) dense.member = &member;
        }
    } else if (array.rank() != 2) {
        fail(place.path, "has " + std::to_string(array.rank()) + " dimension" + (array.rank() == 1 ? "" : "s") +
                             ", expected 2: one row per cell");
    }
    if (!dense.element().is_number()) fail(dense.path(), "holds " + dense.element().name + ", expected numbers");
    if (dense.n_columns() == 0) fail(dense.path(), "has no columns");
    return dense;
}

struct Enough {};

// Whether the first values of an array are counts: whole numbers, none negative, not all zero. Not if they cannot be
// read.
bool begins_with_counts(const Stored& array) {
    constexpr std::uint64_t most_looked_at = 10'000;
    bool whole = true, any = false;
    try {
        array.read([&](const Piece& piece) {
            std::vector<double> row(piece.n_columns);
            for (std::uint64_t i = 0; i < piece.n_rows && i * piece.n_columns < most_looked_at; ++i) {
                decode(array.element(), piece.row(i), row.size(), array.element().size, row.data(), array.path());
                for (const double x : row) {
                    whole = whole && x >= 0.0 && x == std::floor(x);
                    any = any || x != 0.0;
                }
            }
            throw Enough();
        });
    } catch (const Enough&) {
    } catch (const FileFault&) {
        return false;
    }
    return whole && any;
}

template <class T>
nlohmann::json read_dense(const File& file, const Dense& dense, Outbox& outbox) {
    const std::uint64_t n_cells = dense.array->n_rows(), n_columns = dense.n_columns();
    const Element& element = dense.element();
    const std::string path = dense.path();
    file.require_memory({n_cells, n_columns, sizeof(T)}, path);
    auto [values, reference] = outbox.allocate<T>(n_cells * n_columns);
    T* const to = values;
    const std::size_t offset = dense.member != nullptr ? dense.member->offset : 0;
    dense.array->read(
        [&](const Piece& piece) {
            const std::uint64_t first = dense.member != nullptr ? 0 : piece.first_column;
            const std::uint64_t width = dense.member != nullptr ? n_columns : piece.n_columns;
            for (std::uint64_t i = 0; i < piece.n_rows; ++i) {
                T* row = to + (piece.first_row + i) * n_columns + first;
                decode(element, piece.row(i) + offset, width, element.size, row, path);
                for (std::uint64_t j = 0; j < width; ++j) {
                    if (!std::isfinite(row[j])) fail_value(path, row[j], piece.first_row + i, first + j);
                }
            }
        },
        file.budget().threads > 1);
    return {{"storage", "dense"},
            {"type", sizeof(T) == 4 ? "float32" : "float64"},
            {"n_columns", n_columns},
            {"values", std::move(reference)}};
}

void require_shape(const std::string& path, std::uint64_t rows, std::uint64_t columns, std::size_t n_cells,
                   std::size_t n_features) {
    if (rows != n_cells) fail(path, "has " + count_text(rows) + " rows, but obs has " + count_text(n_cells) + " cells");
    if (n_features != 0 && columns != n_features) {
        fail(path,
             "has " + count_text(columns) + " columns, but there are names of " + count_text(n_features) + " features");
    }
}

}  // namespace

std::vector<MatrixPlace> matrices_in(const File& file) {
    std::vector<MatrixPlace> places;
    if (kind_of(file, "X") != ObjectKind::absent) places.push_back({"X", "X", ""});
    add_members(file, "layers", places);
    add_members(file, "obsm", places);
    for (const char* path : {"raw/X", "raw.X"}) {
        if (kind_of(file, path) != ObjectKind::absent) places.push_back({"raw/X", path, ""});
    }
    return places;
}

nlohmann::json matrix_summary(const File& file, const MatrixPlace& place) {
    nlohmann::json summary = {{"path", place.name}};
    try {
        if (kind_of(file, place.path) == ObjectKind::group) {
            const auto format = sparse_format(file, place.path);
            if (!format) fail_group(file, place.path);
            const Stored data(file, place.path + "/data");
            const auto shape = sparse_shape(file, place.path);
            summary.update({{"storage", *format},
                            {"n_rows", shape[0]},
                            {"n_columns", shape[1]},
                            {"n_entries", data.n_rows()},
                            {"element", data.element().name},
                            {"counts", begins_with_counts(data)},
                            {"compression", data.compression()}});
            return summary;
        }
        const Stored array(file, place.path);
        const Dense dense = dense_at(array, place);
        summary.update({{"storage", "dense"},
                        {"n_rows", array.n_rows()},
                        {"n_columns", dense.n_columns()},
                        {"element", dense.element().name},
                        {"counts", dense.member == nullptr && begins_with_counts(array)},
                        {"compression", array.compression()}});
    } catch (const FileFault& fault) {
        summary["fault"] = fault.what();
    }
    return summary;
}

nlohmann::json read_matrix(const File& file, const std::string& name, std::size_t n_cells, std::size_t n_features,
                           Outbox& outbox) {
    const std::vector<MatrixPlace> places = matrices_in(file);
    const auto place = std::find_if(places.begin(), places.end(), [&](const MatrixPlace& p) { return p.name == name; });
    if (place == places.end()) {
        std::vector<std::string> names;
        for (const MatrixPlace& p : places) names.push_back(p.name);
        fail("", unknown_name("matrix", name, names));
    }
    if (kind_of(file, place->path) == ObjectKind::group) {
        const auto format = sparse_format(file, place->path);
        if (!format) fail_group(file, place->path);
        const auto shape = sparse_shape(file, place->path);
        require_shape(place->path, shape[0], shape[1], n_cells, n_features);
        return read_sparse(file, place->path, *format, n_cells, shape[1], outbox);
    }
    const Stored array(file, place->path);
    const Dense dense = dense_at(array, *place);
    require_shape(dense.path(), array.n_rows(), dense.n_columns(), n_cells, n_features);
    return dense.element().fits_float() ? read_dense<float>(file, dense, outbox)
                                        : read_dense<double>(file, dense, outbox);
}

}  // namespace bcbench::h5ad
