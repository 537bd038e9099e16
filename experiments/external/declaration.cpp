#include "experiments/external/declaration.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "experiments/external/arguments.hpp"
#include "experiments/text/canonical.hpp"
#include "experiments/text/fault.hpp"
#include "experiments/text/json_reader.hpp"
#include "experiments/text/names.hpp"

namespace bcbench::external {

namespace fs = std::filesystem;

namespace {

const std::map<std::string, ParameterType> types = {{"boolean", ParameterType::boolean},
                                                    {"integer", ParameterType::integer},
                                                    {"integer_or_list", ParameterType::integer_or_list},
                                                    {"number", ParameterType::number},
                                                    {"number_list", ParameterType::number_list},
                                                    {"number_or_list", ParameterType::number_or_list},
                                                    {"string", ParameterType::string},
                                                    {"string_list", ParameterType::string_list}};

const std::vector<std::string> kept_names = {"seed", "threads", "input", "output"};

template <class Container>
std::vector<std::string> keys_of(const Container& container) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : container) keys.push_back(key);
    return keys;
}

// Reads the keys of a declaration; each fault names its place below `params` or the file.
class Reader {
  public:
    Reader(Declaration& declaration, std::string origin, fs::path directory)
        : made_(declaration), origin_(std::move(origin)), directory_(std::move(directory)) {}

    void read(const nlohmann::json& json) {
        for (const auto& item : json.items()) read_key(item.key(), item.value());
    }

    void fault(const std::string& name, const std::string& message) {
        made_.faults.push_back({"params", origin_.empty() ? name : "declaration",
                                origin_.empty() ? message : "in " + origin_ + ": " + name + " " + message});
    }

  private:
    void read_key(const std::string& key, const nlohmann::json& value) {
        if (key == "parameters") {
            read_parameters(value);
        } else if (key == "needs") {
            read_needs(value);
        } else if (key == "files") {
            for (const std::string& name : texts(key, value)) add_file(name);
        } else if (key == "version_command") {
            made_.version_command = texts(key, value);
        } else if (key == "environment") {
            made_.environment = texts(key, value);
        } else if (key == "vjp") {
            if (!value.is_boolean()) return fault(key, "is " + shown(value) + ", must be true or false");
            made_.vjp = value.get<bool>();
        }
    }

    std::vector<std::string> texts(const std::string& name, const nlohmann::json& value) {
        if (value.is_string()) return {value.get<std::string>()};
        const auto is_text = [](const nlohmann::json& each) { return each.is_string(); };
        if (value.is_array() && std::all_of(value.begin(), value.end(), is_text)) return value;
        fault(name, "is " + shown(value) + ", must be a list of texts");
        return {};
    }

    void add_file(const std::string& name) {
        const fs::path path = fs::absolute(directory_ / name);
        std::error_code error;
        if (!fs::is_regular_file(path, error)) return fault("files", "names " + name + ", which is no file");
        made_.files.push_back(path.lexically_normal());
    }

    void read_needs(const nlohmann::json& value) {
        if (!value.is_object()) return fault("needs", "is " + shown(value) + ", must be an object");
        for (const auto& item : value.items()) {
            const nlohmann::json& need = item.value();
            if (item.key() == "types" && need.is_boolean()) {
                made_.needs_types = need.get<bool>();
            } else if (item.key() == "batches" && need.is_number_unsigned()) {
                made_.needs_batches = need.get<std::uint64_t>();
            } else if (item.key() == "precision" && (need == "float32" || need == "float64")) {
                made_.needs_float64 = need == "float64";
            } else {
                fault("needs", "has " + item.key() + " " + shown(need) +
                                   R"(, must hold types (true or false), batches (a count) or precision ("float32", )"
                                   R"("float64"))");
            }
        }
    }

    void read_parameters(const nlohmann::json& value) {
        if (!value.is_object()) return fault("parameters", "is " + shown(value) + ", must be an object");
        for (const auto& item : value.items()) {
            if (auto parameter = read_parameter(item.key(), item.value())) made_.parameters.push_back(*parameter);
        }
    }

