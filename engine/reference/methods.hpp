// The methods as their equations read: double, one loop nest per equation, no helper shared with engine/methods. Slow,
// and never edited for speed; the check optimized_matches_reference and the tests compare against them.
#pragma once

#include <array>
#include <cstdint>

#include "engine/core/types.hpp"

namespace bcbench::reference {

/// A dense network as plain arrays: kernel [out x in], bias [out] per layer.
struct Network {
    std::array<arma::mat, 3> kernel;
    std::array<arma::vec, 3> bias;
};

/// y [out x n] of x [in x n]; with `tf32` the operands of products whose inner and outer size are multiples of 4 are
/// rounded to 10 mantissa bits.
arma::mat network(const Network& weights, const arma::mat& x, bool tf32);

struct HarmonyOptions {
    int n_iterations = 10;
    double sigma = 0.1;
    double temperature = 1.0;
};

struct HarmonyResult {
    arma::mat corrected;    // [F x n]
    arma::mat assignments;  // [K x n] of the corrected cells
};

HarmonyResult differentiable_harmony(const arma::mat& cells, const Labels& batch, const arma::mat& centroids,
                                     const HarmonyOptions& options);

/// A decoder that also sees the batch: n_batches rows, 1 at the cell's batch and 0 elsewhere, follow the latent rows.
/// Cells are reconstructed as their own batch and corrected as the reference batch. n_batches 0: the decoder sees no
/// batch.
struct Conditional {
    std::uint32_t n_batches = 0;
    std::uint32_t reference_batch = 0;
};

struct MmdResult {
    arma::mat corrected;  // [F x n]
    arma::mat latent;     // [L x n]
    double reconstruction_loss = 0.0;
    double mmd_loss = 0.0;
};

/// What counts as a pair of the MMD: rows of groups that keep the other group's cells as zero rows, or cells of the
/// group; within a group with a row's pair with itself, or without.
struct MmdPairs {
    bool masked = true;
    bool with_itself = true;
};

MmdResult mmd_autoencoder(const arma::mat& cells, const Labels& batch, const Network& encoder, const Network& decoder,
                          const Conditional& conditional, double bandwidth, const MmdPairs& pairs, bool tf32);

struct WganResult {
    arma::mat corrected;  // [F x n]
    arma::mat latent;     // [L x n]
    double reconstruction_loss = 0.0;
    double generator_loss = 0.0;
    double discriminator_loss = 0.0;
};

WganResult wgan_autoencoder(const arma::mat& cells, const Labels& batch, const Network& encoder, const Network& decoder,
                            const Conditional& conditional, const Network& critic, bool tf32);

}  // namespace bcbench::reference
