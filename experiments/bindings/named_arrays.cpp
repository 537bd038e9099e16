#include "experiments/bindings/named_arrays.hpp"

#include <utility>
#include <vector>

#include "engine/core/check.hpp"

namespace bcbench {

namespace {

npy::Array input_array(const std::string& name, const arma::mat& values) {
    return is_bias(name) ? npy::from_list(values) : npy::from_matrix(values);
}

// Of the corrected cells, or of a loss.
npy::Array output_array(const std::string& name, const arma::mat& values) {
    return name == "corrected" ? npy::from_matrix(values) : npy::from_list(values);
}

// The gradients of one output under `value_bar`, as <prefix>.<output>.<input>.
void add_gradients(const std::string& prefix, const Linearization& at, const arma::mat& value_bar,
                   const std::vector<NamedArray<double>>& inputs, npy::NamedArrays& arrays) {
    const std::vector<arma::mat> bars = at.backward(value_bar);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const std::string name = prefix + "." + inputs[i].name;
        require_finite(bars.at(i), name.c_str());
        arrays[name] = input_array(inputs[i].name, bars[i]);
    }
}

}  // namespace

bool is_bias(const std::string& name) { return name.ends_with(".bias"); }

template <class Real>
npy::NamedArrays arrays_of(const Fit<Real>& fit) {
    npy::NamedArrays arrays = fit.by_products;
    for (const FurtherArray<Real>& array : fit.arrays) {
        arrays[array.name] = npy::from_matrix(array.values(fit.corrected));
    }
    return arrays;
}

template npy::NamedArrays arrays_of(const Fit<float>&);
template npy::NamedArrays arrays_of(const Fit<double>&);

npy::NamedArrays gradients_of(const Differentiable& fit, const Labels& batch,
                              const std::function<arma::mat(const arma::mat& value)>& adjoint) {
    npy::NamedArrays arrays;
    arrays["batch"] = {{batch.code.size()}, std::vector<std::int64_t>(batch.code.begin(), batch.code.end())};
    std::vector<arma::mat> inputs;
    for (const NamedArray<double>& input : fit.inputs) {
        inputs.push_back(input.values);
        arrays["input." + input.name] = input_array(input.name, input.values);
    }
    for (const DifferentiableOutput& output : fit.outputs) {
        const Linearization at = output.at(inputs);
        arrays["value." + output.name] = output_array(output.name, at.value);
        add_gradients("gradient." + output.name, at, arma::ones(arma::size(at.value)), fit.inputs, arrays);
        if (!adjoint) continue;
        const arma::mat value_bar = adjoint(at.value);
        arrays["adjoint." + output.name] = output_array(output.name, value_bar);
        add_gradients("adjoint_gradient." + output.name, at, value_bar, fit.inputs, arrays);
    }
    return arrays;
}

}  // namespace bcbench