    std::optional<Parameter> read_parameter(const std::string& name, const nlohmann::json& value) {
        const auto wrong = [&](const std::string& message) {
            fault("parameters", "declares \"" + name + "\" " + message);
            return std::nullopt;
        };
        const bool is_name =
            !name.empty() && name.size() <= 60 &&
            name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
                std::string::npos;
        if (!is_name) return wrong("whose name must be letters, digits and _");
        const auto is_this = [&](const Parameter& own) { return own.name == name; };
        if (std::count(kept_names.begin(), kept_names.end(), name) > 0 ||
            std::any_of(command_parameters().begin(), command_parameters().end(), is_this))
            return wrong("whose name stands for something else here; choose another");
        if (!value.is_object())
            return wrong("as " + shown(value) + R"(, must be like {"type": "number", "default": 1})");
        static const std::set<std::string> known = {"type", "default", "range", "choices", "help", "optional"};
        for (const auto& item : value.items())
            if (known.count(item.key()) == 0)
                return wrong("with " + unknown_name("key", item.key(), {known.begin(), known.end()}));
        const auto type = types.find(value.value("type", nlohmann::json()).is_string() ? value["type"] : "");
        if (type == types.end()) {
            std::string names;
            for (const std::string& each : keys_of(types)) names += (names.empty() ? "" : ", ") + each;
            return wrong("whose type must be one of " + names);
        }
        Parameter parameter;
        parameter.name = name;
        parameter.type = type->second;
        parameter.default_value = value.value("default", nlohmann::json());
        parameter.optional =
            value.value("optional", false) || (value.contains("default") && value["default"].is_null());
        if (value.contains("help") && value["help"].is_string()) parameter.help = value["help"];
        if (value.contains("range")) {
            const nlohmann::json& range = value["range"];
            const auto is_end = [](const nlohmann::json& end) { return end.is_number() || end.is_null(); };
            if (!range.is_array() || range.size() != 2 || !is_end(range[0]) || !is_end(range[1]))
                return wrong("with a range " + shown(range) + ", must be [lowest, highest], null for none");
            if (range[0].is_number()) parameter.minimum = range[0].get<double>();
            if (range[1].is_number()) parameter.maximum = range[1].get<double>();
        }
        if (value.contains("choices")) parameter.choices = texts("parameters", value["choices"]);
        if (!parameter.default_value.is_null()) {
            if (const auto fault = fault_of(parameter, parameter.default_value))
                return wrong("whose default " + *fault);
        }
        return parameter;
    }

    Declaration& made_;
    std::string origin_;  // empty: the config
    fs::path directory_;
};

// A key of the harness beside the method's own parameters.
Parameter key(const char* name, ParameterType type, nlohmann::json default_value, const char* help) {
    Parameter parameter = declared(name, type, std::move(default_value), help);
    parameter.is_setting = false;
    return parameter;
}

// Of a file of its own.
const std::vector<std::string> keys_of_file = {"contract", "summary",         "parameters",  "needs",
                                               "files",    "version_command", "environment", "vjp"};

void read_file_of_its_own(const fs::path& file, Declaration& made) {
    OrderedJson ordered;
    try {
        ordered = read_json(file);
    } catch (const ConfigError& error) {
        made.faults.push_back({"params", "declaration", std::string("cannot be used: ") + error.what()});
        return;
    }
    Reader reader(made, file.filename().string(), file.parent_path());
    if (!ordered.is_object()) return reader.fault("it", "must be an object");
    for (const auto& item : ordered.items())
        if (std::count(keys_of_file.begin(), keys_of_file.end(), item.key()) == 0)
            reader.fault(item.key(), "is no key of a declaration: " + unknown_name("key", item.key(), keys_of_file));
    if (ordered.value("contract", contract_version) != contract_version)
        reader.fault("contract",
                     "is " + shown(ordered["contract"]) + ", this program knows " + std::to_string(contract_version));
    if (ordered.contains("summary") && ordered["summary"].is_string()) made.summary = ordered["summary"];
    // in the order written: ids name swept parameters in this order
    if (ordered.contains("parameters") && ordered["parameters"].is_object()) {
        for (const auto& item : ordered["parameters"].items())
            reader.read({{"parameters", {{item.key(), nlohmann::json(item.value())}}}});
        ordered.erase("parameters");
    }
    reader.read(nlohmann::json(ordered));
    made.files.push_back(file.lexically_normal());
}

// The file named, or that beside the first script of the command: methods/mine.py has methods/mine.json.
std::optional<fs::path> file_of(const nlohmann::json& params, const fs::path& directory, Declaration& made) {
    std::error_code error;
    if (params.contains("declaration") && params["declaration"].is_string()) {
        const std::string name = params["declaration"];
        if (fs::is_regular_file(directory / name, error)) return fs::absolute(directory / name);
        made.faults.push_back({"params", "declaration", "names " + name + ", which is no file beside the config"});
        return std::nullopt;
    }
    for (const std::string& argument : made.command) {
        fs::path beside = argument;
        if (!beside.is_absolute() || !beside.has_extension() || beside.extension() == ".json") continue;
        beside.replace_extension(".json");
        if (fs::is_regular_file(argument, error) && fs::is_regular_file(beside, error)) return beside;
    }
    return std::nullopt;
}

