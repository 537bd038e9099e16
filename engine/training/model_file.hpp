// Trained models as NumPy archives: one array per parameter, named as in for_each_parameter ("encoder.layer1.kernel"),
// kernels in x out as NumPy users write them, biases 1-D, centroids clusters x features. Beside them the int64 arrays
// "method.<name>", holding the format's version, and of a conditional decoder "decoder.reference_batch".
#pragma once

#include <string>

#include "engine/io/npy.hpp"
#include "engine/methods/differentiable_harmony/method.hpp"
#include "engine/methods/wgan_autoencoder/method.hpp"
#include "engine/networks/autoencoder.hpp"

namespace bcbench::model_file {

/// The arrays of a model of `method`, in the model's arithmetic.
template <class Model>
npy::NamedArrays to_arrays(const std::string& method, Model model);

/// The model in `arrays`. `untrained` is the model that the method's parameters make for the data at hand: the arrays
/// must have its shapes (a conditional decoder more inputs), in any arithmetic. Throws DataError naming `origin` and
/// what differs.
template <class Model>
Model from_arrays(const std::string& method, const npy::NamedArrays& arrays, Model untrained,
                  const std::string& origin);

}  // namespace bcbench::model_file
