// Reverse passes of the networks and of the losses on their latent space, on tiny problems: every coordinate of cells
// and parameters against central differences.
#include <catch2/catch.hpp>

#include "engine/core/check.hpp"
#include "engine/core/choices.hpp"
#include "engine/linear/products.hpp"
#include "engine/methods/mmd_autoencoder/method.hpp"
#include "engine/methods/wgan_autoencoder/method.hpp"
#include "tests/support/dual.hpp"
#include "tests/support/gradients.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

using arma::uword;

constexpr uword n_features = 5;

// Random biases: with the initial ones, 0, a mistake in a bias would not show in the values.
void randomise_biases(Mlp<double>& mlp, std::uint64_t number) {
    for (Dense<double>& layer : mlp.layers)
        layer.bias = 0.3 * arma::vectorise(random_matrix(number++, layer.bias.n_elem, 1));
}

Autoencoder<double> model_for(const Labels& batch, bool conditional) {
    Stream stream(7);
    Autoencoder<double> model = initial_autoencoder<double>(n_features, 6, 3, stream);
    randomise_biases(model.encoder, 40);
    randomise_biases(model.decoder, 50);
    if (!conditional) return model;
    model = with_conditional_decoder(std::move(model), batch.count(), static_cast<std::uint32_t>(batch.count() - 1));
    arma::mat& kernel = model.decoder.layers[0].kernel;
    kernel.tail_cols(batch.count()) = random_matrix(60, kernel.n_rows, batch.count());
    return model;
}

Mlp<double> critic_for_latent() {
    Stream stream(8);
    Mlp<double> critic = initial_mlp<double>(3, 4, 1, stream);
    randomise_biases(critic, 70);
    return critic;
}

// Checks the gradient of `f`, a function of the whole model, at every parameter of the network `part`.
template <class Model, class F>
void require_right_parameters(const Model& model, Mlp<double>& (*part)(Model&), const F& f, const arma::mat& value_bar,
                              Model model_bar) {
    std::vector<arma::mat> bars;
    for_each_parameter(part(model_bar), [&](const std::string&, const arma::mat& bar) { bars.push_back(bar); });
    Model moved = model;
    std::size_t index = 0;
    for_each_parameter(part(moved), [&](const std::string& name, auto& parameter) {
        INFO(name);
        const arma::mat at = parameter;
        require_right(check_gradient(
            [&](const arma::mat& values) {
                parameter = values;
                return f(moved);
            },
            at, value_bar, bars[index++]));
        parameter = at;
    });
}

Mlp<double>& encoder_of(Autoencoder<double>& model) { return model.encoder; }
Mlp<double>& decoder_of(Autoencoder<double>& model) { return model.decoder; }

const std::vector<std::vector<std::size_t>> batch_sizes = {{4, 4}, {7}, {2, 6, 3}};

}  // namespace

TEST_CASE("mlp: every input's and parameter's derivative", "[gradients][networks]") {
    for (const uword n_cells : {1u, 5u}) {
        Stream stream(3);
        Mlp<double> mlp = initial_mlp<double>(n_features, 6, 4, stream);
        randomise_biases(mlp, 80);
        const arma::mat x = random_matrix(1, n_features, n_cells);
        const arma::mat bar = random_matrix(2, 4, n_cells);
        const auto evaluate = [](const Mlp<double>& at, const arma::mat& input) {
            MlpTape<double> tape;
            arma::mat y = mlp_forward(at, input, Precision::float64, &tape);
            return Evaluation{y, choices(tape)};
        };
        MlpTape<double> tape;
        mlp_forward(mlp, x, Precision::float64, &tape);
        Mlp<double> mlp_bar = zeros_like(mlp);
        const arma::mat x_bar = mlp_backward(mlp, x, tape, bar, Precision::float64, &mlp_bar);
        require_right(check_gradient([&](const arma::mat& at) { return evaluate(mlp, at); }, x, bar, x_bar));
        Mlp<double>& (*self)(Mlp<double>&) = [](Mlp<double>& all) -> Mlp<double>& { return all; };
        require_right_parameters<Mlp<double>>(
            mlp, self, [&](const Mlp<double>& at) { return evaluate(at, x); }, bar, mlp_bar);
        // gradients of parameters add to what is there, and are optional
        Mlp<double> twice = mlp_bar;
        const arma::mat again = mlp_backward(mlp, x, tape, bar, Precision::float64, &twice);
        REQUIRE(arma::approx_equal(twice.layers[1].kernel, 2.0 * mlp_bar.layers[1].kernel, "reldiff", 1e-14));
        REQUIRE(arma::approx_equal(mlp_backward<double>(mlp, x, tape, bar, Precision::float64, nullptr), again,
                                   "absdiff", 0.0));
    }
}

