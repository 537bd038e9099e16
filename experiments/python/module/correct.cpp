// Methods of the catalog on arrays, with their reverse passes.
#include <nanobind/stl/optional.h>

#include "engine/core/check.hpp"
#include "experiments/bindings/method.hpp"
#include "experiments/config/config.hpp"
#include "experiments/python/module/arrays.hpp"
#include "experiments/python/module/calls.hpp"
#include "experiments/python/module/module.hpp"

namespace bcbench::python {

namespace {

// The parameters, checked and with defaults filled in, by the reader of configs.
MethodSettings settings_of(const std::string& method, const std::string& params, const std::string& train,
                           std::uint64_t seed, Precision precision) {
    OrderedJson entry = {{"label", "method"}, {"type", method}, {"seed", seed}, {"params", parse_json(params, method)}};
    if (!train.empty()) entry["train"] = parse_json(train, method);
    const OrderedJson dataset = {{"label", "data"}, {"type", "gaussian_batches"}};  // a config has one; it is not made
    const OrderedJson config = {{"schema_version", 1},
                                {"name", "python"},
                                {"datasets", OrderedJson::array({dataset})},
                                {"methods", OrderedJson::array({entry})}};
    try {
        const Config read = make_config(config, method, catalog());
        const Entry& chosen = read.methods.at(0);
        return {chosen.params, chosen.train, seed, precision, std::filesystem::current_path()};
    } catch (const ConfigError& error) {
        std::vector<Fault> faults = error.faults();
        for (Fault& fault : faults) {  // "/methods/0/params/theta" is the argument theta
            for (const std::string prefix : {"/methods/0/params/", "/methods/0/"}) {
                if (fault.pointer.starts_with(prefix)) fault.pointer.erase(0, prefix.size());
            }
        }
        throw ConfigError(method, faults);
    }
}

// One fit with the array that it was made from: reverse passes may look at its cells again.
template <class Real>
class Correction {
  public:
    Correction(nb::object array, Fit<Real> fit, unsigned threads)
        : array_(std::move(array)), fit_(std::move(fit)), threads_(threads) {
        const bool is_read_again = fit_.backward || !fit_.arrays.empty();
        corrected_ = to_numpy(is_read_again ? Matrix<Real>(fit_.corrected) : std::move(fit_.corrected));
    }

    nb::object corrected() const { return corrected_; }

    nb::dict arrays() const {
        nb::dict named;
        for (const FurtherArray<Real>& array : fit_.arrays)
            named[array.name.c_str()] = to_numpy(array.values(fit_.corrected));
        return named;
    }

    nb::dict values() const {
        nb::dict named;
        for (const Score& score : fit_.losses)
            named[score.metric.c_str()] = score.value ? nb::cast(*score.value) : nb::none();
        return named;
    }

    nb::dict facts() const {
        nb::dict named;
        for (const auto& [name, word] : fit_.facts) named[name.c_str()] = word;
        return named;
    }

    std::vector<std::string> notes() const { return fit_.notes; }

    nb::dict traces() const {
        nb::dict named;
        for (const Curve& curve : fit_.traces) named[curve.name.c_str()] = curve.values;
        return named;
    }

    bool is_differentiable() const { return static_cast<bool>(fit_.backward); }

    nb::object vjp(const Array<Real>& adjoint) const {
        if (!fit_.backward) throw std::invalid_argument("this method has no gradient");
        const Matrix<Real> corrected_bar = cells_of(adjoint);
        if (arma::size(corrected_bar) != arma::size(fit_.corrected))
            throw std::invalid_argument("the adjoint needs the shape of the corrected cells");
        Matrix<Real> cells_bar;
        {
            const Computation computation(threads_);
            cells_bar = fit_.backward(corrected_bar);
        }
        return to_numpy(std::move(cells_bar));
    }

    // Of one output ("corrected" or a loss), with respect to the cells and every parameter, in double.
    nb::dict gradients(const std::string& output, const std::optional<Array<double>>& adjoint) const {
        if (!fit_.differentiable) throw std::invalid_argument("this method has no gradient");
        Differentiable functions;
        std::vector<arma::mat> bars;
        {
            const Computation computation(threads_);
            functions = fit_.differentiable();
            bars = output_named(functions, output).backward(functions, adjoint ? cells_of(*adjoint) : arma::mat());
        }
        nb::dict named;
        for (std::size_t i = 0; i < bars.size(); ++i)
            named[functions.inputs[i].name.c_str()] = to_numpy(std::move(bars[i]));
        return named;
    }

  private:
    struct Output {
        const DifferentiableOutput& function;

        std::vector<arma::mat> backward(const Differentiable& functions, const arma::mat& adjoint) const {
            std::vector<arma::mat> inputs;
            for (const NamedArray<double>& input : functions.inputs) inputs.push_back(input.values);
            const Linearization at = function.at(inputs);
            if (!adjoint.is_empty() && arma::size(adjoint) != arma::size(at.value))
                throw std::invalid_argument("the adjoint needs the shape of the output");
            return at.backward(adjoint.is_empty() ? arma::mat(arma::size(at.value), arma::fill::ones) : adjoint);
        }
    };

    static Output output_named(const Differentiable& functions, const std::string& name) {
        std::string known;
        for (const DifferentiableOutput& output : functions.outputs) {
            if (output.name == name) return {output};
            known += (known.empty() ? "" : ", ") + output.name;
        }
        throw std::invalid_argument("no output is called '" + name + "'; there are " + known);
    }

    nb::object array_;
    Fit<Real> fit_;
    unsigned threads_;
    nb::object corrected_;
};

template <class Real>
Correction<Real> correct(const std::string& method, const Array<Real>& array, const nb::object& batch,
                         const nb::object& type, const nb::list& further, const std::string& params,
                         const std::string& train, std::uint64_t seed, unsigned threads) {
    const MethodSettings settings =
        settings_of(method, params, train, seed, std::is_same_v<Real, float> ? Precision::float32 : Precision::float64);
    LabelArguments labels = labels_of(batch, type, further);
    Fit<Real> fit;
    {
        const SharedData<Real> data(new Dataset<Real>{cells_of(array), std::move(labels.batch), std::move(labels.type),
                                                      std::move(labels.about)});
        const Computation computation(threads);
        require_finite(data->cells, "X");
        fit = fit_method(method, settings, data);
    }
    return {nb::cast(array), std::move(fit), threads};
}

template <class Real>
void add_for(nb::module_& module, const char* name) {
    using Class = Correction<Real>;
    nb::class_<Class>(module, name)
        .def_prop_ro("corrected", &Class::corrected)
        .def_prop_ro("arrays", &Class::arrays)
        .def_prop_ro("values", &Class::values)
        .def_prop_ro("facts", &Class::facts)
        .def_prop_ro("notes", &Class::notes)
        .def_prop_ro("traces", &Class::traces)
        .def_prop_ro("is_differentiable", &Class::is_differentiable)
        .def("vjp", &Class::vjp, nb::arg("corrected_bar").noconvert())
        .def("gradients", &Class::gradients, nb::arg("output"), nb::arg("adjoint").none() = nb::none());
    module.def("correct", &correct<Real>, nb::arg("method"), nb::arg("cells").noconvert(), nb::arg("batch").none(),
               nb::arg("type").none(), nb::arg("further"), nb::arg("params"), nb::arg("train"), nb::arg("seed"),
               nb::arg("threads"));
}

}  // namespace

void add_correct(nb::module_& module) {
    add_for<float>(module, "CorrectionFloat32");
    add_for<double>(module, "CorrectionFloat64");
}

}  // namespace bcbench::python
