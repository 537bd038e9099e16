// The table of correction methods: how a method's JSON parameters become engine options, and what a fit hands back.
// To add a method: write engine/methods/<name>, its reference, and one row here (README, "Adding a method").
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/core/types.hpp"
#include "engine/io/npy.hpp"
#include "engine/training/loop.hpp"
#include "experiments/catalog/parameter.hpp"
#include "experiments/catalog/score.hpp"

namespace bcbench {

struct MethodSettings {
    nlohmann::json params;  // validated; defaults filled in
    nlohmann::json train;   // validated, defaults filled in; null: not trained
    std::uint64_t seed = 0;
    Precision precision = Precision::float64;
    std::filesystem::path config_directory;  // where a model to load is looked for first
};

/// An array with its name. Columns are cells, or those of a parameter.
template <class Real>
struct NamedArray {
    std::string name;
    Matrix<Real> values;
};

/// A further array that a method returns, such as the latent cells. Most runs want its shape alone: it is made when
/// asked for.
template <class Real>
struct FurtherArray {
    std::string name;
    arma::uword n_dimensions = 0;
    std::function<Matrix<Real>(const Matrix<Real>& corrected)> values;  // [n_dimensions x n]
    /// The most that a value changes if every entry of the corrected cells, which it is computed from, changes by 1.
    double sensitivity = 1.0;
};

/// What the slow reference computed for the same data and the same parameters.
struct ReferenceFit {
    arma::mat corrected;  // [F x n]
    std::vector<NamedArray<double>> arrays;
    std::vector<Score> losses;
};

/// One result of a method at given inputs, and its reverse pass there.
struct Linearization {
    arma::mat value;
    std::uint64_t choices = 0;  // engine/core/choices.hpp
    /// The adjoint of every input, in their order, for the adjoint of the value.
    std::function<std::vector<arma::mat>(const arma::mat& value_bar)> backward;
};

struct DifferentiableOutput {
    std::string name;
    std::function<Linearization(const std::vector<arma::mat>& inputs)> at;
};

/// A fit as a function of its cells and parameters, in double whatever the arithmetic of the run.
struct Differentiable {
    std::vector<NamedArray<double>> inputs;     // "cells" [F x n] first, then the parameters
    std::vector<DifferentiableOutput> outputs;  // "corrected" [F x n] first, then losses [1 x 1]
};

template <class Real>
struct Fit {
    Matrix<Real> corrected;  // [F x n]
    std::vector<FurtherArray<Real>> arrays;
    std::vector<Score> losses;
    std::vector<training::Curve> traces;        // of a training; else empty
    std::optional<std::int64_t> trained_steps;  // updates behind the parameters, of a training
    std::vector<std::uint32_t> holdout;         // cells that the training never saw
    npy::NamedArrays model;                     // the parameters, if the `train` block asks to save them
    /// The adjoint of the input cells [F x n] for the adjoint of the corrected cells [F x n]. The data must outlive it.
    std::function<Matrix<Real>(const Matrix<Real>& corrected_bar)> backward;
    /// The same fit, with the same parameters, for gradient checks. Empty: the method is not differentiable.
    std::function<Differentiable()> differentiable;
    /// Runs the slow reference. The data must outlive it.
    std::function<ReferenceFit()> reference;
};

struct MethodDefinition {
    const char* name;
    const char* summary;
    const char* notes;
    std::span<const ScoreRow> losses;  // Fit::losses of every dataset
    std::vector<Parameter> (*parameters)();
    std::vector<Parameter> (*training)();  // keys of the `train` block; none: the method cannot be trained
    Fit<float> (*fit_float)(const MethodSettings&, const Dataset<float>&);
    Fit<double> (*fit_double)(const MethodSettings&, const Dataset<double>&);
};

std::span<const MethodDefinition> method_table();

const MethodDefinition& method_named(const std::string& type);

/// Runs the method called `type`, in the arithmetic of the data.
Fit<float> fit_method(const std::string& type, const MethodSettings& settings, const Dataset<float>& data);
Fit<double> fit_method(const std::string& type, const MethodSettings& settings, const Dataset<double>& data);

}  // namespace bcbench