TEST_CASE("mlp: 20,000 cells, where a chunk has several tiles, and float against double", "[gradients][networks]") {
    Stream stream(9);
    Mlp<double> mlp = initial_mlp<double>(4, 5, 3, stream);
    randomise_biases(mlp, 20);
    const arma::mat x = random_matrix(1, 4, 20000);
    const arma::mat bar = random_matrix(2, 3, 20000);
    MlpTape<double> tape;
    mlp_forward(mlp, x, Precision::float64, &tape);
    Mlp<double> whole = zeros_like(mlp);
    const arma::mat x_bar = mlp_backward(mlp, x, tape, bar, Precision::float64, &whole, true);

    Mlp<double> in_parts = zeros_like(mlp);  // of 100 cells each, which are one tile
    Mlp<float> single;
    for (std::size_t l = 0; l < mlp.layers.size(); ++l) {
        single.layers[l] = {arma::conv_to<arma::fmat>::from(mlp.layers[l].kernel),
                            arma::conv_to<arma::fvec>::from(mlp.layers[l].bias)};
    }
    for (uword first = 0; first < x.n_cols; first += 100) {
        const arma::mat part = x.cols(first, first + 99);
        MlpTape<double> part_tape;
        mlp_forward(mlp, part, Precision::float64, &part_tape);
        const arma::mat part_bar = mlp_backward<double>(mlp, part, part_tape, bar.cols(first, first + 99),
                                                        Precision::float64, &in_parts, true);
        REQUIRE(arma::abs(part_bar - x_bar.cols(first, first + 99)).max() < 1e-12);
    }
    const arma::fmat single_x = arma::conv_to<arma::fmat>::from(x);
    MlpTape<float> single_tape;
    mlp_forward(single, single_x, Precision::float32, &single_tape);
    Mlp<float> single_bar = zeros_like(single);
    mlp_backward<float>(single, single_x, single_tape, arma::conv_to<arma::fmat>::from(bar), Precision::float32,
                        &single_bar, false);
    for (std::size_t l = 0; l < mlp.layers.size(); ++l) {
        const double size = arma::norm(whole.layers[l].kernel, "fro");
        REQUIRE(arma::norm(in_parts.layers[l].kernel - whole.layers[l].kernel, "fro") < 1e-12 * size);
        REQUIRE(arma::norm(in_parts.layers[l].bias - whole.layers[l].bias) < 1e-12 * arma::norm(whole.layers[l].bias));
        // sums of 20,000 terms rounded at 6e-8 grow like the root of their number; a unit that switches is one term
        REQUIRE(arma::norm(arma::conv_to<arma::mat>::from(single_bar.layers[l].kernel) - whole.layers[l].kernel,
                           "fro") < 1e-4 * size);
    }
}

TEST_CASE("mlp: the slope of the ReLU at exactly 0 is 0", "[gradients][networks]") {
    Stream stream(3);
    const Mlp<double> mlp = initial_mlp<double>(3, 4, 2, stream);  // no biases: all pre-activations of the cell 0 are 0
    const arma::mat x(3, 1, arma::fill::zeros);
    MlpTape<double> tape;
    mlp_forward(mlp, x, Precision::float64, &tape);
    const arma::mat x_bar =
        mlp_backward<double>(mlp, x, tape, arma::mat(2, 1, arma::fill::ones), Precision::float64, nullptr);
    REQUIRE(arma::all(arma::vectorise(x_bar == 0.0)));
}

