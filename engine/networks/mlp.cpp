#include "engine/networks/mlp.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/core/choices.hpp"
#include "engine/core/operations.hpp"
#include "engine/core/parallel.hpp"
#include "engine/linear/packed_product.hpp"
#include "engine/linear/products.hpp"

namespace bcbench {

namespace {

using arma::uword;

// Standard deviation of a standard normal truncated to (-2, 2).
constexpr float truncated_normal_sd = 0.87962566103423978F;

template <class Real>
Dense<Real> initial_dense(uword n_inputs, uword n_outputs, Stream& stream) {
    const Key kernel_key = stream.next();
    stream.next();  // the key of the bias, which starts at 0
    const float scale = std::sqrt(1.0F / static_cast<float>(n_inputs)) / truncated_normal_sd;  // every step in float32
    const Matrix<float> kernel = scale * truncated_normal(kernel_key, n_outputs, n_inputs);
    return {arma::conv_to<Matrix<Real>>::from(kernel), Vector<Real>(n_outputs, arma::fill::zeros)};
}

// A layer ready for products with many cells.
template <class Real>
struct PackedLayer {
    PackedRows<Real> kernel;
    bool rounded = false;  // operands to tf32
};

template <class Real>
using PackedMlp = std::array<PackedLayer<Real>, 3>;

// `values` as an operand of a product; `buffer` holds them if they have to be rounded.
template <class Real>
const Matrix<Real>& operand(const Matrix<Real>& values, bool rounded, Matrix<Real>& buffer) {
    if (!rounded) return values;
    buffer = rounded_to_tf32(values);
    return buffer;
}

// Every layer's kernel, or its transpose, which undoes it; kernels before layer `first` are left out.
template <class Real>
PackedMlp<Real> packed(const Mlp<Real>& mlp, Precision precision, bool transposed, std::size_t first = 0) {
    PackedMlp<Real> layers;
    for (std::size_t l = 0; l < layers.size(); ++l) {
        const Matrix<Real>& kernel = mlp.layers[l].kernel;
        layers[l].rounded = tf32_eligible(precision, kernel.n_cols, kernel.n_rows);
        if (l < first) continue;
        Matrix<Real> buffer;
        const Matrix<Real>& values = operand(kernel, layers[l].rounded, buffer);
        layers[l].kernel = transposed ? pack_transposed(values) : pack_rows(values);
    }
    return layers;
}

// y = W x + b, rectified if that is asked for.
template <class Real>
void dense_forward(const PackedLayer<Real>& layer, const Vector<Real>& bias, const Matrix<Real>& x, bool rectify,
                   Matrix<Real>& y) {
    count_operations(x.n_cols, 2 * layer.kernel.n_rows * layer.kernel.n_steps);
    Matrix<Real> buffer;
    multiply_add_bias(layer.kernel, operand(x, layer.rounded, buffer), bias, rectify, y);
}

// Undoes y = W x + b for the parameters: W_bar += y_bar x^T, b_bar += sum of y_bar over cells.
template <class Real>
void dense_parameters_backward(const Matrix<Real>& x, const Matrix<Real>& y_bar, bool rounded, Dense<Real>& dense_bar) {
    count_operations(x.n_cols, 2 * dense_bar.kernel.n_elem);
    Matrix<Real> buffer;
    add_product_with_transposed(pack_rows<Real>(y_bar), operand(x, rounded, buffer), dense_bar.kernel);
    dense_bar.bias += arma::sum(y_bar, 1);
}

// Undoes y = W x + b for the input: x_bar = W^T y_bar; where `active` is given, x = max(., 0) too: the adjoint passes
// where x is positive.
template <class Real>
void dense_input_backward(const PackedLayer<Real>& transposed, const Matrix<Real>& y_bar, const Matrix<Real>* active,
                          Matrix<Real>& x_bar) {
    count_operations(y_bar.n_cols, 2 * transposed.kernel.n_rows * transposed.kernel.n_steps);
    if (active != nullptr) {
        multiply_where_active<Real>(transposed.kernel, y_bar, *active, x_bar);
    } else {
        multiply<Real>(transposed.kernel, y_bar, x_bar);
    }
}

template <class Real>
void add_to(Mlp<Real>& sum, const Mlp<Real>& term) {
    for (std::size_t l = 0; l < sum.layers.size(); ++l) {
        sum.layers[l].kernel += term.layers[l].kernel;
        sum.layers[l].bias += term.layers[l].bias;
    }
}

}  // namespace

template <class Real>
Mlp<Real> initial_mlp(uword n_inputs, uword n_hidden, uword n_outputs, Stream& stream) {
    Mlp<Real> mlp;
    mlp.layers[0] = initial_dense<Real>(n_inputs, n_hidden, stream);
    mlp.layers[1] = initial_dense<Real>(n_hidden, n_hidden, stream);
    mlp.layers[2] = initial_dense<Real>(n_hidden, n_outputs, stream);
    return mlp;
}

template <class Real>
Mlp<Real> zeros_like(const Mlp<Real>& mlp) {
    Mlp<Real> zeros;
    for (std::size_t l = 0; l < mlp.layers.size(); ++l) {
        zeros.layers[l].kernel.zeros(arma::size(mlp.layers[l].kernel));
        zeros.layers[l].bias.zeros(mlp.layers[l].bias.n_elem);
    }
    return zeros;
}

template <class Real>
Matrix<Real> mlp_forward(const Mlp<Real>& mlp, const Matrix<Real>& x, Precision precision, MlpTape<Real>* tape) {
    const uword n_hidden = mlp.layers[0].kernel.n_rows;
    const PackedMlp<Real> layers = packed(mlp, precision, false);
    Matrix<Real> y(mlp.n_outputs(), x.n_cols, arma::fill::none);
    if (tape != nullptr) {
        tape->hidden1.set_size(n_hidden, x.n_cols);
        tape->hidden2.set_size(n_hidden, x.n_cols);
    }
    const Tiles tiles{x.n_cols, tile_cells};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        const uword first = tiles.first(tile);
        const uword count = tiles.size(tile);
        Matrix<Real> hidden1 =
            tape != nullptr ? columns(tape->hidden1, first, count) : Matrix<Real>(n_hidden, count, arma::fill::none);
        Matrix<Real> hidden2 =
            tape != nullptr ? columns(tape->hidden2, first, count) : Matrix<Real>(n_hidden, count, arma::fill::none);
        Matrix<Real> y_tile = columns(y, first, count);
        dense_forward(layers[0], mlp.layers[0].bias, columns(x, first, count), true, hidden1);
        dense_forward(layers[1], mlp.layers[1].bias, hidden1, true, hidden2);
        dense_forward(layers[2], mlp.layers[2].bias, hidden2, false, y_tile);
    });
    return y;
}