void check_command(const nlohmann::json& params, Declaration& made) {
    const auto fault = [&](const std::string& message) { made.faults.push_back({"params", "command", message}); };
    if (made.command.empty()) return fault("is empty, must be a program and its arguments");
    if (made.command.size() == 1 && params["command"].is_string() && made.command[0].find(' ') != std::string::npos)
        return fault("is one text; write the program and each argument as a text of its own, there is no shell");
    for (const std::string& argument : made.command)
        if (const auto wrong = placeholder_fault(argument, made.parameters)) return fault(*wrong);
    static const std::set<std::string> scripts = {".py", ".R", ".r", ".sh", ".jl", ".pl"};
    std::error_code error;
    for (std::size_t i = 0; i < made.command.size(); ++i) {
        const fs::path path = made.command[i];
        const bool is_file = scripts.count(path.extension().string()) > 0 || (i == 0 && path.has_parent_path());
        if (is_file && path.string().find_first_of("{ ") == std::string::npos && !fs::is_regular_file(path, error))
            return fault("names " + path.string() + ", which is no file beside the config");
    }
}

}  // namespace

const std::vector<Parameter>& command_parameters() {
    static const std::vector<Parameter> made = [] {
        std::vector<Parameter> parameters = {
            key("command", ParameterType::string_list, nullptr,
                "program and arguments; no shell. {input} {output} {seed} {threads} {NAME} are filled in; without "
                "the first two both folders follow as last arguments"),
            key("declaration", ParameterType::string, nullptr,
                "JSON file that declares what follows; null: that beside the script, mine.json of mine.py"),
            key("parameters", ParameterType::object, nlohmann::json::object(),
                R"(further parameters: {"theta": {"type": "number", "default": 2, "range": [0, null]}})"),
            key("needs", ParameterType::object, nlohmann::json::object(),
                R"({"types": true}: is told the types; {"batches": 2}: applies to no fewer; {"precision": )"
                R"("float64"})"),
            key("files", ParameterType::string_list, nlohmann::json::array(),
                "further files that decide the values, as modules of the script; those of the command count anyway"),
            key("version_command", ParameterType::string_list, nlohmann::json::array(),
                "prints what else decides them, as a package's version; run once per run"),
            key("environment", ParameterType::string_list, nlohmann::json::array(),
                "further environment variables that are handed on"),
            key("vjp", ParameterType::boolean, false, "the command offers --vjp: gradients can be checked")};
        parameters[1].optional = true;
        return parameters;
    }();
    return made;
}

Declaration read_declaration(const nlohmann::json& params, const fs::path& directory) {
    Declaration made;
    if (!params.is_object() || !params.contains("command")) return made;  // the config's reader says so
    for (const Parameter& parameter : command_parameters()) {
        const auto value = params.find(parameter.name);
        if (value == params.end() || (value->is_string() && parameter.type == ParameterType::string_list)) continue;
        if (fault_of(parameter, *value)) return made;  // likewise
    }
    const nlohmann::json& command = params["command"];
    made.command = command.is_string() ? std::vector<std::string>{command} : command.get<std::vector<std::string>>();
    resolve_files(made.command, directory, made.files);
    if (const auto file = file_of(params, directory, made)) read_file_of_its_own(*file, made);
    nlohmann::json here = params;
    if (here.contains("parameters") && !here["parameters"].empty()) made.parameters.clear();
    if (here.contains("vjp") && here["vjp"] == false) here.erase("vjp");
    for (const char* key : {"version_command", "environment"})
        if (here.contains(key) && here[key].empty()) here.erase(key);
    Reader(made, "", directory).read(here);
    if (!made.version_command.empty()) resolve_files(made.version_command, directory, made.files);
    if (made.vjp) made.needs_float64 = true;
    check_command(params, made);
    std::sort(made.files.begin(), made.files.end());
    made.files.erase(std::unique(made.files.begin(), made.files.end()), made.files.end());
    return made;
}

CatalogEntry described_declaration(const fs::path& file) {
    Declaration made;
    read_file_of_its_own(fs::absolute(file), made);
    std::vector<Fault> faults;
    for (const ParameterFault& fault : made.faults) faults.push_back({"", fault.message});
    if (!faults.empty()) throw ConfigError(file.string(), faults);
    return {file.stem().string(), made.summary, "A method of type `command`.", made.parameters};
}

}  // namespace bcbench::external