TEST_CASE("mlp under tf32: the reverse pass of the products of rounded operands", "[gradients][networks]") {
    // 8 -> 12 -> 12 -> 4: every layer is eligible; 5 inputs: the first is not
    for (const uword n_inputs : {8u, 5u}) {
        Stream stream(4);
        Mlp<double> mlp = initial_mlp<double>(n_inputs, 12, 4, stream);
        randomise_biases(mlp, 90);
        const arma::mat x = random_matrix(1, n_inputs, 7);
        const arma::mat bar = random_matrix(2, 4, 7);
        MlpTape<double> tape;
        mlp_forward(mlp, x, Precision::tf32, &tape);
        Mlp<double> mlp_bar = zeros_like(mlp);
        const arma::mat x_bar = mlp_backward(mlp, x, tape, bar, Precision::tf32, &mlp_bar);

        const arma::mat* inputs[3] = {&x, &tape.hidden1, &tape.hidden2};
        arma::mat output_bar = bar;
        for (std::size_t l = 3; l-- > 0;) {
            const bool rounded = mlp.layers[l].kernel.n_cols % 4 == 0;
            arma::mat kernel_bar(arma::size(mlp.layers[l].kernel), arma::fill::zeros);
            arma::mat input_bar(arma::size(*inputs[l]), arma::fill::zeros);
            for (uword i = 0; i < x.n_cols; ++i) {
                for (uword o = 0; o < kernel_bar.n_rows; ++o) {
                    for (uword d = 0; d < kernel_bar.n_cols; ++d) {
                        const double in = (*inputs[l])(d, i);
                        const double weight = mlp.layers[l].kernel(o, d);
                        kernel_bar(o, d) += output_bar(o, i) * (rounded ? round_to_tf32(in) : in);
                        input_bar(d, i) += output_bar(o, i) * (rounded ? round_to_tf32(weight) : weight);
                    }
                }
            }
            REQUIRE(arma::approx_equal(mlp_bar.layers[l].kernel, kernel_bar, "absdiff", 1e-12));
            REQUIRE(arma::approx_equal(mlp_bar.layers[l].bias, arma::sum(output_bar, 1), "absdiff", 1e-12));
            if (l > 0) input_bar %= arma::conv_to<arma::mat>::from(*inputs[l] > 0.0);
            output_bar = input_bar;
        }
        REQUIRE(arma::approx_equal(x_bar, output_bar, "absdiff", 1e-12));
        const arma::mat plain = mlp_backward<double>(mlp, x, tape, bar, Precision::float64, nullptr);
        REQUIRE_FALSE(arma::approx_equal(x_bar, plain, "absdiff", 1e-6));  // the rounding is really there
    }
}

