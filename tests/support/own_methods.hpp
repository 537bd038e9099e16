// Configs whose methods are small scripts of a test.
#pragma once

#include <dirent.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/program.hpp"
#include "tests/support/temporary_directory.hpp"

namespace bcbench::testing {

using nlohmann::json;

/// A shell script that hands the cells back as they are.
inline const std::string unchanged =
    "cp \"$1/cells.npy\" \"$2/corrected.npy\"\ncut -d, -f1 \"$1/obs.csv\" > \"$2/cells.csv\"\n";

/// The beginning of a script in Python's standard library alone: n, f, values (row by row), save and echo.
inline const std::string python_prelude = R"(import json, os, struct, sys, time
source, target = sys.argv[1], sys.argv[2]
raw = open(source + "/cells.npy", "rb").read()
start = 10 + raw[8] + 256 * raw[9]
n, f = eval(raw[10:start].decode())["shape"]
values = list(struct.unpack("<%df" % (n * f), raw[start:]))
names = [line.split(",")[0] for line in open(source + "/obs.csv").read().split()]
def save(shape, numbers, name="corrected.npy"):
    text = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }" % shape
    text += " " * (63 - (10 + len(text)) % 64) + "\n"
    open(target + "/" + name, "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()
                                          + struct.pack("<%df" % len(numbers), *numbers))
def echo(cells=names):
    open(target + "/cells.csv", "w").write("\n".join(cells) + "\n")
)";

struct OwnMethods {
    Scratch program;
    json config = {{"schema_version", 1},
                   {"name", "own"},
                   {"datasets",
                    {{{"label", "two"},
                      {"type", "gaussian_batches"},
                      {"params", {{"n_cells_per_batch", 30}, {"n_features", 7}, {"n_types", 2}}}}}},
                   {"methods", {{{"label", "Uncorrected"}, {"type", "uncorrected"}}}},
                   {"metrics", {"mean_shift"}},
                   {"outputs", {{"projections", false}}}};

    /// Adds a method whose script NAME.sh or NAME.py is `text`; returns it, to be changed.
    json& add(const std::string& name, const std::string& text, const std::string& extension = "sh") {
        const std::string script = name + "." + extension;
        program.directory.write(script, text);
        config["methods"].push_back({{"label", name},
                                     {"type", "command"},
                                     {"params", {{"command", {extension == "py" ? "python3" : "sh", script}}}}});
        return config["methods"].back();
    }

    std::string write() const { return program.directory.write("config.json", config.dump(2)); }

    Output run(const std::string& further = "") const {
        return program("run '" + write() + "' --allow-commands --quiet --out '" + (program / "out") + "' " + further);
    }

    json point(const std::string& id) const { return json::parse(contents(program / ("out/points/" + id + ".json"))); }
};

/// How many processes there are with `text` in their command line, beside this one.
inline std::size_t processes_with(const std::string& text) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        if (std::atoi(entry.path().filename().c_str()) > 0 && contains(contents(entry.path() / "cmdline"), text))
            ++count;
    }
    return count;
}

}  // namespace bcbench::testing
