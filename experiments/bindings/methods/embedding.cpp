// Method `embedding`: corrected cells that somebody else has computed, from a file or from the dataset's own .h5ad.
#include "experiments/bindings/datasets.hpp"
#include "experiments/bindings/fields.hpp"
#include "experiments/bindings/method.hpp"
#include "experiments/external/command.hpp"
#include "experiments/external/embedding_file.hpp"

namespace bcbench::methods {

namespace {

struct Options {
    std::string file;
    std::string obsm;
};

constexpr Field<Options> fields[] = {
    field<&Options::file>(
        "file", any_value(),
        ".npy (cells x dimensions), or CSV or TSV, plain or .gz; {dataset} stands for the dataset's label"),
    field<&Options::obsm>("obsm", any_value(), "key of obsm in the .h5ad file of the dataset: X_scVI"),
};

constexpr std::string_view dataset_placeholder = "{dataset}";

std::vector<ParameterFault> faults(const nlohmann::json& params, const nlohmann::json&, const DataShape*) {
    const Options options = options_from(fields, params);
    if (options.file.empty() != options.obsm.empty()) return {};
    return {{"params", "file",
             options.file.empty() ? "is missing, as is obsm; one of the two must be given"
                                  : "and obsm are both given; one of the two must be"}};
}

std::string file_of(const Options& options, const MethodSettings& settings) {
    if (!options.obsm.empty()) return settings.dataset.params.value("file", "");
    std::string name = options.file;
    for (std::size_t at = 0; (at = name.find(dataset_placeholder, at)) != std::string::npos;) {
        name.replace(at, dataset_placeholder.size(), settings.dataset.label);
        at += settings.dataset.label.size();
    }
    return name;
}

arma::mat from_obsm(const Options& options, const MethodSettings& settings) {
    if (settings.dataset.type != "h5ad")
        throw NotApplicable("obsm belongs to datasets of type h5ad, this one is of type " + settings.dataset.type);
    nlohmann::json params = settings.dataset.params;
    params["cells"] = "obsm/" + options.obsm;
    params["scale"] = 1.0;
    params.erase("preprocess");  // its steps are for the cells of the dataset
    return load_dataset("h5ad", {params, settings.dataset.seed, settings.config_directory}).cells;
}

template <class Real>
Fit<Real> fit(const MethodSettings& settings, const SharedData<Real>& data) {
    const Options options = options_from(fields, settings.params);
    Fit<Real> fit;
    arma::mat cells;
    if (!options.obsm.empty()) {
        cells = from_obsm(options, settings);
    } else {
        const std::string name = file_of(options, settings);
        const auto file = find_data_file(name, settings.config_directory);
        if (!file)
            throw std::invalid_argument("the file " + name +
                                        " is neither beside the config nor in the directory $BCBENCH_DATA");
        static const std::vector<std::string> none;
        auto read = external::read_embedding_file(file->string(), data->about ? data->about->cell_names : none,
                                                  data->cells.n_cols);
        cells = std::move(read.cells);
        fit.notes = std::move(read.notes);
    }
    fit.corrected = arma::conv_to<Matrix<Real>>::from(cells);
    if (!fit.corrected.is_finite()) throw std::invalid_argument("the embedding does not fit into float32");
    return fit;
}

std::string hash_of(const std::string& name, const MethodSettings& settings) {
    const auto file = find_data_file(name, settings.config_directory);
    return file ? external::hash_of_file(*file) : "no file";
}

std::string identity(const MethodSettings& settings) {
    const Options options = options_from(fields, settings.params);
    std::string hashes = hash_of(file_of(options, settings), settings);
    if (options.obsm.empty() || !settings.dataset.params.contains("files")) return hashes;
    for (const nlohmann::json& each : settings.dataset.params["files"])  // of a dataset that joins several
        hashes += " " + hash_of(each.value("file", ""), settings);
    return hashes;
}

}  // namespace

MethodDefinition embedding() {
    MethodDefinition method{"embedding", "corrected cells that somebody else has computed",
                            "Scores what is there: a file per dataset, or an obsm key of its .h5ad file. Rows that "
                            "name their cells are put "
                            "in the order of the dataset, whose cells must all be there. A finished point stands as "
                            "long as the file does."};
    method.parameters = [] { return parameters_of(fields); };
    method.faults = faults;
    method.differentiable = false;
    method.has_reference = false;
    method.is_external = true;
    method.identity = identity;
    method.fit_float = fit<float>;
    method.fit_double = fit<double>;
    return method;
}

}  // namespace bcbench::methods
