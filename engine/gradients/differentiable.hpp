// A method as functions of named inputs, in double whatever the arithmetic of a run: what gradient checks
// differentiate, and what another program can repeat. The reverse passes are the methods' own; here they only get
// names.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench {

/// One result of a method at given inputs, and its reverse pass there.
struct Linearization {
    arma::mat value;
    std::uint64_t choices = 0;  // core/choices.hpp
    /// The adjoint of every input, in their order, for the adjoint of the value.
    std::function<std::vector<arma::mat>(const arma::mat& value_bar)> backward;
    /// `choices` of every cell alone: two arithmetics agree but for rounding in cells that chose alike. Empty: no cell
    /// chooses.
    std::function<std::vector<std::uint64_t>()> cell_choices = {};
};

struct DifferentiableOutput {
    std::string name;
    std::function<Linearization(const std::vector<arma::mat>& inputs)> at;
};

/// A fit as a function of its cells and parameters.
struct Differentiable {
    std::vector<NamedArray<double>> inputs;     // "cells" [F x n] first, then the parameters
    std::vector<DifferentiableOutput> outputs;  // "corrected" [F x n] first, then losses [1 x 1]
};

// A model's parameters as a flat list of arrays behind the cells, in the order of its for_each_parameter.

template <class Model>
std::vector<NamedArray<double>> inputs_of(const arma::mat& cells, Model model) {
    std::vector<NamedArray<double>> inputs = {{"cells", cells}};
    for_each_parameter(model, [&](const std::string& name, const arma::mat& values) {
        inputs.push_back({name, values});
    });
    return inputs;
}

/// `model` with the parameters in inputs[1], ...
template <class Model>
Model model_from(const std::vector<arma::mat>& inputs, Model model) {
    std::size_t next = 1;
    for_each_parameter(model, [&](const std::string&, arma::mat& values) { values = inputs.at(next++); });
    return model;
}

/// The adjoints of the cells and of every parameter, as a list.
template <class Model>
std::vector<arma::mat> bars_of(arma::mat cells_bar, Model model_bar) {
    std::vector<arma::mat> bars = {std::move(cells_bar)};
    for_each_parameter(model_bar, [&](const std::string&, const arma::mat& values) { bars.push_back(values); });
    return bars;
}

inline arma::mat scalar(double value) { return arma::mat(1, 1, arma::fill::value(value)); }

}  // namespace bcbench
