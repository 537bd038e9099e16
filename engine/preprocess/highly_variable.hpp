// Genes that vary more than others of their mean: scanpy's highly_variable_genes, flavors `seurat` (Satija et al. 2015)
// and `cell_ranger` (Zheng et al. 2017).
#pragma once

#include <cstdint>
#include <optional>

#include "engine/preprocess/cells.hpp"

namespace bcbench::preprocess {

enum class Flavor { seurat, cell_ranger };
constexpr const char* words_of(Flavor) { return "seurat cell_ranger"; }

struct HighlyVariableOptions {
    /// So many of the largest normalised dispersion, >= 1; without `per_batch` all that equal the last one as well.
    /// None: those within the four bounds below.
    std::optional<std::int64_t> n_top_genes;
    Flavor flavor = Flavor::seurat;
    /// Chosen in each batch on its own; genes of more batches first, then by their mean normalised dispersion.
    bool per_batch = false;
    double min_mean = 0.0125, max_mean = 3.0;
    double min_disp = 0.5;
    std::optional<double> max_disp;  // none: no bound
    /// Bins of equal width over the means (flavor `seurat`), >= 1.
    std::int64_t n_bins = 20;
};

/// Per gene, [F] each.
struct HighlyVariable {
    arma::vec mean;                      // `seurat`: ln(1 + mean of the expression without logarithm)
    arma::vec dispersion;                // variance / mean, `seurat`: its logarithm; NaN where there is none
    arma::vec normalized_dispersion;     // in units of the spread among genes of similar mean; NaN where there is none
    std::vector<bool> selected;          //
    std::vector<std::size_t> n_batches;  // that selected it; 1 or 0 without `per_batch`
};

/// `cells` [F x n] hold log1p of normalised counts. `batch` is used with `per_batch` only: genes without a count in a
/// batch are no part of its bins and enter the averages as 0. Throws OptionError for options that cannot be used,
/// DataError for fewer than two cells (of a batch), or where the means fill no ten percentiles (flavor `cell_ranger`).
HighlyVariable highly_variable(const Cells& cells, const Labels& batch, const HighlyVariableOptions& options);

}  // namespace bcbench::preprocess
