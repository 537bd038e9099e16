// Methods that break the contract: nothing of them is a value, nothing of them survives, and the others go on.
#include <catch2/catch.hpp>
#include <map>

#include "tests/support/own_methods.hpp"
#include "tests/support/running.hpp"

using namespace bcbench::testing;

namespace {

const std::string lasting = "86399.25";  // seconds: what sleeps so long is of these tests
const std::string sleeps = "sleep " + lasting;

}  // namespace

TEST_CASE("no bad method gives a value or survives, and the good ones go on", "[external]") {
    OwnMethods own;
    own.config["limits"] = {{"max_memory_bytes", 400'000'000}};
    own.add("good", unchanged);
    const auto python = [&](const std::string& name, const std::string& text) {
        own.add(name, python_prelude + text, "py");
    };
    python("wrong_shape", "save((n - 1, f), values[f:])\necho()\n");
    python("flat", "save((n * f, 1), values)\necho()\n");
    python("transposed", "save((f, n), [values[i * f + j] for j in range(f) for i in range(n)])\necho()\n");
    python("permuted", "save((n, f), values)\necho(names[:1] + names[:0:-1])\n");
    python("not_finite", "values[9] = float('nan')\nsave((n, f), values)\necho()\n");
    python("traceback",
           "try:\n    raise ValueError('frogs')\nexcept ValueError:\n    import traceback\n"
           "    traceback.print_exc()\n");
    python("memory", "held = b'x' * 600000000\ntime.sleep(60)\n");
    python("bad_losses", "save((n, f), values)\necho()\nopen(target + '/losses.json', 'w').write('{\"a\": NaN}')\n");
    python("boasts", "save((n, f), values)\necho()\nopen(target + '/timings.json', 'w').write('{\"fit\": 900}')\n");
    own.add("no_echo", "cp \"$1/cells.npy\" \"$2/corrected.npy\"\n");
    own.add("no_output", "echo nothing to say >&2\n");
    own.add("huge", unchanged + "truncate -s 1G \"$2/corrected.npy\"\n");
    own.add("pipe", unchanged + "rm \"$2/corrected.npy\"; mkfifo \"$2/corrected.npy\"\n");
    own.add("link", unchanged + "rm \"$2/corrected.npy\"; ln -s \"$1/cells.npy\" \"$2/corrected.npy\"\n");
    own.add("prints", "yes | head -c 100000000\necho the end\nexit 3\n");
    own.add("killed", "kill -SEGV $$\n");
    own.add("no_frogs", "echo wants frogs; exit 99\n");
    own.add("interpreter", "");
    own.program.directory.write("interpreter.sh", "#!/no/such/interpreter\n");
    std::filesystem::permissions(own.program / "interpreter.sh", std::filesystem::perms::owner_all);
    own.config["methods"].back()["params"]["command"] = {"./interpreter.sh"};
    own.add("no_program", "");
    own.config["methods"].back()["params"]["command"] = {"no-such-program-anywhere"};
    own.add("children", unchanged + "setsid " + sleeps + " &\n(" + sleeps + " &)\nsetsid sh -c '" + sleeps +
                            " & exec setsid " + sleeps + "' &\n");
    own.add("outside", unchanged + "echo x > \"$1/cells.npy\"; echo x > here; mkdir \"$2/corrected.csv\"; chmod 0 .\n");
    own.add("last", unchanged);

    const std::map<std::string, std::string> reasons = {
        {"wrong_shape", "has shape (59, 7), must be (60, 7), cells in rows"},
        {"flat", "has shape (420, 1)"},
        {"transposed", "it is transposed"},
        {"permuted", "the cells are in another order"},
        {"not_finite", "cell 1, column 2 (both from 0) is not finite"},
        {"traceback", "ValueError: frogs"},
        {"memory", "needs more memory than limits.max_memory_bytes = 400000000"},
        {"bad_losses", "losses.json:1"},
        {"boasts", "fit is 900 seconds, the whole run took"},
        {"no_echo", "wrote no cells.csv"},
        {"no_output", "wrote no corrected.npy, its result; its output folder holds nothing"},
        {"huge", "more than the"},
        {"pipe", "is no regular file"},
        {"link", "cannot be read"},
        {"prints", "ended with exit code 3; it last printed:\ny\n"},
        {"killed", "signal 11"},
        {"interpreter", "the interpreter of its first line is missing"},
        {"no_program", "there is no program no-such-program-anywhere in the directories of $PATH"}};

    const Output output = own.run("--jobs 2 --threads 2");
    INFO(output.err);
    REQUIRE(output.code == 3);
    for (const auto& [name, reason] : reasons) {
        const json point = own.point("two." + name);
        INFO(name << ": " << point["reason"]);
        CHECK(point["status"] == "failed");
        CHECK(contains(point["reason"].get<std::string>(), reason));
        for (const json& score : point["scores"]) CHECK(score["value"].is_null());
    }
    const json expected = own.point("two.Uncorrected")["scores"][0]["value"];
    for (const char* name : {"good", "children", "outside", "last"}) {
        const json point = own.point(std::string("two.") + name);
        INFO(name << ": " << point["reason"]);
        CHECK(point["status"] == "ok");
        CHECK(point["scores"][0]["value"].get<double>() == Approx(expected.get<double>()));
    }
    const json not_applicable = own.point("two.no_frogs");
    CHECK(not_applicable["status"] == "ok");
    CHECK(not_applicable["scores"][0]["reason"] == "wants frogs");
    CHECK(contains(contents(own.program / "out/metrics.csv"), "mean_shift,,lower,not_applicable"));
    CHECK(processes_with(lasting) == 0);

    // the failed ones are tried again, and only they
    const Output again = own.run();
    CHECK(contains(again.err, "6 from an earlier run"));
}

