#include "experiments/bindings/preprocess.hpp"

#include <string>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/checkpoint.hpp"
#include "engine/preprocess/highly_variable.hpp"
#include "engine/preprocess/normalize.hpp"
#include "engine/preprocess/pca.hpp"
#include "engine/preprocess/scale.hpp"
#include "experiments/bindings/datasets.hpp"
#include "experiments/bindings/fields.hpp"
#include "experiments/h5ad/dataset.hpp"

namespace bcbench {

namespace {

using nlohmann::ordered_json;
using preprocess::Cells;

constexpr Field<preprocess::NormalizeTotalOptions> normalize_fields[] = {
    field<&preprocess::NormalizeTotalOptions::target_sum>(
        "target_sum", above(0), "sum that every cell gets; null: the median of the cells' own sums"),
};

constexpr Field<preprocess::HighlyVariableOptions> highly_variable_fields[] = {
    field<&preprocess::HighlyVariableOptions::n_top_genes>(
        "n_top_genes", at_least(1), "so many genes of the largest normalised dispersion; null: those in the bounds"),
    field<&preprocess::HighlyVariableOptions::flavor>("flavor", any_value(), "how the dispersion is normalised"),
    field<&preprocess::HighlyVariableOptions::per_batch>(
        "per_batch", any_value(), "chosen in each batch, those of more batches first (scanpy's batch_key)"),
    field<&preprocess::HighlyVariableOptions::min_mean>("min_mean", any_value(), "bound of the mean"),
    field<&preprocess::HighlyVariableOptions::max_mean>("max_mean", any_value(), "bound of the mean"),
    field<&preprocess::HighlyVariableOptions::min_disp>("min_disp", any_value(), "bound of the normalised dispersion"),
    field<&preprocess::HighlyVariableOptions::max_disp>("max_disp", any_value(),
                                                        "bound of the normalised dispersion; null: none"),
    field<&preprocess::HighlyVariableOptions::n_bins>("n_bins", at_least(1), "bins of the means (flavor seurat)"),
};

constexpr Field<preprocess::ScaleOptions> scale_fields[] = {
    field<&preprocess::ScaleOptions::zero_center>("zero_center", any_value(),
                                                  "subtract the mean of every gene; zeros are then stored"),
    field<&preprocess::ScaleOptions::max_value>("max_value", above(0), "larger values are set to it; null: none are"),
};

constexpr Field<preprocess::PcaOptions> pca_fields[] = {
    field<&preprocess::PcaOptions::n_components>("n_components", at_least(1),
                                                 "components; fewer than cells and features"),
};

ordered_json normalize(Cells& cells, const Labels&, const nlohmann::json& params) {
    return {{"target_sum", preprocess::normalize_total(cells, options_from(normalize_fields, params))}};
}

ordered_json take_log1p(Cells& cells, const Labels&, const nlohmann::json&) {
    preprocess::log1p(cells);
    return ordered_json::object();
}

ordered_json choose_genes(Cells& cells, const Labels& batch, const nlohmann::json& params) {
    const auto genes = preprocess::highly_variable(cells, batch, options_from(highly_variable_fields, params));
    const auto n_selected = std::count(genes.selected.begin(), genes.selected.end(), true);
    if (n_selected == 0) throw DataError("highly_variable: no gene lies within the bounds; set n_top_genes");
    ordered_json facts = {{"n_features", cells.n_features()}, {"n_selected", n_selected}};
    cells = preprocess::with_features(cells, genes.selected);
    return facts;
}

ordered_json scale_genes(Cells& cells, const Labels&, const nlohmann::json& params) {
    preprocess::scale(cells, options_from(scale_fields, params));
    return ordered_json::object();
}

ordered_json take_components(Cells& cells, const Labels&, const nlohmann::json& params) {
    preprocess::Pca found = preprocess::pca(cells, options_from(pca_fields, params));
    const arma::vec ratio = found.variance / found.total_variance;
    cells = {};
    cells.dense = std::move(found.scores);
    for (arma::uword c = 1; c <= ratio.n_elem; ++c) cells.feature_names.push_back("PC" + std::to_string(c));
    return {{"variance_ratio", arma::conv_to<std::vector<double>>::from(ratio)},
            {"variance_ratio_sum", arma::accu(ratio)},
            {"residual", found.residual}};
}

struct Step {
    const char* name;
    const char* help;
    std::vector<Parameter> (*parameters)();
    ordered_json (*apply)(Cells&, const Labels& batch, const nlohmann::json& params);
};

// In the order in which they may stand.
constexpr Step steps[] = {
    {"normalize_total", "Every cell to the same sum of counts.", [] { return parameters_of(normalize_fields); },
     normalize},
    {"log1p", "ln(1 + x). Refused where the cells look log-normalised already.",
     [] { return std::vector<Parameter>(); }, take_log1p},
    {"highly_variable", "Keeps the genes that vary more than others of their mean; after log1p.",
     [] { return parameters_of(highly_variable_fields); }, choose_genes},
    {"scale", "Every gene to unit variance.", [] { return parameters_of(scale_fields); }, scale_genes},
    {"pca", "Principal components. The point files give the share of the variance, and the residual.",
     [] { return parameters_of(pca_fields); }, take_components},
};

std::size_t place_of(const std::string& name) {
    return static_cast<std::size_t>(
        std::find_if(std::begin(steps), std::end(steps), [&](const Step& step) { return name == step.name; }) -
        std::begin(steps));
}

const nlohmann::json& steps_of(const nlohmann::json& params) {
    static const nlohmann::json none = nlohmann::json::array();
    const auto found = params.find("preprocess");
    return found != params.end() && found->is_array() ? *found : none;
}

// What only the numbers tell: that steps for counts are not given something else.
void require_fitting(const Cells& cells, const nlohmann::json& list) {
    bool wants_counts = false, wants_logarithms = false;
    for (const nlohmann::json& step : list) {
        const std::string name = step.begin().key();
        wants_counts = wants_counts || name == "normalize_total" || name == "log1p";
        wants_logarithms = wants_logarithms || name == "highly_variable";
    }
    if (wants_counts) preprocess::require_counts(cells);
    const bool takes_them =
        std::any_of(list.begin(), list.end(), [](const auto& step) { return step.contains("log1p"); });
    if (!wants_logarithms || takes_them) return;
    double largest = 0.0;
    for (std::size_t i = 0; i < cells.n_cells(); ++i)
        preprocess::for_each_entry(cells, i, [&](std::size_t, double x) { largest = std::max(largest, x); });
    if (largest > 30.0) {
        throw DataError("highly_variable is of log-normalised cells, and the largest value is " +
                        std::to_string(largest) + ", which is none; put normalize_total and log1p before it");
    }
}

}  // namespace

std::vector<Parameter> with_preprocess(std::vector<Parameter> parameters) {
    Parameter parameter;
    parameter.name = "preprocess";
    parameter.type = ParameterType::steps;
    parameter.default_value = nlohmann::json::array();
    parameter.help = "what is done to the cells before any method sees them, as scanpy does it";
    for (const Step& step : steps) parameter.forms.push_back({step.name, step.help, step.parameters()});
    parameters.push_back(std::move(parameter));
    return parameters;
}

std::vector<ParameterFault> preprocess_faults(const nlohmann::json& params) {
    std::size_t last = 0;
    bool first = true;
    for (const nlohmann::json& step : steps_of(params)) {
        const std::string name = step.begin().key();
        const std::size_t place = place_of(name);
        if (!first && place <= last) {
            return {{"params", "preprocess",
                     "has " + name + " after " + steps[last].name +
                         ", must be in the order normalize_total, log1p, highly_variable, scale, pca, each at most "
                         "once"}};
        }
        last = place;
        first = false;
    }
    return {};
}

Dataset<double> prepared(DatasetSource source, const DatasetSettings& settings, ordered_json& facts) {
    facts = ordered_json::array();
    Dataset<double>& data = source.data;
    Cells cells;
    cells.is_sparse = source.sparse.has_value();
    if (cells.is_sparse)
        cells.sparse = std::move(*source.sparse);
    else
        cells.dense = std::move(data.cells);
    if (data.about) cells.feature_names = data.about->feature_names;
    const nlohmann::json& list = steps_of(settings.params);
    require_fitting(cells, list);
    for (const nlohmann::json& step : list) {
        const std::string name = step.begin().key();
        checkpoint();
        ordered_json found = {{"step", name}};
        try {
            found.update(steps[place_of(name)].apply(cells, data.batch, step.begin().value()));
        } catch (const OptionError& error) {
            throw OptionError("preprocess: " + name + ": " + error.option, error.fault);
        }
        facts.push_back(std::move(found));
    }
    if (!list.empty() && data.about) {
        Annotations about = *data.about;
        about.feature_names = std::move(cells.feature_names);
        data.about = std::make_shared<const Annotations>(std::move(about));
    }
    data.cells = cells.is_sparse ? h5ad::with_zeros(cells.sparse, "the cells") : std::move(cells.dense);
    require_valid(data);
    return std::move(data);
}

}  // namespace bcbench