TEST_CASE("mmd_autoencoder: every cell's and parameter's derivative of corrected cells and losses",
          "[gradients][networks]") {
    namespace method = mmd_autoencoder;
    for (const std::vector<std::size_t>& sizes : batch_sizes) {
        for (const bool conditional : {false, true}) {
            for (const int output : {0, 1, 2, 3}) {
                INFO(sizes.size() << " batches, conditional " << conditional << ", output " << output);
                const Labels batch = batches_of(sizes);
                const arma::mat cells = shifted_cells(1, batch, n_features, 0.5);
                const Autoencoder<double> model = model_for(batch, conditional);
                const method::Options options;
                const arma::mat corrected_bar = random_like(2, cells);
                // outputs: corrected cells, each loss alone, and everything at once with different weights
                method::Adjoint<double> adjoint;
                if (output == 0 || output == 3) adjoint.corrected = corrected_bar;
                if (output == 1 || output == 3) adjoint.reconstruction_loss = output == 3 ? 0.3 : 1.0;
                if (output == 2 || output == 3) adjoint.mmd_loss = output == 3 ? -1.7 : 1.0;
                const auto value = [&](const method::Result<double>& result) {
                    const double losses =
                        adjoint.reconstruction_loss * result.reconstruction_loss + adjoint.mmd_loss * result.mmd_loss;
                    if (adjoint.corrected.empty()) return arma::mat{losses};
                    return arma::mat(arma::join_cols(arma::vectorise(result.pass.corrected()), arma::vec{losses}));
                };
                const arma::mat bar = adjoint.corrected.empty()
                                          ? arma::mat{1.0}
                                          : arma::mat(arma::join_cols(arma::vectorise(corrected_bar), arma::vec{1.0}));
                const auto evaluate = [&](const Autoencoder<double>& at, const arma::mat& x) {
                    const auto result = method::forward(Dataset<double>{x, batch, {}}, at, options, true);
                    return Evaluation{value(result), method::choices(result)};
                };
                const auto result = method::forward(Dataset<double>{cells, batch, {}}, model, options, true);
                Autoencoder<double> model_bar = zeros_like(model);
                const arma::mat cells_bar = method::backward(result, adjoint, &model_bar);
                require_right(
                    check_gradient([&](const arma::mat& at) { return evaluate(model, at); }, cells, bar, cells_bar));
                const auto of_model = [&](const Autoencoder<double>& at) { return evaluate(at, cells); };
                require_right_parameters<Autoencoder<double>>(model, encoder_of, of_model, bar, model_bar);
                require_right_parameters<Autoencoder<double>>(model, decoder_of, of_model, bar, model_bar);
            }
        }
    }
}

namespace {

using WganParameters = wgan_autoencoder::Parameters<double>;

Mlp<double>& encoder_of(WganParameters& all) { return all.autoencoder.encoder; }
Mlp<double>& decoder_of(WganParameters& all) { return all.autoencoder.decoder; }
Mlp<double>& critic_of(WganParameters& all) { return all.critic; }

struct WganProblem {
    Labels batch;
    arma::mat cells;
    WganParameters parameters;
    arma::mat corrected_bar;

    WganProblem(const std::vector<std::size_t>& sizes, bool conditional)
        : batch(batches_of(sizes)),
          cells(shifted_cells(1, batch, n_features, 0.5)),
          parameters{model_for(batch, conditional), critic_for_latent()},
          corrected_bar(random_like(2, cells)) {}

    wgan_autoencoder::Result<double> run(const WganParameters& at, const arma::mat& x) const {
        return wgan_autoencoder::forward(Dataset<double>{x, batch, {}}, at, wgan_autoencoder::Options{}, true);
    }
};

// What a variable's gradient is the derivative of: <corrected_bar, corrected> and the reconstruction terms, plus the
// critic terms times `critic_sign`, which is -1 for everything that sees the critic through the reversal.
arma::mat wgan_value(const wgan_autoencoder::Result<double>& result, const wgan_autoencoder::Adjoint<double>& adjoint,
                     double critic_sign) {
    const double reconstruction = (adjoint.reconstruction_loss + adjoint.generator_loss) * result.reconstruction_loss;
    const double critic = -adjoint.generator_loss * result.scores.fake +
                          adjoint.discriminator_loss * (result.scores.fake - result.scores.real);
    const arma::vec losses = {reconstruction + critic_sign * critic};
    return adjoint.corrected.empty() ? arma::mat(losses)
                                     : arma::mat(arma::join_cols(arma::vectorise(result.pass.corrected()), losses));
}

}  // namespace