TEST_CASE("a method that succeeds the second time only has no value before", "[external]") {
    OwnMethods own;
    own.add("moody", "[ -e \"$HOME/moody\" ] || { touch \"$HOME/moody\"; exit 1; }\n" + unchanged);
    const std::string home = "HOME='" + own.program.path() + "'";
    const std::string arguments =
        "run '" + own.write() + "' --allow-commands --quiet --out '" + (own.program / "out") + "'";
    CHECK(own.program(arguments, home).code == 3);
    CHECK(contains(contents(own.program / "out/metrics.csv"), "mean_shift,,lower,failed"));
    CHECK(own.program(arguments, home).code == 0);
    CHECK_FALSE(contains(contents(own.program / "out/metrics.csv"), "failed"));
}

TEST_CASE("a method that hangs ends with its point, with Ctrl-C and with the program", "[external]") {
    OwnMethods own;
    own.add("hangs", "setsid " + sleeps + " &\ntouch \"$HOME/started\"\n" + sleeps + "\n");
    setenv("HOME", own.program.path().c_str(), 1);
    const auto is_running = [] { return processes_with(lasting) >= 2; };
    const auto is_gone = [] { return processes_with(lasting) == 0; };
    SECTION("after its time") {
        own.config["limits"] = {{"max_seconds", 1.0}};
        CHECK(own.run().code == 3);
        CHECK(
            contains(own.point("two.hangs")["reason"].get<std::string>(), "takes longer than limits.max_seconds = 1"));
        CHECK(is_gone());
    }
    const std::vector<std::string> arguments = {"run", own.write(), "--allow-commands", "--out", own.program / "out"};
    SECTION("with Ctrl-C") {
        Running program(arguments, own.program / "errors");
        REQUIRE(wait_until(is_running));
        program.send(SIGINT);
        CHECK(program.wait() == 3);
        CHECK(is_gone());
        CHECK(contains(contents(own.program / "errors"), "1 of 2 points ok, 1 not run"));
    }
    SECTION("with a program that is killed") {
        Running program(arguments, own.program / "errors");
        REQUIRE(wait_until(is_running));
        program.send(SIGKILL);
        program.wait();
        CHECK(wait_until(is_gone));
    }
}