namespace {

// The reverse pass of one tile. Adds to `bar` unless it is nullptr; x_bar is written unless it is nullptr.
template <class Real>
void tile_backward(const PackedMlp<Real>& transposed, const Matrix<Real>& x, const Matrix<Real>& hidden1,
                   const Matrix<Real>& hidden2, const Matrix<Real>& y_bar, Mlp<Real>* bar, Matrix<Real>* x_bar) {
    Matrix<Real> bar2(arma::size(hidden2), arma::fill::none);
    Matrix<Real> bar1(arma::size(hidden1), arma::fill::none);
    dense_input_backward(transposed[2], y_bar, &hidden2, bar2);
    dense_input_backward(transposed[1], bar2, &hidden1, bar1);
    if (x_bar != nullptr) dense_input_backward<Real>(transposed[0], bar1, nullptr, *x_bar);
    if (bar == nullptr) return;
    dense_parameters_backward(hidden2, y_bar, transposed[2].rounded, bar->layers[2]);
    dense_parameters_backward(hidden1, bar2, transposed[1].rounded, bar->layers[1]);
    dense_parameters_backward(x, bar1, transposed[0].rounded, bar->layers[0]);
}

}  // namespace

template <class Real>
Matrix<Real> mlp_backward(const Mlp<Real>& mlp, const Matrix<Real>& x, const MlpTape<Real>& tape,
                          const Matrix<Real>& y_bar, Precision precision, Mlp<Real>* mlp_bar, bool want_x_bar) {
    Matrix<Real> x_bar;
    if (want_x_bar) x_bar.set_size(x.n_rows, x.n_cols);
    const PackedMlp<Real> transposed = packed(mlp, precision, true, want_x_bar ? 0 : 1);
    const Tiles chunks = chunks_of(x.n_cols);
    const bool in_place = chunks.count() == 1;  // the only chunk adds to mlp_bar itself
    std::vector<Mlp<Real>> partial_bars(mlp_bar != nullptr && !in_place ? chunks.count() : 0);
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        Mlp<Real>* bar = mlp_bar;
        if (!partial_bars.empty()) bar = &(partial_bars[chunk] = zeros_like(mlp));
        for_each_tile(chunks, chunk, [&](uword first, uword count) {
            Matrix<Real> x_bar_tile = want_x_bar ? columns(x_bar, first, count) : Matrix<Real>();
            tile_backward(transposed, columns(x, first, count), columns(tape.hidden1, first, count),
                          columns(tape.hidden2, first, count), columns(y_bar, first, count), bar,
                          want_x_bar ? &x_bar_tile : nullptr);
        });
    });
    for (const Mlp<Real>& partial : partial_bars) add_to(*mlp_bar, partial);
    return x_bar;
}

template <class Real>
std::uint64_t choices(const MlpTape<Real>& tape) {
    std::uint64_t signature = 0;
    for (const Matrix<Real>* hidden : {&tape.hidden1, &tape.hidden2}) {
        std::uint64_t active = 0;  // of up to 64 units
        for (uword i = 0; i < hidden->n_elem; ++i) {
            active = (active << 1) | (hidden->memptr()[i] > Real(0) ? 1U : 0U);
            if (i % 64 == 63 || i + 1 == hidden->n_elem) signature = with_choice(signature, active);
        }
    }
    return signature;
}

template <class Real>
void add_cell_choices(const MlpTape<Real>& tape, std::vector<std::uint64_t>& of_cells) {
    for (const Matrix<Real>* hidden : {&tape.hidden1, &tape.hidden2}) {
        for (uword i = 0; i < hidden->n_cols; ++i) {
            for (uword unit = 0; unit < hidden->n_rows; ++unit) {
                of_cells[i] = with_choice(of_cells[i], hidden->at(unit, i) > Real(0) ? 1 : 0);
            }
        }
    }
}

#define BCBENCH_INSTANTIATE(Real)                                                                        \
    template Mlp<Real> initial_mlp(uword, uword, uword, Stream&);                                        \
    template Mlp<Real> zeros_like(const Mlp<Real>&);                                                     \
    template Matrix<Real> mlp_forward(const Mlp<Real>&, const Matrix<Real>&, Precision, MlpTape<Real>*); \
    template Matrix<Real> mlp_backward(const Mlp<Real>&, const Matrix<Real>&, const MlpTape<Real>&,      \
                                       const Matrix<Real>&, Precision, Mlp<Real>*, bool);                \
    template std::uint64_t choices(const MlpTape<Real>&);                                                \
    template void add_cell_choices(const MlpTape<Real>&, std::vector<std::uint64_t>&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench
