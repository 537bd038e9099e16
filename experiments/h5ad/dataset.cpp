#include "experiments/h5ad/dataset.hpp"

#include <cmath>
#include <memory>

#include "engine/core/check.hpp"
#include "experiments/h5ad/sizes.hpp"

namespace bcbench::h5ad {

namespace {

MissingLabels missing_of(const std::string& word) {
    if (word == "drop") return MissingLabels::drop;
    if (word == "keep") return MissingLabels::keep;
    return word == "label" ? MissingLabels::label : MissingLabels::error;
}

H5adRequest request_of(const Options& options, std::uint64_t seed, const H5adLimits& limits) {
    validate(options);
    H5adRequest request;
    request.cells = options.cells;
    if (!options.batch_column.empty()) request.label_columns = {options.batch_column};
    if (!options.type_column.empty()) request.label_columns.push_back(options.type_column);
    request.label_columns.insert(request.label_columns.end(), options.covariates.begin(), options.covariates.end());
    request.missing = missing_of(options.missing);
    if (options.type_column != options.batch_column && options.missing_types != "missing")
        request.missing_by_column[options.type_column] = missing_of(options.missing_types);
    request.subset_column = options.subset_column;
    request.subset_values = options.subset;
    request.n_cells = static_cast<std::size_t>(options.n_cells);
    request.seed = seed;
    request.stratify_column = options.batch_column;
    request.limits = limits;
    return request;
}

}  // namespace

void validate(const Options& options) {
    require(!options.file.empty(), "file: the name of a file is missing");
    require(!options.cells.empty(), "cells: the path of a matrix is missing");
    if (options.missing != "error" && options.missing != "drop" && options.missing != "label") {
        throw std::invalid_argument("missing: is '" + options.missing + "', expected error, drop or label");
    }
    const std::string& types = options.missing_types;
    if (types != "missing" && types != "error" && types != "drop" && types != "keep") {
        throw std::invalid_argument("missing_types: is '" + types + "', expected missing, error, drop or keep");
    }
    require(options.subset_column.empty() == options.subset.empty(),
            "subset_column and subset: both or neither must be given");
    require(options.n_cells >= 0, "n_cells: expected a number >= 0");
    require(std::isfinite(options.scale) && options.scale > 0.0, "scale: expected a finite number > 0");
}

StoredCells load_stored(const Options& options, std::uint64_t seed, const H5adLimits& limits) {
    auto read = read_h5ad<double>(options.file, request_of(options, seed, limits));
    StoredCells stored;
    Dataset<double>& data = stored.data;
    if (read.is_sparse) {
        stored.sparse = std::move(read.sparse);
    } else {
        data.cells = std::move(read.cells);
    }
    std::size_t next = 0;
    if (options.batch_column.empty()) {
        data.batch = {std::vector<std::uint32_t>(read.rows.size()), {""}};
    } else {
        data.batch = std::move(read.labels[next++].labels);
    }
    if (!options.type_column.empty()) {
        stored.n_untyped = read.labels[next].n_missing;
        data.type = std::move(read.labels[next++].labels);
    }
    auto about = std::make_shared<Annotations>();
    about->cell_names = std::move(read.cell_names);
    about->feature_names = std::move(read.feature_names);
    about->batch_column = options.batch_column;
    about->type_column = options.type_column;
    for (; next < read.labels.size(); ++next) {
        about->columns.push_back({read.labels[next].name, std::move(read.labels[next].labels)});
    }
    data.about = std::move(about);
    return stored;
}

Matrix<double> with_zeros(const SparseCells<double>& sparse, const std::string& name, const H5adLimits& limits) {
    const auto bytes = product({sparse.n_features, sparse.n_cells(), sizeof(double)});
    const std::uint64_t most = memory_limit(limits);
    if (!bytes || *bytes > most) {
        throw DataError(
            name + ": with its zeros would take " + (bytes ? byte_text(*bytes) : std::string("more than 2^64 bytes")) +
            " of memory, the limit is " + byte_text(most) + "; take principal components, or fewer cells with n_cells");
    }
    return to_dense(sparse);
}

Dataset<double> load(const Options& options, std::uint64_t seed, const H5adLimits& limits) {
    StoredCells stored = load_stored(options, seed, limits);
    Matrix<double>& cells = stored.data.cells;
    if (stored.sparse) cells = with_zeros(*stored.sparse, options.file + ": " + options.cells, limits);
    if (options.scale != 1.0) cells *= options.scale;
    if (!cells.is_finite())
        throw DataError(options.file + ": " + options.cells + ": overflows when multiplied by scale");
    return std::move(stored.data);
}

std::vector<std::size_t> rows_of(const Options& options, std::uint64_t seed, const H5adLimits& limits) {
    H5adRequest request = request_of(options, seed, limits);
    request.cells.clear();
    return read_h5ad<double>(options.file, request).rows;
}

}  // namespace bcbench::h5ad
