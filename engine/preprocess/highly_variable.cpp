#include "engine/preprocess/highly_variable.hpp"

#include <cmath>
#include <limits>
#include <numeric>

#include "engine/core/check.hpp"

namespace bcbench::preprocess {

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();
constexpr double normal_quartile = 0.6744897501960817;  // the median absolute deviation of N(0, 1)
constexpr double tiny_mean = 1e-12;                     // stands for a mean of 0

void validate(const HighlyVariableOptions& options) {
    if (options.n_top_genes)
        require_option(*options.n_top_genes >= 1, "n_top_genes", *options.n_top_genes, "at least 1");
    require_option(options.n_bins >= 1, "n_bins", options.n_bins, "at least 1");
}

// ---- bins: right-closed intervals between ascending edges ----

// Of equal width from the smallest to the largest mean, the first opened by a thousandth of the whole.
std::vector<double> equal_edges(const arma::vec& means, std::size_t n_bins) {
    double low = means.min(), high = means.max();
    const bool flat = low == high;
    if (flat) {
        low -= low != 0.0 ? 0.001 * std::abs(low) : 0.001;
        high += high != 0.0 ? 0.001 * std::abs(high) : 0.001;
    }
    std::vector<double> edges;
    const double step = (high - low) / static_cast<double>(n_bins);
    for (std::size_t i = 0; i < n_bins; ++i) edges.push_back(low + static_cast<double>(i) * step);
    edges.push_back(high);
    if (!flat) edges.front() -= 0.001 * (high - low);
    return edges;
}

// The value below which `percent` of the sorted values lie, between neighbours by line.
double percentile(const arma::vec& sorted, double percent) {
    const double place = percent / 100.0 * static_cast<double>(sorted.n_elem - 1);
    const auto below = static_cast<arma::uword>(place);
    const arma::uword above = std::min(below + 1, sorted.n_elem - 1);
    const double share = place - static_cast<double>(below), step = sorted[above] - sorted[below];
    return share < 0.5 ? sorted[below] + step * share : sorted[above] - step * (1.0 - share);
}

// At the percentiles 10, 15, ..., 100.
std::vector<double> percentile_edges(const arma::vec& means) {
    const arma::vec sorted = arma::sort(means);
    std::vector<double> edges = {-std::numeric_limits<double>::infinity()};
    for (int percent = 10; percent <= 100; percent += 5) edges.push_back(percentile(sorted, percent));
    edges.push_back(std::numeric_limits<double>::infinity());
    if (std::adjacent_find(edges.begin(), edges.end()) != edges.end()) {
        throw DataError(
            "highly_variable: the percentiles of the genes' means are not all different (too few genes, or too many "
            "without counts); flavor cell_ranger needs them to be, seurat does not");
    }
    return edges;
}

std::vector<std::vector<std::size_t>> bins_of(const arma::vec& means, const std::vector<double>& edges) {
    std::vector<std::vector<std::size_t>> bins(edges.size());
    for (std::size_t f = 0; f < means.n_elem; ++f) {
        bins[static_cast<std::size_t>(std::lower_bound(edges.begin(), edges.end(), means[f]) - edges.begin()) %
             edges.size()]
            .push_back(f);
    }
    return bins;
}

// ---- normalised dispersion within a bin ----

struct Centre {
    double middle = none;
    double spread = none;
};

// Mean and standard deviation; a single gene gets the normalised dispersion 1.
Centre seurat_centre(const std::vector<double>& dispersions) {
    if (dispersions.empty()) return {};
    const auto n = static_cast<double>(dispersions.size());
    const double mean = std::accumulate(dispersions.begin(), dispersions.end(), 0.0) / n;
    if (dispersions.size() == 1) return {0.0, mean};
    double squares = 0.0;
    for (const double dispersion : dispersions) squares += (dispersion - mean) * (dispersion - mean);
    return {mean, std::sqrt(squares / (n - 1.0))};
}

Centre robust_centre(const std::vector<double>& dispersions) {
    if (dispersions.empty()) return {};
    const double median = arma::median(arma::vec(dispersions));
    return {median, arma::median(arma::abs(arma::vec(dispersions) - median)) / normal_quartile};
}

arma::vec normalized(const arma::vec& means, const arma::vec& dispersions, const HighlyVariableOptions& options) {
    const bool seurat = options.flavor == Flavor::seurat;
    const auto edges = seurat ? equal_edges(means, static_cast<std::size_t>(options.n_bins)) : percentile_edges(means);
    arma::vec result(means.n_elem, arma::fill::value(none));
    for (const std::vector<std::size_t>& bin : bins_of(means, edges)) {
        std::vector<double> known;
        for (const std::size_t f : bin)
            if (!std::isnan(dispersions[f])) known.push_back(dispersions[f]);
        const Centre centre = seurat ? seurat_centre(known) : robust_centre(known);
        for (const std::size_t f : bin) result[f] = (dispersions[f] - centre.middle) / centre.spread;
    }
    return result;
}

// ---- which genes ----

bool in_bounds(double mean, double dispersion, const HighlyVariableOptions& options) {
    if (std::isnan(dispersion)) dispersion = 0.0;
    return mean > options.min_mean && mean < options.max_mean && dispersion > options.min_disp &&
           (!options.max_disp || dispersion < *options.max_disp);
}

std::vector<bool> chosen(const HighlyVariable& genes, const HighlyVariableOptions& options) {
    const arma::vec& z = genes.normalized_dispersion;
    std::vector<bool> selected(z.n_elem);
    if (!options.n_top_genes) {
        for (std::size_t f = 0; f < z.n_elem; ++f) selected[f] = in_bounds(genes.mean[f], z[f], options);
        return selected;
    }
    std::vector<double> falling;
    std::copy_if(z.begin(), z.end(), std::back_inserter(falling), [](double value) { return !std::isnan(value); });
    if (falling.empty()) throw DataError("highly_variable: no gene varies");
    std::sort(falling.begin(), falling.end(), std::greater<>());
    const double least = falling[std::min(static_cast<std::size_t>(*options.n_top_genes), falling.size()) - 1];
    for (std::size_t f = 0; f < z.n_elem; ++f) selected[f] = z[f] >= least;
    return selected;
}

Moments moments_of(const Cells& cells, std::span<const std::size_t> members, Flavor flavor) {
    if (flavor == Flavor::cell_ranger) return moments(cells, members, [](double x) { return x; });
    return moments(cells, members, Remembered([](double x) { return std::expm1(x); }));
}

HighlyVariable of_moments(const Moments& found, const HighlyVariableOptions& options) {
    HighlyVariable genes;
    genes.mean = found.mean;
    genes.mean.replace(0.0, tiny_mean);
    genes.dispersion = found.variance / genes.mean;
    if (options.flavor == Flavor::seurat) {
        genes.dispersion.replace(0.0, none);
        genes.dispersion = arma::log(genes.dispersion);
        genes.mean = arma::log1p(genes.mean);
    }
    genes.normalized_dispersion = normalized(genes.mean, genes.dispersion, options);
    genes.selected = chosen(genes, options);
    for (const bool selected : genes.selected) genes.n_batches.push_back(selected ? 1 : 0);
    return genes;
}

// The genes that have a count.
arma::uvec with_counts(const Cells& cells, std::span<const std::size_t> members) {
    arma::uvec found(cells.n_features(), arma::fill::zeros);
    for (const std::size_t i : members) for_each_entry(cells, i, [&](std::size_t f, double x) { found[f] |= x > 0.0; });
    return arma::find(found);
}

// The genes without counts in the batch are 0 in everything.
HighlyVariable of_batch(const Cells& cells, const std::vector<std::size_t>& members,
                        const HighlyVariableOptions& options) {
    const arma::uvec there = with_counts(cells, members);
    const Moments found = moments_of(cells, members, options.flavor);
    const HighlyVariable genes = of_moments({found.mean.elem(there), found.variance.elem(there)}, options);
    HighlyVariable all;
    all.mean = all.dispersion = all.normalized_dispersion = arma::vec(cells.n_features(), arma::fill::zeros);
    all.mean.elem(there) = genes.mean;
    all.dispersion.elem(there) = genes.dispersion;
    all.normalized_dispersion.elem(there) = genes.normalized_dispersion;
    all.selected.resize(cells.n_features());
    for (std::size_t g = 0; g < there.n_elem; ++g) all.selected[there[g]] = genes.selected[g];
    return all;
}

// The mean of what is known.
void average(arma::vec HighlyVariable::*values, const std::vector<HighlyVariable>& batches, HighlyVariable& genes) {
    for (std::size_t f = 0; f < genes.n_batches.size(); ++f) {
        double sum = 0.0, count = 0.0;
        for (const HighlyVariable& batch : batches) {
            if (std::isnan((batch.*values)[f])) continue;
            sum += (batch.*values)[f];
            count += 1.0;
        }
        (genes.*values)[f] = count == 0.0 ? none : sum / count;
    }
}

// The first n by the batches that chose them, then by normalised dispersion, then by name.
std::vector<bool> ranked(const HighlyVariable& genes, const std::vector<std::string>& names, std::size_t n) {
    std::vector<std::size_t> order = all_positions(genes.n_batches.size());
    const auto dispersion = [&](std::size_t f) {
        const double value = genes.normalized_dispersion[f];
        return std::isnan(value) ? -std::numeric_limits<double>::infinity() : value;
    };
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        if (genes.n_batches[a] != genes.n_batches[b]) return genes.n_batches[a] > genes.n_batches[b];
        if (dispersion(a) != dispersion(b)) return dispersion(a) > dispersion(b);
        return !names.empty() && names[a] < names[b];
    });
    std::vector<bool> selected(order.size());
    for (std::size_t i = 0; i < std::min(n, order.size()); ++i) selected[order[i]] = true;
    return selected;
}

}  // namespace

