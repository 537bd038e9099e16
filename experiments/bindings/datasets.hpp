// The table of datasets: how a dataset's JSON parameters become cells with labels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/core/sparse.hpp"
#include "engine/core/types.hpp"
#include "experiments/catalog/parameter.hpp"

namespace bcbench {

struct DatasetSettings {
    nlohmann::json params;  // validated; defaults filled in
    std::uint64_t seed = 0;
    std::filesystem::path config_directory;  // where relative paths are looked for first
};

/// A dataset as its files hold it, before the steps of `preprocess`.
struct DatasetSource {
    Dataset<double> data;                                      // without cells if they are sparse
    std::optional<SparseCells<double>> sparse = std::nullopt;  // [F x n]
    nlohmann::ordered_json facts = nullptr;                    // of several files that were joined
    std::vector<std::string> notes = {};                       // what a reader of the results should know of the labels
};

/// What goes back into a copy of a dataset's file.
struct WayBack {
    struct Embedding {
        std::string label;                    // of the method with its swept values
        std::function<arma::fmat()> cells{};  // [L x n]
    };
    std::vector<Embedding> embeddings;
    nlohmann::ordered_json results;
};

struct DatasetDefinition {
    const char* name;
    const char* summary;
    const char* notes;
    std::vector<std::string> (*file_parameters)();  // parameters that name a file to read
    std::vector<Parameter> (*parameters)();
    /// What is wrong with values that are right one by one.
    std::vector<ParameterFault> (*faults)(const nlohmann::json& params);
    /// The size that parameters without faults give it; nothing: it is known once the data are loaded.
    std::optional<DataShape> (*shape)(const nlohmann::json& params);
    /// Throws DataError for what a look at the headers of its files can tell; files that are not there are none of its
    /// business. nullptr: there is nothing to look at.
    void (*look)(const DatasetSettings&);
    DatasetSource (*load)(const DatasetSettings&);
    /// Writes `out`, a copy of the dataset's file with embeddings and results. nullptr: such files take none.
    void (*write_back)(const DatasetSettings&, const std::filesystem::path& out, const WayBack&) = nullptr;
};

std::span<const DatasetDefinition> dataset_table();

const DatasetDefinition& dataset_named(const std::string& type);

/// Where the data file `name` of a config is: beside the config, then in $BCBENCH_DATA; nothing if in neither.
std::optional<std::filesystem::path> find_data_file(const std::string& name,
                                                    const std::filesystem::path& config_directory);

/// The same as text. Throws DataError if it is in neither.
std::string existing_data_file(const std::string& name, const std::filesystem::path& config_directory);

/// The dataset in the arithmetic of a run.
template <class Real>
Dataset<Real> in_arithmetic(const Dataset<double>& data);

/// Reads the files of the dataset called `type`. Throws DataError or std::invalid_argument on data that cannot be used.
DatasetSource load_source(const std::string& type, const DatasetSettings& settings);

/// The dataset after the steps of its `preprocess` parameter, checked. `facts` receives what the steps found out, one
/// object each. Throws as load_source, and NumericalError.
Dataset<double> prepared(DatasetSource source, const DatasetSettings& settings, nlohmann::ordered_json& facts);

/// Both.
Dataset<double> load_dataset(const std::string& type, const DatasetSettings& settings);

/// A hash of cells and labels, 16 hexadecimal digits: points computed from other data are not resumed or compared.
std::string data_hash(const Dataset<double>& data);

}  // namespace bcbench
