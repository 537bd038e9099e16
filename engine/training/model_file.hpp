// Trained models as NumPy archives: one array per parameter, named as in for_each_parameter ("encoder.layer1.kernel"),
// kernels in x out as NumPy users write them, biases 1-D, centroids clusters x features. Beside them the int64 arrays
// "method.<name>", holding the format's version, and of a conditional decoder "decoder.reference_batch".
// A model is anything with a for_each_parameter; one that holds an autoencoder has an autoencoder_in beside it.
#pragma once

#include <string>

#include "engine/io/npy.hpp"
#include "engine/networks/autoencoder.hpp"

namespace bcbench::model_file {

template <class Model>
concept HoldsAutoencoder = requires(Model& model) {
    autoencoder_in(model);
};

npy::NamedArrays start_arrays(const std::string& method);

/// Throws DataError naming `origin` unless `arrays` are a model of `method` in the format of this program.
void require_method(const std::string& method, const npy::NamedArrays& arrays, const std::string& origin);

template <class Real>
npy::Array to_array(const Matrix<Real>& parameter);

template <class Real>
void read_parameter(const npy::NamedArrays& arrays, const std::string& name, Matrix<Real>& parameter,
                    const std::string& origin);

template <class Real>
void add_reference_batch(const Autoencoder<Real>& model, npy::NamedArrays& arrays);

/// Gives `model` the conditional decoder of the file, if the file's decoder is one.
template <class Real>
void match_decoder(const npy::NamedArrays& arrays, Autoencoder<Real>& model, const std::string& origin);

/// The arrays of a model of `method`, in the model's arithmetic.
template <class Model>
npy::NamedArrays to_arrays(const std::string& method, Model model) {
    npy::NamedArrays arrays = start_arrays(method);
    for_each_parameter(model, [&](const std::string& name, auto& parameter) { arrays[name] = to_array(parameter); });
    if constexpr (HoldsAutoencoder<Model>) add_reference_batch(*autoencoder_in(model), arrays);
    return arrays;
}

/// The model in `arrays`. `untrained` is the model that the method's parameters make for the data at hand: the arrays
/// must have its shapes (a conditional decoder more inputs), in any arithmetic. Throws DataError naming `origin` and
/// what differs.
template <class Model>
Model from_arrays(const std::string& method, const npy::NamedArrays& arrays, Model untrained,
                  const std::string& origin) {
    require_method(method, arrays, origin);
    if constexpr (HoldsAutoencoder<Model>) match_decoder(arrays, *autoencoder_in(untrained), origin);
    for_each_parameter(
        untrained, [&](const std::string& name, auto& parameter) { read_parameter(arrays, name, parameter, origin); });
    return untrained;
}

}  // namespace bcbench::model_file
