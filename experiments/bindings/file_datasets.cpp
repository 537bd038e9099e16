#include "experiments/bindings/file_datasets.hpp"

#include <nettle/sha2.h>

#include <cstdio>
#include <fstream>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/parallel.hpp"
#include "engine/datasets/join.hpp"
#include "engine/datasets/label_notes.hpp"
#include "engine/datasets/table.hpp"
#include "engine/datasets/typed_cells.hpp"
#include "engine/io/matrix_market.hpp"
#include "engine/io/npy.hpp"
#include "experiments/bindings/fields.hpp"
#include "experiments/bindings/preprocess.hpp"
#include "experiments/h5ad/dataset.hpp"

namespace bcbench {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// One of the files of a dataset.
struct SourceFile {
    std::string file;
    std::string batch;     // empty: a column says so
    std::string metadata;  // of `matrix`
    std::string sha256;
};

constexpr Field<SourceFile> h5ad_file_fields[] = {
    field<&SourceFile::file>("file", any_value(), "AnnData file (.h5ad)", "", true),
    field<&SourceFile::batch>("batch", any_value(), "label of all of its cells", "", true),
    field<&SourceFile::sha256>("sha256", any_value(), "checksum that the file must have; empty: any"),
};

constexpr Field<SourceFile> matrix_file_fields[] = {
    field<&SourceFile::file>("file", any_value(), "10x folder, .mtx, .mtx.gz or .npy", "", true),
    field<&SourceFile::batch>("batch", any_value(), "label of all of its cells", "", true),
    field<&SourceFile::metadata>("metadata", any_value(), "CSV or TSV file with types and covariates; empty: none"),
    field<&SourceFile::sha256>("sha256", any_value(), "checksum that the file must have; empty: any"),
};

Parameter sha256_parameter() {
    Parameter parameter;
    parameter.name = "sha256";
    parameter.type = ParameterType::string;
    parameter.default_value = "";
    parameter.help = "checksum that the file must have, 64 hexadecimal digits (sha256sum FILE); empty: any";
    return parameter;
}

Parameter files_parameter(std::vector<Parameter> members) {
    Parameter parameter;
    parameter.name = "files";
    parameter.type = ParameterType::object_list;
    parameter.default_value = json::array();
    parameter.forms = {{"", "Joined on the names of their features: those that all files have.", std::move(members)}};
    parameter.help = "several files instead of `file`, each a batch, joined on their features";
    return parameter;
}

// The file, or the files, of a dataset. Where they are is found, and what they must be is checked.
std::vector<SourceFile> source_files(const DatasetSettings& settings) {
    const json& params = settings.params;
    std::vector<SourceFile> files;
    if (const std::string file = params.value("file", ""); !file.empty())
        files.push_back({file, "", params.value("metadata", ""), params.value("sha256", "")});
    for (const json& each : params.value("files", json::array()))
        files.push_back(options_from(matrix_file_fields, each));
    return files;
}

std::string sha256_of(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    sha256_ctx state;
    sha256_init(&state);
    std::string block(std::size_t{1} << 20, '\0');
    while (stream) {
        stream.read(block.data(), static_cast<std::streamsize>(block.size()));
        sha256_update(&state, static_cast<std::size_t>(stream.gcount()),
                      reinterpret_cast<const std::uint8_t*>(block.data()));
    }
    if (!stream.eof()) throw DataError(file + ": cannot be read");
    std::uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(&state, sizeof digest, digest);
    std::string text;
    for (const std::uint8_t byte : digest) {
        char digits[3];
        std::snprintf(digits, sizeof digits, "%02x", byte);
        text += digits;
    }
    return text;
}

void require_checksum(const std::string& file, const std::string& sha256) {
    if (sha256.empty()) return;
    if (fs::is_directory(file)) throw DataError(file + ": is a folder; sha256 is of files");
    const std::string found = sha256_of(file);
    if (found == sha256) return;
    throw DataError(file + ": has the SHA-256 checksum " + found + ", not " + sha256 +
                    "; it is another version of the data, or damaged: get it again, or correct sha256");
}

std::vector<ParameterFault> file_faults(const json& params) {
    const bool one = !params.value("file", "").empty();
    const json several = params.value("files", json::array());
    std::vector<ParameterFault> faults = preprocess_faults(params);
    const auto add = [&](const char* name, const char* message) { faults.push_back({"params", name, message}); };
    if (!one && several.empty()) add("file", "is missing, must be a file; or files: two or more");
    if (one && !several.empty()) add("files", "is given together with file; give one of the two");
    if (several.size() == 1) add("files", "has one element, must have two or more; of one file, use file");
    const bool has_column = !params.value("batch_column", "").empty();
    if (one && !has_column) add("batch_column", "is missing, must be the column with each cell's batch");
    if (!several.empty() && has_column) add("batch_column", "is given together with files; each of them is a batch");
    if (!several.empty() && !params.value("sha256", "").empty())
        add("sha256", "is given together with files; give each of them its own");
    return faults;
}

// Every cell is of the batch that the config gives the file.
void put_in_batch(JoinPart& part, const std::string& batch, std::size_t n_cells) {
    part.data.batch = {std::vector<std::uint32_t>(n_cells, 0), {batch}};
    Annotations about = part.data.about ? *part.data.about : Annotations();
    about.batch_column = "batch";
    part.data.about = std::make_shared<const Annotations>(std::move(about));
}

std::size_t features_of(const JoinPart& part) { return part.sparse ? part.sparse->n_features : part.data.cells.n_rows; }

// Of one file its cells, of several all of theirs, and what was joined.
template <class Load>
DatasetSource joined_source(const DatasetSettings& settings, const Load& load) {
    std::vector<JoinPart> parts;
    std::vector<std::string> notes;
    nlohmann::ordered_json facts = {{"n_features", 0}, {"files", nlohmann::ordered_json::array()}};
    for (SourceFile& source : source_files(settings)) {
        const std::string name = source.file;
        source.file = existing_data_file(source.file, settings.config_directory);
        if (!source.metadata.empty()) source.metadata = existing_data_file(source.metadata, settings.config_directory);
        require_checksum(source.file, source.sha256);
        JoinPart part = load(source, notes);
        part.name = source.file;
        if (!source.batch.empty()) {
            put_in_batch(part, source.batch, part.sparse ? part.sparse->n_cells() : part.data.cells.n_cols);
            facts["files"].push_back({{"file", name},
                                      {"batch", source.batch},
                                      {"n_cells", part.data.batch.code.size()},
                                      {"n_features", features_of(part)}});
        }
        parts.push_back(std::move(part));
    }
    DatasetSource source;
    source.notes = std::move(notes);
    if (parts.size() == 1) {
        source.data = std::move(parts.front().data);
        source.sparse = std::move(parts.front().sparse);
    } else {
        Joined joined = join_parts(std::move(parts));
        facts["n_features"] = joined.sparse ? joined.sparse->n_features : joined.data.cells.n_rows;
        source.facts = std::move(facts);
        source.data = std::move(joined.data);
        source.sparse = std::move(joined.sparse);
    }
    const double scale = settings.params.value("scale", 1.0);
    if (scale == 1.0) return source;
    source.data.cells *= scale;
    if (source.sparse)
        for (double& value : source.sparse->value) value *= scale;
    const bool finite = source.data.cells.is_finite() &&
                        (!source.sparse ||
                         arma::vec(source.sparse->value.data(), source.sparse->value.size(), false, true).is_finite());
    if (!finite) throw DataError("the cells overflow when multiplied by scale");
    return source;
}

// ---- h5ad ----

constexpr Field<h5ad::Options> h5ad_fields[] = {
    field<&h5ad::Options::file>("file", any_value(), "AnnData file (.h5ad); or files"),
    field<&h5ad::Options::cells>("cells", any_value(), "what in it are the cells: obsm/KEY, X, layers/NAME or raw/X"),
    field<&h5ad::Options::batch_column>("batch_column", any_value(),
                                        "column of obs with each cell's batch; not with files"),
    field<&h5ad::Options::type_column>("type_column", any_value(),
                                       "column of obs with each cell's type; empty: no types"),
    field<&h5ad::Options::covariates>("covariates", any_value(),
                                      "further columns of obs, for methods with several covariates"),
    field<&h5ad::Options::missing>(
        "missing", any_value(),
        "cells without a label: an error, left out (drop), or with a label of their own, missing (label)",
        "error drop label"),
    field<&h5ad::Options::missing_types>(
        "missing_types", any_value(),
        "the same of the type column: as `missing` says, an error, left out (drop), or kept, where metrics on types "
        "leave them out (keep)",
        "missing error drop keep"),
    field<&h5ad::Options::subset_column>("subset_column", any_value(), "column of obs that says which cells are read"),
    field<&h5ad::Options::subset>("subset", any_value(), "its labels whose cells are read; empty: all cells"),
    field<&h5ad::Options::n_cells>("n_cells", at_least(0),
                                   "cells drawn by the seed, each batch in proportion; 0: all cells (of each file)"),
    field<&h5ad::Options::scale>("scale", above(0), "multiplies every value"),
};

h5ad::Options h5ad_options(const DatasetSettings& settings) {
    h5ad::Options options = options_from(h5ad_fields, settings.params);
    if (!options.file.empty()) options.file = existing_data_file(options.file, settings.config_directory);
    return options;
}

H5adLimits h5ad_limits() {
    H5adLimits limits;
    limits.threads = thread_count();
    return limits;
}

void note_better_columns(const std::string& file, std::vector<std::string>& notes) {
    const H5adSummary summary = describe_h5ad(file, h5ad_limits());
    std::vector<std::pair<std::string, std::size_t>> counted;
    for (const H5adColumn& column : summary.columns) counted.emplace_back(column.name, column.n_labels);
    const std::string note = better_columns(file, counted, summary.n_cells);
    if (!note.empty()) notes.push_back(note);
}

// ---- matrix ----

struct MatrixOptions : table::Options {
    std::string file;
};

constexpr Field<MatrixOptions> matrix_fields[] = {
    field<&MatrixOptions::file, MatrixOptions>("file", any_value(),
                                               "10x folder, .mtx, .mtx.gz or .npy (cells x features); or files"),
    field<&MatrixOptions::metadata, MatrixOptions>("metadata", any_value(),
                                                   "CSV or TSV file, plain or .gz: a header, then one row per cell"),
    field<&MatrixOptions::batch_column, MatrixOptions>("batch_column", any_value(),
                                                       "metadata column with each cell's batch; not with files"),
    field<&MatrixOptions::type_column, MatrixOptions>("type_column", any_value(),
                                                      "metadata column with each cell's type; empty: no types"),
    field<&MatrixOptions::covariates, MatrixOptions>(
        "covariates", any_value(), "further metadata columns of labels, for methods with several covariates"),
    field<&MatrixOptions::match_cells, MatrixOptions>(
        "match_cells", any_value(),
        "how rows of metadata find the cells of a 10x folder: by the barcode in their first field, if any of these is "
        "one, or in the order they stand",
        "name order"),
    field<&MatrixOptions::missing_types, MatrixOptions>("missing_types", any_value(), missing_types_help,
                                                        "error drop keep"),
    field<&MatrixOptions::scale, MatrixOptions>("scale", above(0), "multiplies every value"),
};

Matrix<double> npy_cells(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    if (stream.bad()) throw DataError(file + ": cannot be read");
    const npy::Array array = npy::decode(bytes, file);
    if (array.shape.size() != 2) throw DataError(file + ": has one dimension, expected cells x features");
    return std::visit(
        [&](const auto& values) {
            Matrix<double> cells(array.shape[1], array.shape[0], arma::fill::none);
            std::transform(values.begin(), values.end(), cells.begin(), [](auto x) { return static_cast<double>(x); });
            return cells;
        },
        array.values);
}

// The cells of a file, without labels.
JoinPart unlabelled(const std::string& file) {
    JoinPart part;
    auto about = std::make_shared<Annotations>();
    if (fs::is_directory(file)) {
        TenX<double> read = read_10x<double>(file);
        part.sparse = std::move(read.counts);
        about->cell_names = std::move(read.cell_names);
        about->feature_names = std::move(read.feature_ids);
    } else if (file.ends_with(".mtx") || file.ends_with(".mtx.gz")) {
        part.sparse = read_matrix_market<double>(file, CellsAre::columns);
    } else if (file.ends_with(".npy")) {
        part.data.cells = npy_cells(file);
    } else {
        throw DataError(file +
                        ": expected a 10x folder, or a file called .mtx, .mtx.gz or .npy; of CSV files the "
                        "dataset is of type table, of .h5ad files of type h5ad");
    }
    part.data.about = std::move(about);
    return part;
}

JoinPart matrix_part(const SourceFile& source, const MatrixOptions& given, std::vector<std::string>& notes) {
    JoinPart part = unlabelled(source.file);
    if (source.metadata.empty()) return part;
    table::Options options = given;
    options.cells = source.file;
    options.metadata = source.metadata;
    if (options.batch_column.empty()) {  // each file is a batch: any column that is there will do
        options.batch_column = !options.type_column.empty()  ? options.type_column
                               : !options.covariates.empty() ? options.covariates.front()
                                                             : "";
        if (options.batch_column.empty()) return part;
    }
    const std::size_t n_cells = part.sparse ? part.sparse->n_cells() : part.data.cells.n_cols;
    // of files that are a batch each, the column that stands for it is not looked at
    std::vector<std::string>* noted = source.batch.empty() ? &notes : nullptr;
    Dataset<double> labels = table::labelled(Matrix<double>(0, n_cells),
                                             std::vector<std::string>(part.data.about->cell_names), options, noted);
    Annotations about = *labels.about;
    about.feature_names = part.data.about->feature_names;
    labels.about = std::make_shared<const Annotations>(std::move(about));
    labels.cells = std::move(part.data.cells);
    part.data = std::move(labels);
    if (options.missing_types == "drop") drop_unlabelled(part.data, part.sparse ? &*part.sparse : nullptr, &notes);
    return part;
}

}  // namespace

