#include "experiments/bindings/datasets.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdlib>

#include "engine/core/check.hpp"
#include "engine/datasets/gaussian_batches.hpp"
#include "engine/datasets/table.hpp"
#include "experiments/bindings/fields.hpp"
#include "experiments/bindings/file_datasets.hpp"
#include "experiments/bindings/preprocess.hpp"

namespace bcbench {

namespace {

constexpr Field<gaussian_batches::Options> gaussian_fields[] = {
    field<&gaussian_batches::Options::n_cells_per_batch>(
        "n_cells_per_batch", at_least(1),
        "cells of each batch, one number or one per batch; floor(n / n_types) of each type"),
    field<&gaussian_batches::Options::n_types>("n_types", at_least(1), "cell types; more make narrower feature blocks"),
    field<&gaussian_batches::Options::n_features>("n_features", at_least(1), "features of each cell, at least n_types"),
    field<&gaussian_batches::Options::type_signal>(
        "type_signal", any_value(),
        "expression of a type on its own block of features; larger separates types further"),
    field<&gaussian_batches::Options::batch_shifts>(
        "batch_shifts", any_value(),
        "constant added to all features of a batch, one per batch; their number is the number of batches"),
    field<&gaussian_batches::Options::noise_sd>("noise_sd", at_least(0), "standard deviation of every entry's noise"),
};

DatasetSource load_gaussian(const DatasetSettings& settings) {
    const Dataset<float> drawn =
        gaussian_batches::generate(options_from(gaussian_fields, settings.params), settings.seed);
    return {in_double(drawn)};
}

std::vector<ParameterFault> gaussian_faults(const nlohmann::json& params) {
    try {
        gaussian_batches::validate(options_from(gaussian_fields, params));
    } catch (const OptionError& error) {
        return {{"params", error.option, error.fault}};
    }
    return {};
}

std::optional<DataShape> gaussian_shape(const nlohmann::json& params) {
    const auto options = options_from(gaussian_fields, params);
    return DataShape{gaussian_batches::batch_sizes(options), static_cast<std::size_t>(options.n_features)};
}

constexpr Field<table::Options> table_fields[] = {
    field<&table::Options::cells>(
        "cells", any_value(), "CSV or TSV file, plain or .gz: a header, then one row of numbers per cell", "", true),
    field<&table::Options::metadata>("metadata", any_value(),
                                     "CSV or TSV file, plain or .gz: a header, then one row per cell", "", true),
    field<&table::Options::batch_column>("batch_column", any_value(), "metadata column with each cell's batch", "",
                                         true),
    field<&table::Options::type_column>("type_column", any_value(),
                                        "metadata column with each cell's type; empty: no types"),
    field<&table::Options::covariates>("covariates", any_value(),
                                       "further metadata columns of labels, for methods with several covariates"),
    field<&table::Options::row_names>("row_names", any_value(), "the first column of `cells` names the cells"),
    field<&table::Options::match_cells>(
        "match_cells", any_value(),
        "with row_names, how rows of metadata find their cells: by the name in their first field, if any of these "
        "names "
        "a cell, or in the order they stand, where the same names in another order are refused",
        "name order"),
    field<&table::Options::missing_types>("missing_types", any_value(), missing_types_help, "error drop keep"),
    field<&table::Options::scale>(
        "scale", above(0), "multiplies every value; brings data of tiny scale to where sigma and bandwidths see it"),
};

DatasetSource load_table(const DatasetSettings& settings) {
    table::Options options = options_from(table_fields, settings.params);
    for (std::string* file : {&options.cells, &options.metadata}) {
        *file = existing_data_file(*file, settings.config_directory);
    }
    DatasetSource source;
    source.data = table::load(options, &source.notes);
    return source;
}

void look_at_table(const DatasetSettings& settings) {
    table::Options options = options_from(table_fields, settings.params);
    const auto metadata = find_data_file(options.metadata, settings.config_directory);
    if (!metadata) return;
    options.metadata = metadata->string();
    table::require_columns(options);
}

std::optional<DataShape> unknown_shape(const nlohmann::json&) { return std::nullopt; }

constexpr DatasetDefinition datasets[] = {
    {"gaussian_batches", "Gaussian cell types, each batch shifted by a constant",
     "Ordered by batch, then type. Drawn in float32 from counter-based random numbers (Threefry-2x32-20), the same on "
     "every machine.",
     [] { return std::vector<std::string>(); }, [] { return parameters_of(gaussian_fields); }, gaussian_faults,
     gaussian_shape, nullptr, load_gaussian},
    {"table", "cells and labels from CSV or TSV files",
     "Files are looked for beside the config, then in the directory $BCBENCH_DATA. Batches and types are numbered in "
     "order of first appearance.",
     [] {
         return std::vector<std::string>{"cells", "metadata"};
     },
     [] { return with_preprocess(parameters_of(table_fields)); }, preprocess_faults, unknown_shape, look_at_table,
     load_table},
    {"h5ad", "cells and labels from an AnnData file",
     "Of anndata 0.6 to 0.12; dense or sparse, gzip, lzf or zstd. A worker process of bounded memory reads it: a "
     "damaged file cannot take the run with it. `bcbench inspect FILE` prints what is in a file, and a config that "
     "runs on it. "
     "Several `files` are joined on the names of their features, each a batch. `outputs.h5ad` writes the corrected "
     "cells back into a copy. Files are looked for beside the config, then in the directory $BCBENCH_DATA. Batches and "
     "types are numbered in order of first appearance.",
     [] {
         return std::vector<std::string>{"file", "files"};
     },
     h5ad_parameters, h5ad_faults, unknown_shape, nullptr, load_h5ad, write_back_h5ad},
    {"matrix", "cells from a Matrix Market file, a 10x folder or a .npy file",
     "Sparse: a 10x folder (matrix.mtx, barcodes.tsv, features.tsv or genes.tsv, each plain or .gz), or one .mtx file, "
     "a column per cell as these tools write it. Dense: .npy, a row per cell. Labels come from a metadata file as "
     "those of `table`, and of several files each is a batch. Features are joined by the first column of features.tsv "
     "(Ensembl ids); files without names must have the same number. Files are looked for beside the config, then in "
     "the directory $BCBENCH_DATA.",
     [] {
         return std::vector<std::string>{"file", "metadata", "files"};
     },
     matrix_parameters, matrix_faults, unknown_shape, nullptr, load_matrix},
};

}  // namespace

std::span<const DatasetDefinition> dataset_table() { return datasets; }

const DatasetDefinition& dataset_named(const std::string& type) {
    for (const DatasetDefinition& entry : datasets) {
        if (type == entry.name) return entry;
    }
    throw std::invalid_argument("there is no dataset '" + type + "'");
}

std::optional<std::filesystem::path> find_data_file(const std::string& name,
                                                    const std::filesystem::path& config_directory) {
    std::vector<std::filesystem::path> candidates = {config_directory / name};
    const char* data_directory = std::getenv("BCBENCH_DATA");
    if (data_directory != nullptr && *data_directory != '\0')
        candidates.push_back(std::filesystem::path(data_directory) / name);
    for (const std::filesystem::path& candidate : candidates) {
        std::error_code error;
        if (std::filesystem::exists(candidate, error)) return candidate;
    }
    return std::nullopt;
}

std::string existing_data_file(const std::string& name, const std::filesystem::path& config_directory) {
    const auto found = find_data_file(name, config_directory);
    if (!found) {
        throw DataError("the file " + name + " is neither beside the config nor in the directory $BCBENCH_DATA");
    }
    return found->string();
}

template <class Real>
Dataset<Real> in_arithmetic(const Dataset<double>& data) {
    Dataset<Real> converted{arma::conv_to<Matrix<Real>>::from(data.cells), data.batch, data.type, data.about};
    require_finite(converted.cells, "the dataset, in the precision of the run,");
    return converted;
}

template Dataset<float> in_arithmetic(const Dataset<double>&);
template Dataset<double> in_arithmetic(const Dataset<double>&);

DatasetSource load_source(const std::string& type, const DatasetSettings& settings) {
    return dataset_named(type).load(settings);
}

Dataset<double> load_dataset(const std::string& type, const DatasetSettings& settings) {
    nlohmann::ordered_json facts;
    return prepared(load_source(type, settings), settings, facts);
}

std::string data_hash(const Dataset<double>& data) {
    XXH64_hash_t hash = XXH3_64bits(data.cells.memptr(), data.cells.n_elem * sizeof(double));
    for (const Labels* labels : {&data.batch, &data.type}) {
        hash = XXH3_64bits_withSeed(labels->code.data(), labels->code.size() * sizeof(std::uint32_t), hash);
        for (const std::string& name : labels->names) hash = XXH3_64bits_withSeed(name.data(), name.size(), hash);
    }
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
    return digits;
}

}  // namespace bcbench
