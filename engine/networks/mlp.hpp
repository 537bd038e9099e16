// A multilayer perceptron of three dense layers, in -> hidden -> hidden -> out, ReLU after the first two.
//   h1 = relu(W1 x + b1),  h2 = relu(W2 h1 + b2),  y = W3 h2 + b3
// Differentiated through everything; relu has slope 0 at 0. Under tf32 the operands of eligible products are
// rounded, and the reverse pass differentiates the products of those rounded operands (rounding itself has slope 1).
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "engine/core/random.hpp"
#include "engine/core/types.hpp"

namespace bcbench {

template <class Real>
struct Dense {
    Matrix<Real> kernel;  // [out x in]
    Vector<Real> bias;    // [out]
};

template <class Real>
struct Mlp {
    std::array<Dense<Real>, 3> layers;

    arma::uword n_inputs() const { return layers.front().kernel.n_cols; }
    arma::uword n_outputs() const { return layers.back().kernel.n_rows; }
};

template <class Real>
Mlp<double> in_double(const Mlp<Real>& mlp) {
    Mlp<double> exact;
    for (std::size_t l = 0; l < mlp.layers.size(); ++l) {
        exact.layers[l] = {in_double(mlp.layers[l].kernel), arma::conv_to<arma::vec>::from(mlp.layers[l].bias)};
    }
    return exact;
}

/// What the reverse pass reads besides the input: activations after the ReLU.
template <class Real>
struct MlpTape {
    Matrix<Real> hidden1;  // [H x n]
    Matrix<Real> hidden2;  // [H x n]
};

/// Initial weights: kernel truncated_normal * sqrt(1 / in) / sd of the truncated normal (LeCun), bias 0. Takes two
/// keys of the stream per layer, kernel first; the bias key is drawn although the bias is zero.
template <class Real>
Mlp<Real> initial_mlp(arma::uword n_inputs, arma::uword n_hidden, arma::uword n_outputs, Stream& stream);

/// An Mlp of the same shapes with every parameter 0: where gradients accumulate.
template <class Real>
Mlp<Real> zeros_like(const Mlp<Real>& mlp);

/// y [out x n] of x [in x n]; fills `tape` unless it is nullptr.
template <class Real>
Matrix<Real> mlp_forward(const Mlp<Real>& mlp, const Matrix<Real>& x, Precision precision, MlpTape<Real>* tape);

/// x_bar [in x n] from y_bar [out x n], empty unless wanted; adds the gradients of the parameters to `mlp_bar` unless
/// it is nullptr.
template <class Real>
Matrix<Real> mlp_backward(const Mlp<Real>& mlp, const Matrix<Real>& x, const MlpTape<Real>& tape,
                          const Matrix<Real>& y_bar, Precision precision, Mlp<Real>* mlp_bar, bool want_x_bar = true);

/// Which units are active: equal for inputs on the same linear piece of the network.
template <class Real>
std::uint64_t choices(const MlpTape<Real>& tape);

/// Continues the signature of every cell by the units that are active in it; nothing if the tape is empty.
template <class Real>
void add_cell_choices(const MlpTape<Real>& tape, std::vector<std::uint64_t>& of_cells);

/// Calls visit(name, parameter) for kernel and bias of each layer, in order: "layer1.kernel", "layer1.bias", ...
template <class MlpType, class Visit>
requires requires(MlpType& mlp) { mlp.layers; }
void for_each_parameter(MlpType& mlp, const Visit& visit) {
    for (std::size_t l = 0; l < mlp.layers.size(); ++l) {
        const std::string layer = "layer" + std::to_string(l + 1);
        visit(layer + ".kernel", mlp.layers[l].kernel);
        visit(layer + ".bias", mlp.layers[l].bias);
    }
}

}  // namespace bcbench
