#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/reference/methods.hpp"

namespace bcbench::reference {

using arma::uword;

namespace {

// Round to nearest at the 10th mantissa bit, ties away from zero, on the float32 bit pattern.
double tensor_core_operand(double value) {
    const auto single = static_cast<float>(value);
    std::uint32_t bits = 0;
    std::memcpy(&bits, &single, sizeof bits);
    bits += 0x1000;
    bits &= 0xffffe000;
    float rounded = 0.0F;
    std::memcpy(&rounded, &bits, sizeof rounded);
    return static_cast<double>(rounded);
}

double mean_squared_difference(const arma::mat& a, const arma::mat& b) {
    double sum = 0.0;
    for (uword i = 0; i < a.n_cols; ++i) {
        for (uword f = 0; f < a.n_rows; ++f) sum += (a(f, i) - b(f, i)) * (a(f, i) - b(f, i));
    }
    return sum / static_cast<double>(a.n_rows * a.n_cols);
}

// The input of a decoder: the latent cells, and below them a 1 in the row of each cell's batch if it is conditional.
arma::mat with_batches(const arma::mat& latent, const std::vector<std::uint32_t>& batch,
                       const Conditional& conditional) {
    arma::mat input(latent.n_rows + conditional.n_batches, latent.n_cols, arma::fill::zeros);
    for (uword i = 0; i < latent.n_cols; ++i) {
        for (uword l = 0; l < latent.n_rows; ++l) input(l, i) = latent(l, i);
        if (conditional.n_batches > 0) input(latent.n_rows + batch[i], i) = 1.0;
    }
    return input;
}

// E k(a, b): mean over all pairs of columns, or those with i != j, of exp(-||a_i - b_j||^2 / (2 bw^2)).
double mean_kernel(const arma::mat& a, const arma::mat& b, double bandwidth, bool with_itself) {
    double sum = 0.0;
    double pairs = 0.0;
    for (uword i = 0; i < a.n_cols; ++i) {
        double row_sum = 0.0;  // summed by row: one long sum of n^2 terms near 1 would lose digits that the MMD needs
        for (uword j = 0; j < b.n_cols; ++j) {
            if (i == j && !with_itself) continue;
            pairs += 1.0;
            double squared = 0.0;
            for (uword l = 0; l < a.n_rows; ++l) squared += (a(l, i) - b(l, j)) * (a(l, i) - b(l, j));
            row_sum +=
                squared == 0.0 ? 1.0 : std::exp(-squared / (2.0 * bandwidth * bandwidth));  // bandwidth^2 may vanish
        }
        sum += row_sum;
    }
    return sum / pairs;
}

}  // namespace

arma::mat network(const Network& weights, const arma::mat& x, bool tf32) {
    arma::mat input = x;
    for (std::size_t layer = 0; layer < 3; ++layer) {
        const arma::mat& kernel = weights.kernel[layer];
        const bool rounded = tf32 && kernel.n_cols % 4 == 0 && kernel.n_rows % 4 == 0;
        arma::mat output(kernel.n_rows, x.n_cols);
        for (uword i = 0; i < x.n_cols; ++i) {
            for (uword o = 0; o < kernel.n_rows; ++o) {
                double sum = 0.0;
                for (uword d = 0; d < kernel.n_cols; ++d) {
                    sum += rounded ? tensor_core_operand(kernel(o, d)) * tensor_core_operand(input(d, i))
                                   : kernel(o, d) * input(d, i);
                }
                sum += weights.bias[layer][o];
                output(o, i) = layer < 2 ? std::max(sum, 0.0) : sum;
            }
        }
        input = output;
    }
    return input;
}

MmdResult mmd_autoencoder(const arma::mat& cells, const Labels& batch, const Network& encoder, const Network& decoder,
                          const Conditional& conditional, double bandwidth, const MmdPairs& pairs, bool tf32) {
    MmdResult result;
    result.latent = network(encoder, cells, tf32);
    const std::vector<std::uint32_t> as_reference(cells.n_cols, conditional.reference_batch);
    const arma::mat reconstruction = network(decoder, with_batches(result.latent, batch.code, conditional), tf32);
    result.corrected = network(decoder, with_batches(result.latent, as_reference, conditional), tf32);
    result.reconstruction_loss = mean_squared_difference(reconstruction, cells);

    const auto n = static_cast<double>(cells.n_cols);
    double n_first = 0.0;
    for (const std::uint32_t code : batch.code) n_first += code == 0 ? 1.0 : 0.0;
    arma::mat a(arma::size(result.latent), arma::fill::zeros);  // batch 0, other cells as zero rows
    arma::mat b(arma::size(result.latent), arma::fill::zeros);  // all others, batch 0 as zero rows
    for (uword i = 0; i < cells.n_cols; ++i) {
        for (uword l = 0; l < a.n_rows; ++l) {
            if (batch.code[i] == 0) a(l, i) = result.latent(l, i) * (n / std::max(n_first, 1.0));
            if (batch.code[i] != 0) b(l, i) = result.latent(l, i) * (n / std::max(n - n_first, 1.0));
        }
    }
    if (!pairs.masked) {
        std::vector<uword> first;
        std::vector<uword> others;
        for (uword i = 0; i < cells.n_cols; ++i) (batch.code[i] == 0 ? first : others).push_back(i);
        if (first.size() < (pairs.with_itself ? 1 : 2) || others.size() < (pairs.with_itself ? 1 : 2)) return result;
        a = result.latent.cols(arma::uvec(first));
        b = result.latent.cols(arma::uvec(others));
    }
    if (a.n_cols < 2 && !pairs.with_itself) return result;
    const double squared = mean_kernel(a, a, bandwidth, pairs.with_itself) +
                           mean_kernel(b, b, bandwidth, pairs.with_itself) - 2.0 * mean_kernel(a, b, bandwidth, true);
    result.mmd_loss = std::sqrt(std::max(squared, 0.0));
    return result;
}

WganResult wgan_autoencoder(const arma::mat& cells, const Labels& batch, const Network& encoder, const Network& decoder,
                            const Conditional& conditional, const Network& critic, bool tf32) {
    WganResult result;
    result.latent = network(encoder, cells, tf32);
    const std::vector<std::uint32_t> as_reference(cells.n_cols, conditional.reference_batch);
    const arma::mat reconstruction = network(decoder, with_batches(result.latent, batch.code, conditional), tf32);
    result.corrected = network(decoder, with_batches(result.latent, as_reference, conditional), tf32);
    result.reconstruction_loss = mean_squared_difference(reconstruction, cells);

    const arma::mat scores = network(critic, result.latent, tf32);
    double n_real = 0.0;
    double n_fake = 0.0;
    double real = 0.0;
    double fake = 0.0;
    for (uword i = 0; i < cells.n_cols; ++i) {
        if (batch.code[i] == 0) {
            n_real += 1.0;
            real += scores(0, i);
        } else {
            n_fake += 1.0;
            fake += scores(0, i);
        }
    }
    real /= std::max(n_real, 1.0);
    fake /= std::max(n_fake, 1.0);
    result.generator_loss = -fake + result.reconstruction_loss;
    result.discriminator_loss = fake - real;
    return result;
}

}  // namespace bcbench::reference
