// The module bcbench._core: methods, neighbours and metrics for arrays. It has no list of methods or metrics, no
// parameters and no defaults of its own: all come from the catalog, by name.
#include <nanobind/nanobind.h>

#include <cmath>

#include "engine/core/check.hpp"
#include "engine/core/unlabelled.hpp"
#include "engine/linear/products.hpp"
#include "engine/neighbors/neighbors.hpp"
#include "experiments/bindings/method.hpp"
#include "experiments/catalog/catalog.hpp"
#include "experiments/catalog/describe.hpp"
#include "experiments/python/module/arrays.hpp"
#include "experiments/python/module/calls.hpp"
#include "experiments/python/module/module.hpp"
#include "experiments/system/provenance.hpp"
#include "experiments/text/fault.hpp"

namespace bcbench::python {

namespace {

template <class Real>
nb::tuple nearest(const Array<Real>& array, std::size_t k, unsigned threads) {
    const Matrix<Real> cells = cells_of(array);
    Neighbors found;
    {
        const Computation computation(threads);
        found = nearest_neighbors(cells, k);
        found.squared_distance.transform([](double squared) { return std::sqrt(squared); });
    }
    return nb::make_tuple(to_numpy(std::move(found.index)), to_numpy(std::move(found.squared_distance)));
}

// Of every method: {"name", "summary", "notes", "parameters": [{"name", "type", "default", "allowed", "help"}],
// "training": [...], "losses": [name], "differentiable"}.
std::string methods_json() {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    const auto parameters = [](const std::vector<Parameter>& declared) {
        nlohmann::ordered_json described = nlohmann::ordered_json::array();
        for (const Parameter& parameter : declared) {
            described.push_back({{"name", parameter.name},
                                 {"type", type_name(parameter)},
                                 {"default", parameter.default_value},
                                 {"allowed", allowed_values(parameter)},
                                 {"help", parameter.help}});
        }
        return described;
    };
    for (const CatalogEntry& entry : catalog().methods) {
        nlohmann::ordered_json losses = nlohmann::ordered_json::array();
        for (const ScoreRow& row : entry.rows)
            if (row.group == Group::loss) losses.push_back(row.name);
        list.push_back({{"name", entry.name},
                        {"summary", entry.summary},
                        {"notes", entry.notes},
                        {"parameters", parameters(entry.parameters)},
                        {"training", parameters(entry.training)},
                        {"losses", std::move(losses)},
                        {"differentiable", method_named(entry.name).differentiable}});
    }
    return list.dump();
}

}  // namespace

LabelArguments labels_of(const nb::object& batch, const nb::object& type, const nb::list& further) {
    LabelArguments labels;
    if (!batch.is_none()) {
        Column column = column_of(nb::cast<nb::tuple>(batch));
        labels.about->batch_column = std::move(column.name);
        labels.batch = std::move(column.labels);
    }
    if (!type.is_none()) {
        Column column = column_of(nb::cast<nb::tuple>(type));
        labels.about->type_column = std::move(column.name);
        labels.type = std::move(column.labels);
    }
    for (const nb::handle each : further) {
        Column column = column_of(nb::cast<nb::tuple>(each));
        labels.about->columns.push_back({std::move(column.name), std::move(column.labels)});
    }
    return labels;
}

}  // namespace bcbench::python

NB_MODULE(_core, module) {
    using namespace bcbench;
    using namespace bcbench::python;
    module.doc() = "The engine of bcbench for arrays; the package bcbench is what to call.";
    // PyTorch may keep a graph, and with it our fits, to the end of a program: no news for its user
    nb::set_leak_warnings(false);
    nb::exception<ConfigError>(module, "ConfigError", PyExc_ValueError);
    nb::exception<NumericalError>(module, "NumericalError", PyExc_ValueError);
    module.attr("UNLABELLED") = unlabelled_name;
    module.def("version", &program_version);
    module.def("blas_kernel", &blas_kernel);
    module.def("methods", &methods_json);
    module.def("neighbors", &nearest<float>, nb::arg("cells").noconvert(), nb::arg("k"), nb::arg("threads"));
    module.def("neighbors", &nearest<double>, nb::arg("cells").noconvert(), nb::arg("k"), nb::arg("threads"));
    add_correct(module);
    add_score(module);
    use_single_threaded_blas();  // the engine's own threads share the work
}