TEST_CASE("wgan_autoencoder: every cell's and parameter's derivative, the critic's reversed for the encoder",
          "[gradients][networks]") {
    for (const std::vector<std::size_t>& sizes : batch_sizes) {
        for (const bool conditional : {false, true}) {
            const WganProblem p(sizes, conditional);
            const std::vector<wgan_autoencoder::Adjoint<double>> adjoints = {{p.corrected_bar, 0.0, 0.0, 0.0},
                                                                             {{}, 1.0, 0.0, 0.0},
                                                                             {{}, 0.0, 1.0, 0.0},
                                                                             {{}, 0.0, 0.0, 1.0},
                                                                             {p.corrected_bar, 0.3, -0.6, 1.7}};
            for (const wgan_autoencoder::Adjoint<double>& adjoint : adjoints) {
                INFO(sizes.size() << " batches, conditional " << conditional << ", generator_bar "
                                  << adjoint.generator_loss << ", discriminator_bar " << adjoint.discriminator_loss);
                const arma::mat bar =
                    adjoint.corrected.empty()
                        ? arma::mat{1.0}
                        : arma::mat(arma::join_cols(arma::vectorise(p.corrected_bar), arma::vec{1.0}));
                const auto seen = [&](double critic_sign) {
                    return [&, critic_sign](const WganParameters& at, const arma::mat& x) {
                        const auto result = p.run(at, x);
                        return Evaluation{wgan_value(result, adjoint, critic_sign), wgan_autoencoder::choices(result)};
                    };
                };
                WganParameters parameters_bar = wgan_autoencoder::zeros_like(p.parameters);
                const arma::mat cells_bar =
                    wgan_autoencoder::backward(p.run(p.parameters, p.cells), adjoint, &parameters_bar);
                const auto before_reversal = seen(-1.0);
                const auto after_reversal = seen(1.0);
                require_right(check_gradient([&](const arma::mat& at) { return before_reversal(p.parameters, at); },
                                             p.cells, bar, cells_bar));
                const auto reversed = [&](const WganParameters& at) { return before_reversal(at, p.cells); };
                const auto plain = [&](const WganParameters& at) { return after_reversal(at, p.cells); };
                require_right_parameters<WganParameters>(p.parameters, encoder_of, reversed, bar, parameters_bar);
                require_right_parameters<WganParameters>(p.parameters, decoder_of, plain, bar, parameters_bar);
                require_right_parameters<WganParameters>(p.parameters, critic_of, plain, bar, parameters_bar);
            }
        }
    }
}

TEST_CASE("wgan_autoencoder: the encoder receives minus the numeric derivative of the critic term",
          "[gradients][networks]") {
    const WganProblem p({4, 5}, false);
    WganParameters bar = wgan_autoencoder::zeros_like(p.parameters);
    wgan_autoencoder::Adjoint<double> adjoint;
    adjoint.discriminator_loss = 1.0;
    wgan_autoencoder::backward(p.run(p.parameters, p.cells), adjoint, &bar);
    const auto loss = [&](const WganParameters& at) { return p.run(at, p.cells).discriminator_loss; };
    double largest = 0.0;
    for (uword i = 0; i < p.parameters.autoencoder.encoder.layers[0].kernel.n_elem; ++i) {
        WganParameters above = p.parameters;
        WganParameters below = p.parameters;
        above.autoencoder.encoder.layers[0].kernel[i] += 1e-6;
        below.autoencoder.encoder.layers[0].kernel[i] -= 1e-6;
        const double numeric = (loss(above) - loss(below)) / 2e-6;
        REQUIRE(bar.autoencoder.encoder.layers[0].kernel[i] == Approx(-numeric).epsilon(1e-6).margin(1e-9));
        largest = std::max(largest, std::abs(numeric));
    }
    REQUIRE(largest > 1e-3);  // there is something to reverse
}

TEST_CASE("wgan critic: the derivative of the two means, without reversal", "[gradients][networks]") {
    const Labels batch = batches_of({3, 4, 2});
    const Mlp<double> critic = critic_for_latent();
    const arma::mat latent = random_matrix(9, 3, 9);
    const auto evaluate = [&](const arma::mat& at) {
        const auto scores = wgan_autoencoder::score(critic, at, batch, Precision::float64, true);
        return Evaluation{arma::mat{0.4 * scores.real - 1.1 * scores.fake}, choices(scores.tape)};
    };
    const auto scores = wgan_autoencoder::score(critic, latent, batch, Precision::float64, true);
    const arma::mat latent_bar =
        wgan_autoencoder::score_backward<double>(critic, latent, batch, scores, 0.4, -1.1, Precision::float64, nullptr);
    require_right(check_gradient(evaluate, latent, arma::mat{1.0}, latent_bar));
}
