#include "engine/networks/mlp.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/core/choices.hpp"
#include "engine/core/operations.hpp"
#include "engine/core/parallel.hpp"
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

template <class Real>
void dense_forward(const Dense<Real>& dense, const Matrix<Real>& x, Precision precision, Matrix<Real>& y) {
    count_operations(x.n_cols, 2 * dense.kernel.n_elem);
    if (tf32_eligible(precision, dense.kernel.n_cols, dense.kernel.n_rows)) {
        y = rounded_to_tf32(dense.kernel) * rounded_to_tf32(x);
    } else {
        y = dense.kernel * x;
    }
}

// y = x + b
template <class Real>
void add_bias(const Vector<Real>& bias, Matrix<Real>& y) {
    y.each_col() += bias;
}

// y = max(x + b, 0)
template <class Real>
void add_bias_and_rectify(const Vector<Real>& bias, Matrix<Real>& y) {
    const Real* b = bias.memptr();
    for (uword i = 0; i < y.n_cols; ++i) {
        Real* values = y.colptr(i);
        for (uword r = 0; r < y.n_rows; ++r) values[r] = std::max(values[r] + b[r], Real(0));
    }
}

// Undoes y = W x + b for the parameters: W_bar += y_bar x^T, b_bar += sum of y_bar over cells.
template <class Real>
void dense_parameters_backward(const Matrix<Real>& x, const Matrix<Real>& y_bar, bool rounded, Dense<Real>& dense_bar) {
    count_operations(x.n_cols, 2 * dense_bar.kernel.n_elem);
    if (rounded) {
        dense_bar.kernel += y_bar * rounded_to_tf32(x).t();
    } else {
        dense_bar.kernel += y_bar * x.t();
    }
    dense_bar.bias += arma::sum(y_bar, 1);
}

// Undoes y = W x + b for the input: x_bar = W^T y_bar.
template <class Real>
void dense_input_backward(const Dense<Real>& dense, const Matrix<Real>& y_bar, bool rounded, Matrix<Real>& x_bar) {
    count_operations(y_bar.n_cols, 2 * dense.kernel.n_elem);
    if (rounded) {
        x_bar = rounded_to_tf32(dense.kernel).t() * y_bar;
    } else {
        x_bar = dense.kernel.t() * y_bar;
    }
}

// Undoes y = max(x, 0), in place: the adjoint passes where the output is positive.
template <class Real>
void relu_backward(const Matrix<Real>& output, Matrix<Real>& bar) {
    const Real* out = output.memptr();
    Real* adjoint = bar.memptr();
    for (uword i = 0; i < bar.n_elem; ++i) adjoint[i] = out[i] > Real(0) ? adjoint[i] : Real(0);
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
        dense_forward(mlp.layers[0], columns(x, first, count), precision, hidden1);
        add_bias_and_rectify(mlp.layers[0].bias, hidden1);
        dense_forward(mlp.layers[1], hidden1, precision, hidden2);
        add_bias_and_rectify(mlp.layers[1].bias, hidden2);
        dense_forward(mlp.layers[2], hidden2, precision, y_tile);
        add_bias(mlp.layers[2].bias, y_tile);
    });
    return y;
}

namespace {

// The reverse pass of one tile. Adds to `bar` unless it is nullptr; x_bar is written unless it is nullptr.
template <class Real>
void tile_backward(const Mlp<Real>& mlp, const Matrix<Real>& x, const Matrix<Real>& hidden1,
                   const Matrix<Real>& hidden2, const Matrix<Real>& y_bar, Precision precision, Mlp<Real>* bar,
                   Matrix<Real>* x_bar) {
    const auto layer = [&](std::size_t l, const Matrix<Real>& in, const Matrix<Real>& out_bar, Matrix<Real>* in_bar) {
        const Dense<Real>& dense = mlp.layers[l];
        const bool rounded = tf32_eligible(precision, dense.kernel.n_cols, dense.kernel.n_rows);
        if (bar != nullptr) dense_parameters_backward(in, out_bar, rounded, bar->layers[l]);
        if (in_bar != nullptr) dense_input_backward(dense, out_bar, rounded, *in_bar);
    };
    Matrix<Real> bar2;
    Matrix<Real> bar1;
    layer(2, hidden2, y_bar, &bar2);
    relu_backward(hidden2, bar2);
    layer(1, hidden1, bar2, &bar1);
    relu_backward(hidden1, bar1);
    layer(0, x, bar1, x_bar);
}

}  // namespace

template <class Real>
Matrix<Real> mlp_backward(const Mlp<Real>& mlp, const Matrix<Real>& x, const MlpTape<Real>& tape,
                          const Matrix<Real>& y_bar, Precision precision, Mlp<Real>* mlp_bar, bool want_x_bar) {
    Matrix<Real> x_bar;
    if (want_x_bar) x_bar.set_size(x.n_rows, x.n_cols);
    const Tiles chunks = chunks_of(x.n_cols);
    const bool in_place = chunks.count() == 1;  // the only chunk adds to mlp_bar itself
    std::vector<Mlp<Real>> partial_bars(mlp_bar != nullptr && !in_place ? chunks.count() : 0);
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        Mlp<Real>* bar = mlp_bar;
        if (!partial_bars.empty()) bar = &(partial_bars[chunk] = zeros_like(mlp));
        for_each_tile(chunks, chunk, [&](uword first, uword count) {
            Matrix<Real> x_bar_tile = want_x_bar ? columns(x_bar, first, count) : Matrix<Real>();
            tile_backward(mlp, columns(x, first, count), columns(tape.hidden1, first, count),
                          columns(tape.hidden2, first, count), columns(y_bar, first, count), precision, bar,
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
