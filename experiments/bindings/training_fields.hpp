// The `train` blocks of the methods: their keys, and the model they make - untrained, loaded from a file, or trained.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "engine/core/types.hpp"
#include "engine/methods/differentiable_harmony/train.hpp"
#include "engine/methods/mmd_autoencoder/train.hpp"
#include "engine/methods/wgan_autoencoder/train.hpp"
#include "experiments/bindings/method.hpp"
#include "experiments/catalog/parameter.hpp"

namespace bcbench {

/// The keys of each method's `train` block. Defaults are recipes that mix the documented data.
std::vector<Parameter> harmony_training();
std::vector<Parameter> mmd_training();
std::vector<Parameter> wgan_training();

/// The model to apply: `initial` itself if there is no `train` block, the model of `load_model`, or `initial` trained
/// on `data`. The curves are empty unless it was trained.
template <class Real>
training::Trained<differentiable_harmony::Parameters<Real>> prepared_harmony(
    const MethodSettings& settings, differentiable_harmony::Parameters<Real> initial,
    const differentiable_harmony::Options& method, const Dataset<Real>& data);
template <class Real>
training::Trained<Autoencoder<Real>> prepared_mmd(const MethodSettings& settings, Autoencoder<Real> initial,
                                                  const Dataset<Real>& data);
template <class Real>
training::Trained<wgan_autoencoder::Parameters<Real>> prepared_wgan(const MethodSettings& settings,
                                                                    wgan_autoencoder::Parameters<Real> initial,
                                                                    const Dataset<Real>& data);

/// Whether the block asks for the model to be saved.
bool saves_model(const nlohmann::json& train);

/// The share of cells that the block holds out; 0 without a block, and for a model that is loaded.
double holdout_fraction(const nlohmann::json& train);

/// The file that the block loads its model from, as the config names it.
std::optional<std::string> loaded_model(const nlohmann::json& train);

}  // namespace bcbench
