#include "engine/training/model_file.hpp"

#include <cmath>
#include <type_traits>

#include "engine/core/check.hpp"

namespace bcbench::model_file {

namespace {

using npy::Array;
using npy::NamedArrays;

constexpr std::int64_t format_version = 1;
const char* const reference_batch_name = "decoder.reference_batch";

Array one_integer(std::int64_t value) { return {{1}, std::vector<std::int64_t>{value}}; }

template <class Real>
std::vector<std::size_t> shape_of(const Matrix<Real>& parameter) {
    if (parameter.vec_state == 1) return {parameter.n_elem};  // a bias
    return {parameter.n_cols, parameter.n_rows};
}

std::string text_of(const std::vector<std::size_t>& shape) {
    std::string text;
    for (const std::size_t size : shape) text += (text.empty() ? "" : " x ") + std::to_string(size);
    return text;
}

const Array& array_named(const NamedArrays& arrays, const std::string& name, const std::string& origin) {
    const auto found = arrays.find(name);
    if (found == arrays.end()) throw DataError(origin + " has no array " + name);
    return found->second;
}

}  // namespace

NamedArrays start_arrays(const std::string& method) { return {{"method." + method, one_integer(format_version)}}; }

void require_method(const std::string& method, const NamedArrays& arrays, const std::string& origin) {
    const std::string prefix = "method.";
    for (const auto& [name, array] : arrays) {
        if (name.compare(0, prefix.size(), prefix) != 0) continue;
        if (name != prefix + method) {
            throw DataError(origin + " is a model of " + name.substr(prefix.size()) + ", not of " + method);
        }
        if (!(array == one_integer(format_version))) {
            throw DataError(origin + " has another format than this program reads, version " +
                            std::to_string(format_version));
        }
        return;
    }
    throw DataError(origin + " is no model of " + method + ": it has no array " + prefix + method);
}

template <class Real>
void match_decoder(const NamedArrays& arrays, Autoencoder<Real>& model, const std::string& origin) {
    const auto reference = arrays.find(reference_batch_name);
    if (reference == arrays.end()) return;
    const Array& kernel = array_named(arrays, "decoder.layer1.kernel", origin);
    const auto* batch = std::get_if<std::vector<std::int64_t>>(&reference->second.values);
    const std::size_t n_hidden = model.decoder.layers[0].kernel.n_rows;
    if (kernel.shape.size() != 2 || kernel.shape.back() != n_hidden) {
        throw DataError(origin + ": decoder.layer1.kernel is " + text_of(kernel.shape) + ", expected inputs x " +
                        std::to_string(n_hidden) + " hidden units");
    }
    const std::size_t n_inputs = kernel.shape.front();
    if (batch == nullptr || batch->size() != 1 || n_inputs <= model.n_latent() || batch->front() < 0 ||
        static_cast<std::size_t>(batch->front()) >= n_inputs - model.n_latent()) {
        throw DataError(origin + ": " + reference_batch_name +
                        " is not one of the batches of a conditional decoder with " + std::to_string(n_inputs) +
                        " inputs on " + std::to_string(model.n_latent()) + " latent dimensions");
    }
    const arma::uword n_batches = n_inputs - model.n_latent();
    model = with_conditional_decoder(std::move(model), n_batches, static_cast<std::uint32_t>(batch->front()));
}

template <class Real>
void read_parameter(const NamedArrays& arrays, const std::string& name, Matrix<Real>& parameter,
                    const std::string& origin) {
    const Array& array = array_named(arrays, name, origin);
    if (array.shape != shape_of(parameter)) {
        throw DataError(origin + ": " + name + " is " + text_of(array.shape) +
                        ", but the method's parameters and the data make it " + text_of(shape_of(parameter)));
    }
    std::visit(
        [&](const auto& values) {
            if (std::is_integral_v<std::decay_t<decltype(values.front())>>) {
                throw DataError(origin + ": " + name + " holds integers, weights are float32 or float64");
            }
            for (std::size_t i = 0; i < values.size(); ++i) {
                parameter.memptr()[i] = static_cast<Real>(values[i]);
                if (!std::isfinite(parameter.memptr()[i])) throw DataError(origin + ": " + name + " is not finite");
            }
        },
        array.values);
}

template <class Real>
Array to_array(const Matrix<Real>& parameter) {
    Array array = npy::from_matrix(parameter);
    array.shape = shape_of(parameter);
    return array;
}

template <class Real>
void add_reference_batch(const Autoencoder<Real>& model, NamedArrays& arrays) {
    if (model.conditional()) arrays[reference_batch_name] = one_integer(model.reference_batch);
}

#define BCBENCH_INSTANTIATE(Real)                                                                            \
    template Array to_array(const Matrix<Real>&);                                                            \
    template void read_parameter(const NamedArrays&, const std::string&, Matrix<Real>&, const std::string&); \
    template void add_reference_batch(const Autoencoder<Real>&, NamedArrays&);                               \
    template void match_decoder(const NamedArrays&, Autoencoder<Real>&, const std::string&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::model_file
