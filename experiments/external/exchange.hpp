// The contract: what a method finds in its input folder and what must be in its output folder, as files that every
// language reads and writes. README, "Your own method", has it in one table.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/types.hpp"
#include "experiments/catalog/score.hpp"
#include "experiments/external/declaration.hpp"

namespace bcbench::external {

/// Names of the cells: those of the data, or cell0, cell1, ... where it has none.
std::vector<std::string> cell_names(const Annotations* about, std::size_t n_cells);

/// Writes cells.npy (n x F), obs.csv, features.csv and params.json.
template <class Real>
void write_input(const std::filesystem::path& input, const Dataset<Real>& data, const Declaration& declaration,
                 const nlohmann::json& params, std::uint64_t seed, unsigned threads);

/// Writes corrected_bar.npy (n x F), for --vjp.
void write_adjoint(const std::filesystem::path& input, const arma::mat& corrected_bar);

template <class Real>
struct Answer {
    Matrix<Real> corrected;  // [F' x n]: another number of features is an embedding
    Matrix<Real> latent;     // [L x n]; empty: none
    std::vector<Score> losses;
    std::vector<Curve> traces;
    std::optional<double> fit_seconds;  // by the method's own clock
};

/// Reads and checks corrected.npy and cells.csv, and latent.npy, losses.json, traces.json and timings.json if they are
/// there. Throws DataError naming the file, what is wrong and what would be right.
template <class Real>
Answer<Real> read_output(const std::filesystem::path& output, const Dataset<Real>& data);

/// Reads and checks cells_bar.npy, of --vjp. Throws DataError.
arma::mat read_adjoint(const std::filesystem::path& output, const arma::mat& cells);

}  // namespace bcbench::external