HighlyVariable highly_variable(const Cells& cells, const Labels& batch, const HighlyVariableOptions& options) {
    validate(options);
    if (!options.per_batch) {
        if (cells.n_cells() < 2) throw DataError("highly_variable needs at least two cells");
        return of_moments(moments_of(cells, all_positions(cells.n_cells()), options.flavor), options);
    }
    require_labels(batch, cells.n_cells(), "highly_variable per batch");
    std::vector<std::vector<std::size_t>> members(batch.count());
    for (std::size_t i = 0; i < batch.code.size(); ++i) members[batch.code[i]].push_back(i);
    std::vector<HighlyVariable> batches;
    for (std::size_t b = 0; b < members.size(); ++b) {
        if (members[b].size() < 2) {
            throw DataError("highly_variable per batch needs at least two cells of each; batch '" + batch.names[b] +
                            "' has " + std::to_string(members[b].size()));
        }
        batches.push_back(of_batch(cells, members[b], options));
    }
    HighlyVariable genes;
    const std::size_t n = cells.n_features();
    genes.mean = genes.dispersion = genes.normalized_dispersion = arma::vec(n, arma::fill::zeros);
    genes.n_batches.resize(n);
    for (const HighlyVariable& each : batches)
        for (std::size_t f = 0; f < n; ++f) genes.n_batches[f] += each.selected[f] ? 1 : 0;
    for (auto values : {&HighlyVariable::mean, &HighlyVariable::dispersion, &HighlyVariable::normalized_dispersion})
        average(values, batches, genes);
    if (options.n_top_genes) {
        genes.selected = ranked(genes, cells.feature_names, static_cast<std::size_t>(*options.n_top_genes));
    } else {
        genes.selected = chosen(genes, options);
    }
    return genes;
}

}  // namespace bcbench::preprocess