std::vector<Parameter> h5ad_parameters() {
    std::vector<Parameter> parameters = with_preprocess(parameters_of(h5ad_fields));
    parameters.push_back(files_parameter(parameters_of(h5ad_file_fields)));
    parameters.push_back(sha256_parameter());
    return parameters;
}

std::vector<ParameterFault> h5ad_faults(const json& params) {
    std::vector<ParameterFault> faults = file_faults(params);
    const bool subset = !params.value("subset", json::array()).empty();
    if (subset != !params.value("subset_column", "").empty())
        faults.push_back({"params", "subset", "is of subset_column: both or neither must be given"});
    if (!params.value("files", json::array()).empty() && params.value("cells", "").starts_with("obsm/")) {
        faults.push_back(
            {"params", "cells",
             "is of obsm, whose coordinates are each file's own; of several files choose X, layers/NAME or "
             "raw/X"});
    }
    return faults;
}

DatasetSource load_h5ad(const DatasetSettings& settings) {
    return joined_source(settings, [&](const SourceFile& source, std::vector<std::string>& notes) {
        h5ad::Options options = options_from(h5ad_fields, settings.params);
        options.file = source.file;
        h5ad::StoredCells stored = h5ad::load_stored(options, settings.seed, h5ad_limits());
        const std::string& missing = options.missing_types == "missing" ? options.missing : options.missing_types;
        if (missing == "drop" && stored.n_untyped > 0) {
            notes.push_back("column '" + options.type_column + "': " + std::to_string(stored.n_untyped) +
                            " cells have no type and were left out");
        }
        if (batches_look_wrong(stored.data.batch)) note_better_columns(source.file, notes);
        return JoinPart{"", std::move(stored.data), std::move(stored.sparse)};
    });
}

