#include "experiments/external/command.hpp"

#include <set>

#include "engine/core/check.hpp"
#include "engine/core/parallel.hpp"
#include "experiments/external/arguments.hpp"
#include "experiments/external/folder.hpp"
#include "experiments/external/process.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench::external {

namespace fs = std::filesystem;

namespace {

constexpr int not_applicable_code = 99;
constexpr std::size_t lines_of_failure = 20;
constexpr std::uint64_t most_bytes_of_any_file = std::uint64_t{4} << 30;
constexpr std::uint64_t most_times_the_cells = 64;

std::string with_output(const std::string& what, const std::string& output) {
    const std::string lines = last_lines(output, lines_of_failure);
    return lines.empty() ? what + "; it printed nothing" : what + "; it last printed:\n" + lines;
}

std::string value_text(const nlohmann::json& value) {
    return value.is_string() ? value.get<std::string>() : canonical_json(value);
}

Declaration declaration_of(const Request& request) {
    Declaration made = read_declaration(request.params, request.config_directory);
    if (made.faults.empty()) return made;
    throw std::invalid_argument(made.faults.front().name + " " + made.faults.front().message);
}

fs::path program_of(const std::vector<std::string>& command) {
    if (const auto program = find_program(command.front())) return *program;
    const bool is_path = command.front().find('/') != std::string::npos;
    throw ProcessError("there is no program " + command.front() +
                       (is_path ? " that may be executed" : " in the directories of $PATH"));
}

// Runs it in its folder; returns how it ended, if well.
template <class Real>
Ended run_in(const Folder& folder, const Request& request, const Declaration& declaration, const Dataset<Real>& data,
             const char* further) {
    const unsigned threads = thread_count();
    const nlohmann::json params = declared_values(request.params);
    std::map<std::string, std::string> values = {{"input", folder.input().string()},
                                                 {"output", folder.output().string()},
                                                 {"seed", std::to_string(request.seed)},
                                                 {"threads", std::to_string(threads)}};
    for (const auto& item : params.items()) values[item.key()] = value_text(item.value());
    write_input(folder.input(), data, declaration, params, request.seed, threads);
    std::vector<std::string> command = filled(declaration.command, values);
    Task task{program_of(command),
              {command.begin() + 1, command.end()},
              environment(declaration.environment, threads, folder.temporary()),
              folder.work()};
    if (further != nullptr) task.arguments.emplace_back(further);
    task.max_memory_bytes = request.max_memory_bytes;
    task.max_file_bytes =
        std::max<std::uint64_t>(most_bytes_of_any_file, most_times_the_cells * sizeof(Real) * data.cells.n_elem);
    const Ended ended = run_process(task);
    if (ended.signal == 0 && ended.exit_code == not_applicable_code) {
        const std::string reason = last_lines(ended.output, 1);
        throw NotApplicable(reason.empty() ? "the method says that it does not apply" : reason);
    }
    if (ended.signal != 0 || ended.exit_code != 0)
        throw ProcessError(with_output("ended with " + how(ended), ended.output));
    return ended;
}

}  // namespace

nlohmann::json declared_values(const nlohmann::json& params) {
    nlohmann::json values = params;
    for (const Parameter& parameter : command_parameters()) values.erase(parameter.name);
    return values;
}

template <class Real>
Corrected<Real> correct(const Request& request, const Dataset<Real>& data) {
    const Declaration declaration = declaration_of(request);
    if (data.batch.count() < declaration.needs_batches)
        throw NotApplicable("needs at least " + std::to_string(declaration.needs_batches) +
                            " batches, the dataset has " + std::to_string(data.batch.count()));
    if (declaration.needs_types && data.type.empty())
        throw NotApplicable("needs the cells' types, which the dataset does not have");
    const Folder folder;
    const Ended ended = run_in(folder, request, declaration, data, nullptr);
    Corrected<Real> corrected;
    try {
        corrected.answer = read_output(folder.output(), data);
    } catch (const DataError& error) {
        throw DataError(with_output(std::string("broke the contract: ") + error.what(), ended.output));
    }
    const std::optional<double>& own = corrected.answer.fit_seconds;
    if (own && *own > ended.seconds + 0.01)
        throw DataError("broke the contract: timings.json: fit is " + number_text(*own) +
                        " seconds, the whole run took " + number_text(ended.seconds));
    corrected.facts = {{"command", typed(declaration.command)},
                       {"command_program", program_of(declaration.command).string()},
                       {"command_identity", identity(declaration, true)}};
    return corrected;
}

arma::mat vector_jacobian_product(const Request& request, const Dataset<double>& data, const arma::mat& corrected_bar) {
    const Folder folder;
    write_adjoint(folder.input(), corrected_bar);
    const Ended ended = run_in(folder, request, declaration_of(request), data, "--vjp");
    try {
        return read_adjoint(folder.output(), data.cells);
    } catch (const DataError& error) {
        throw DataError(with_output(std::string("broke the contract: ") + error.what(), ended.output));
    }
}

template Corrected<float> correct(const Request&, const Dataset<float>&);
template Corrected<double> correct(const Request&, const Dataset<double>&);

}  // namespace bcbench::external
