// What stands around a method on real data: reading a table of 50 features, and its principal components for the
// scatter plots. Against what plain Armadillo offers; an answer is checked before it is timed.
#include <benchmark/benchmark.h>

#include <charconv>
#include <cmath>
#include <sstream>
#include <string>

#include "engine/core/random.hpp"
#include "engine/datasets/table.hpp"
#include "engine/linear/pca.hpp"
#include "experiments/benchmarks/benchmarks.hpp"

namespace bcbench::benchmarks {

namespace {

using arma::uword;

constexpr uword n_features = 50;

/// Rows of numbers in shortest round-trip form, as R and Python write principal components; `header`: a row of titles
/// first.
std::string text_of(const arma::mat& cells, bool header) {
    std::string text;
    for (uword f = 0; header && f < cells.n_rows; ++f) text += (f == 0 ? "PC" : ",PC") + std::to_string(f + 1);
    if (header) text += '\n';
    char digits[32];
    for (uword i = 0; i < cells.n_cols; ++i) {
        for (uword f = 0; f < cells.n_rows; ++f) {
            if (f > 0) text += ',';
            text.append(digits, std::to_chars(digits, digits + sizeof digits, cells(f, i)).ptr);
        }
        text += '\n';
    }
    return text;
}

std::string batches_of(uword n) {
    std::string text = "batch\n";
    for (uword i = 0; i < n; ++i) text += i % 2 == 0 ? "a\n" : "b\n";
    return text;
}

void read_table(benchmark::State& state) {
    const auto n = static_cast<uword>(state.range(0));
    const arma::mat cells = arma::conv_to<arma::mat>::from(normal(make_key(1), n_features, n));
    const std::string text = text_of(cells, true);
    const std::string untitled = text_of(cells, false);
    const std::string metadata = batches_of(n);
    table::Options options;
    options.cells = "cells";
    options.metadata = "metadata";
    options.batch_column = "batch";
    arma::mat plain;
    const auto load_plainly = [&] {
        std::istringstream stream(untitled);
        plain.load(stream, arma::csv_ascii);
    };
    load_plainly();
    if (arma::any(arma::vectorise(table::parse(text, metadata, options).cells != cells)) ||
        arma::any(arma::vectorise(plain.t() != cells))) {
        state.SkipWithError("not timed: the cells read are not those written");
        return;
    }
    time_in_turn(
        state, "times_plain", [&] { benchmark::DoNotOptimize(table::parse(text, metadata, options).cells.memptr()); },
        load_plainly);
    state.counters["bytes_per_second"] =
        benchmark::Counter(static_cast<double>(text.size()), benchmark::Counter::kIsIterationInvariantRate);
}

/// The two leading components by the whole eigenvalue problem; the loading of largest magnitude is positive.
arma::mat plain_components(const arma::mat& cells) {
    const arma::mat centred = cells.each_col() - arma::vec(arma::mean(cells, 1));
    arma::vec values;
    arma::mat vectors;
    arma::eig_sym(values, vectors, arma::mat(centred * centred.t()));
    arma::mat leading = arma::fliplr(vectors.tail_cols(2));
    for (uword c = 0; c < 2; ++c) {
        const arma::vec loading = leading.col(c);
        if (loading[arma::abs(loading).index_max()] < 0.0) leading.col(c) *= -1.0;
    }
    return leading.t() * centred;
}

void components(benchmark::State& state, unsigned threads) {
    const auto n = static_cast<uword>(state.range(0));
    const auto features = static_cast<uword>(state.range(1));
    arma::mat cells = arma::conv_to<arma::mat>::from(normal(make_key(1), features, n));
    const arma::mat spread = arma::conv_to<arma::mat>::from(normal(make_key(2), features, 2));
    const arma::mat along = arma::conv_to<arma::mat>::from(normal(make_key(3), 2, n));
    cells += spread * arma::diagmat(arma::vec{2.0, 1.0}) * along;  // two directions stand out
    const arma::mat right = plain_components(cells);
    // an eigenvector is rounded at 1e-16 times the largest eigenvalue over the gap to the next, at most ten
    if (!(arma::abs(principal_components(cells, 2) - right).max() <= 1e-8 * arma::abs(right).max())) {
        state.SkipWithError("not timed: other components than those of the whole eigenvalue problem");
        return;
    }
    const auto with_threads = [&](unsigned loops, unsigned blas, auto&& of) {
        return [&cells, loops, blas, of] {
            use_threads(loops, blas);
            benchmark::DoNotOptimize(of(cells).memptr());
        };
    };
    time_in_turn(state, "times_plain",
                 with_threads(threads, 1, [](const arma::mat& x) { return principal_components(x, 2); }),
                 with_threads(1, threads, [](const arma::mat& x) { return plain_components(x); }));
}

}  // namespace

void register_data() {
    benchmark::RegisterBenchmark("table/engine_against_armadillo", read_table)
        ->Arg(5000)
        ->Arg(50000)
        ->ArgName("n")
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
    for (const unsigned threads : {1U, 2U}) {
        const std::string name = "pca/engine_against_plain/threads:" + std::to_string(threads);
        benchmark::RegisterBenchmark(name.c_str(), components, threads)
            ->Args({100000, 50})
            ->Args({3000, 2000})
            ->ArgNames({"n", "features"})
            ->UseManualTime()
            ->Unit(benchmark::kMillisecond);
    }
}

}  // namespace bcbench::benchmarks
