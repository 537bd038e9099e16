// One run of a method of the user's: input folder, process, output folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/types.hpp"
#include "experiments/external/declaration.hpp"
#include "experiments/external/exchange.hpp"

namespace bcbench::external {

struct Request {
    nlohmann::json params;  // of the method: what is run, and the declared parameters
    std::filesystem::path config_directory;
    std::uint64_t seed = 0;
    std::optional<std::uint64_t> max_memory_bytes = {};
};

template <class Real>
struct Corrected {
    Answer<Real> answer;
    std::vector<std::pair<std::string, std::string>> facts;  // command, program, files, version
};

/// The declared parameters alone.
nlohmann::json declared_values(const nlohmann::json& params);

/// Runs the command on the data. Throws NotApplicable if it says so or needs more batches, DataError or ProcessError
/// with what it last printed if it broke the contract or failed.
template <class Real>
Corrected<Real> correct(const Request& request, const Dataset<Real>& data);

/// Runs the command with --vjp: the adjoint of the cells [F x n] for that of the corrected cells.
arma::mat vector_jacobian_product(const Request& request, const Dataset<double>& data, const arma::mat& corrected_bar);

/// What decides the values beside parameters and data, as a text: the content of files and, if `may_run`, the output of
/// the version command, which is run once per program. Never throws on a fault of theirs, which then is a part of the
/// text.
std::string identity(const Declaration& declaration, bool may_run);

/// A line for people: the command with its placeholders and a hash of the files. Runs nothing.
std::string preview(const Declaration& declaration);

/// A hash of a file's content, 32 hexadecimal digits, or "unreadable".
std::string hash_of_file(const std::filesystem::path& file);

}  // namespace bcbench::external