void write_back_h5ad(const DatasetSettings& settings, const fs::path& out, const WayBack& way) {
    const h5ad::Options options = h5ad_options(settings);
    if (options.file.empty()) throw DataError("several files are one dataset; there is no one file to copy");
    H5adAdditions additions;
    for (const WayBack::Embedding& embedding : way.embeddings)
        additions.embeddings.push_back({obsm_key(embedding.label), embedding.cells()});
    additions.unstructured = way.results;
    additions.rows = h5ad::rows_of(options, settings.seed, h5ad_limits());
    write_h5ad(options.file, out.string(), std::move(additions), h5ad_limits());
}

std::vector<Parameter> matrix_parameters() {
    std::vector<Parameter> parameters = with_preprocess(parameters_of(matrix_fields));
    parameters.push_back(files_parameter(parameters_of(matrix_file_fields)));
    parameters.push_back(sha256_parameter());
    return parameters;
}

std::vector<ParameterFault> matrix_faults(const json& params) {
    std::vector<ParameterFault> faults = file_faults(params);
    if (!params.value("file", "").empty() && params.value("metadata", "").empty())
        faults.push_back({"params", "metadata", "is missing, must be the file with each cell's batch"});
    if (!params.value("files", json::array()).empty() && !params.value("metadata", "").empty())
        faults.push_back({"params", "metadata", "is given together with files; give each of them its own"});
    return faults;
}

DatasetSource load_matrix(const DatasetSettings& settings) {
    const MatrixOptions options = options_from(matrix_fields, settings.params);
    return joined_source(settings, [&](const SourceFile& source, std::vector<std::string>& notes) {
        return matrix_part(source, options, notes);
    });
}

}  // namespace bcbench
