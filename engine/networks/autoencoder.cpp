#include "engine/networks/autoencoder.hpp"

#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/choices.hpp"
#include "engine/core/parallel.hpp"
#include "engine/linear/products.hpp"

namespace bcbench {

using arma::uword;

template <class Real>
Autoencoder<Real> initial_autoencoder(uword n_features, uword n_hidden, uword n_latent, Stream& stream) {
    Autoencoder<Real> model;
    model.encoder = initial_mlp<Real>(n_features, n_hidden, n_latent, stream);
    model.decoder = initial_mlp<Real>(n_latent, n_hidden, n_features, stream);
    return model;
}

template <class Real>
Autoencoder<Real> with_conditional_decoder(Autoencoder<Real> model, uword n_batches, std::uint32_t reference_batch) {
    require(reference_batch < n_batches, "the reference batch must be one of the batches");
    Matrix<Real>& kernel = model.decoder.layers[0].kernel;
    kernel = arma::join_rows(kernel, Matrix<Real>(kernel.n_rows, n_batches, arma::fill::zeros));
    model.n_batches = n_batches;
    model.reference_batch = reference_batch;
    return model;
}

template <class Real>
Autoencoder<Real> zeros_like(const Autoencoder<Real>& model) {
    return {zeros_like(model.encoder), zeros_like(model.decoder), model.n_batches, model.reference_batch};
}

namespace {

// What a conditional decoder sees: the latent and the batch rows, of every cell's own batch or of one for all cells.
template <class Real>
Matrix<Real> decoder_input(const Autoencoder<Real>& model, const Matrix<Real>& latent, const Labels* batch) {
    Matrix<Real> input = latent;
    input.resize(latent.n_rows + model.n_batches, latent.n_cols);
    for (uword i = 0; i < latent.n_cols; ++i) {
        const std::uint32_t code = batch != nullptr ? batch->code[i] : model.reference_batch;
        require(code < model.n_batches, "the conditional decoder was made for fewer batches");
        input(latent.n_rows + code, i) = Real(1);
    }
    return input;
}

template <class Real>
Decoding<Real> decode(const Autoencoder<Real>& model, const Matrix<Real>& latent, const Labels* batch,
                      Precision precision, bool keep_tape) {
    Decoding<Real> decoding;
    if (model.conditional()) decoding.input = decoder_input(model, latent, batch);
    decoding.output = mlp_forward(model.decoder, model.conditional() ? decoding.input : latent, precision,
                                  keep_tape ? &decoding.tape : nullptr);
    if (!keep_tape) decoding.input.reset();
    return decoding;
}

// The adjoint of the latent [L x n] through one decoding.
template <class Real>
Matrix<Real> decode_backward(const Autoencoder<Real>& model, const Matrix<Real>& latent, const Decoding<Real>& decoding,
                             const Matrix<Real>& output_bar, Precision precision, Autoencoder<Real>* model_bar) {
    Matrix<Real> input_bar = mlp_backward(model.decoder, model.conditional() ? decoding.input : latent, decoding.tape,
                                          output_bar, precision, model_bar != nullptr ? &model_bar->decoder : nullptr);
    if (model.conditional()) return input_bar.head_rows(model.n_latent());
    return input_bar;
}

}  // namespace

template <class Real>
AutoencoderPass<Real> autoencoder_forward(const Autoencoder<Real>& model, const Matrix<Real>& cells,
                                          const Labels& batch, Precision precision, bool keep_tape,
                                          bool want_corrected) {
    require(cells.n_rows == model.encoder.n_inputs(), "the encoder was made for another number of features");
    AutoencoderPass<Real> pass;
    pass.latent = mlp_forward(model.encoder, cells, precision, keep_tape ? &pass.encoder_tape : nullptr);
    pass.own_batch = decode(model, pass.latent, &batch, precision, keep_tape);
    pass.conditional = model.conditional();
    if (pass.conditional && want_corrected) {
        pass.as_reference = decode(model, pass.latent, nullptr, precision, keep_tape);
    }
    return pass;
}

template <class Real>
Matrix<Real> autoencoder_backward(const Autoencoder<Real>& model, const Matrix<Real>& cells,
                                  const AutoencoderPass<Real>& pass, Matrix<Real> latent_bar,
                                  const Matrix<Real>& reconstruction_bar, const Matrix<Real>& corrected_bar,
                                  Precision precision, Autoencoder<Real>* model_bar, bool want_cells_bar) {
    const auto add_through = [&](const Decoding<Real>& decoding, const Matrix<Real>& output_bar) {
        Matrix<Real> bar = decode_backward(model, pass.latent, decoding, output_bar, precision, model_bar);
        if (latent_bar.empty()) {
            latent_bar = std::move(bar);
        } else {
            latent_bar += bar;
        }
    };
    const Matrix<Real>* own_batch_bar = &reconstruction_bar;
    Matrix<Real> sum;
    if (!corrected_bar.empty()) {
        if (pass.conditional) {
            add_through(pass.as_reference, corrected_bar);
        } else if (reconstruction_bar.empty()) {
            own_batch_bar = &corrected_bar;
        } else {
            sum = reconstruction_bar + corrected_bar;
            own_batch_bar = &sum;
        }
    }
    if (!own_batch_bar->empty()) add_through(pass.own_batch, *own_batch_bar);
    if (latent_bar.empty()) latent_bar.zeros(arma::size(pass.latent));
    return mlp_backward(model.encoder, cells, pass.encoder_tape, latent_bar, precision,
                        model_bar != nullptr ? &model_bar->encoder : nullptr, want_cells_bar);
}

template <class Real>
std::uint64_t choices(const AutoencoderPass<Real>& pass) {
    std::uint64_t signature = choices(pass.encoder_tape);
    for (const Decoding<Real>* decoding : {&pass.own_batch, &pass.as_reference}) {
        signature = with_choice(signature, choices(decoding->tape));
    }
    return signature;
}

template <class Real>
std::vector<std::uint64_t> cell_choices(const AutoencoderPass<Real>& pass) {
    std::vector<std::uint64_t> of_cells(pass.latent.n_cols, 0);
    add_cell_choices(pass.encoder_tape, of_cells);
    for (const Decoding<Real>* decoding : {&pass.own_batch, &pass.as_reference}) {
        add_cell_choices(decoding->tape, of_cells);
    }
    return of_cells;
}

template <class Real>
double reconstruction_loss(const Matrix<Real>& reconstruction, const Matrix<Real>& cells,
                           Matrix<Real>* reconstruction_bar, double loss_bar) {
    const auto n = static_cast<double>(cells.n_elem);
    const auto factor = static_cast<Real>(2.0 * loss_bar / n);
    if (reconstruction_bar != nullptr) reconstruction_bar->set_size(arma::size(cells));
    const Tiles tiles{cells.n_elem, 4096};  // each is read twice, the second time from the cache
    double sum = 0.0;
    for (std::size_t tile = 0; tile < tiles.count(); ++tile) {
        const Real* y = reconstruction.memptr() + tiles.first(tile);
        const Real* x = cells.memptr() + tiles.first(tile);
        sum += sum_of(tiles.size(tile), [y, x](uword i) {
            const double residual = static_cast<double>(y[i]) - static_cast<double>(x[i]);
            return residual * residual;
        });
        if (reconstruction_bar == nullptr) continue;
        Real* bar = reconstruction_bar->memptr() + tiles.first(tile);
        for (uword i = 0; i < tiles.size(tile); ++i) bar[i] = factor * (y[i] - x[i]);
    }
    return sum / n;
}

#define BCBENCH_INSTANTIATE(Real)                                                                                    \
    template Autoencoder<Real> initial_autoencoder(uword, uword, uword, Stream&);                                    \
    template Autoencoder<Real> with_conditional_decoder(Autoencoder<Real>, uword, std::uint32_t);                    \
    template Autoencoder<Real> zeros_like(const Autoencoder<Real>&);                                                 \
    template AutoencoderPass<Real> autoencoder_forward(const Autoencoder<Real>&, const Matrix<Real>&, const Labels&, \
                                                       Precision, bool, bool);                                       \
    template Matrix<Real> autoencoder_backward(const Autoencoder<Real>&, const Matrix<Real>&,                        \
                                               const AutoencoderPass<Real>&, Matrix<Real>, const Matrix<Real>&,      \
                                               const Matrix<Real>&, Precision, Autoencoder<Real>*, bool);            \
    template std::uint64_t choices(const AutoencoderPass<Real>&);                                                    \
    template std::vector<std::uint64_t> cell_choices(const AutoencoderPass<Real>&);                                  \
    template double reconstruction_loss(const Matrix<Real>&, const Matrix<Real>&, Matrix<Real>*, double)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench
