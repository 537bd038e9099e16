"""Methods of type command and embedding as a user meets them, good and bad ones; python3's standard library alone.

    test_own_methods.py PROGRAM
"""
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = ""
LASTING = f"86399.{os.getpid()}"  # seconds: what sleeps so long is of this run of the tests
SLEEP = "sleep " + LASTING

UNCHANGED = 'cp "$1/cells.npy" "$2/corrected.npy"\ncut -d, -f1 "$1/obs.csv" > "$2/cells.csv"\n'

PRELUDE = r'''import json, os, struct, sys, time
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
'''


def sleeping():
    """Processes of these tests that still sleep."""
    count = 0
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                count += LASTING.encode() in (entry / "cmdline").read_bytes()
            except OSError:
                pass  # it has ended meanwhile
    return count


def wait_until(holds):
    for _ in range(3000):
        if holds():
            return True
        time.sleep(0.02)
    return holds()


class OwnMethods(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "tmp").mkdir()
        params = {"n_cells_per_batch": 30, "n_features": 7, "n_types": 2}
        self.config = {"schema_version": 1, "name": "own",
                       "datasets": [{"label": "two", "type": "gaussian_batches", "params": params}],
                       "methods": [{"label": "Uncorrected", "type": "uncorrected"}],
                       "metrics": ["mean_shift"], "outputs": {"projections": False}}

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def config_file(self):
        self.write("config.json", json.dumps(self.config))
        return str(self.folder / "config.json")

    def add(self, name, text, python=False, **params):
        script = name + (".py" if python else ".sh")
        self.write(script, PRELUDE + text if python else text)
        method = {"label": name, "type": "command",
                  "params": {"command": ["python3" if python else "sh", script], **params}}
        self.config["methods"].append(method)
        return method

    def environment(self, **further):
        return {**os.environ, "TMPDIR": str(self.folder / "tmp"), "HOME": str(self.folder), **further}

    def program(self, *arguments, **environment):
        return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True,
                              env=self.environment(**environment), cwd=self.folder, check=False)

    def run_config(self, *further, **environment):
        return self.program("run", self.config_file(), "--allow-commands", "--quiet", "--out",
                            str(self.folder / "out"), *further, **environment)

    def fault(self):
        return self.program("validate", self.config_file()).stderr

    def point(self, name):
        return json.loads((self.folder / "out/points" / (name + ".json")).read_text())

    def embedding(self, name):
        return (self.folder / "out/embeddings" / (name + ".npy")).read_bytes()

    def metrics(self):
        return (self.folder / "out/metrics.csv").read_text()

    def test_bad_methods_give_no_value_and_do_not_survive(self):
        self.config["limits"] = {"max_memory_bytes": 400_000_000}
        transposed = "save((f, n), [values[i * f + j] for j in range(f) for i in range(n)])\necho()\n"
        valid = "save((n, f), values)\necho()\n"
        bad = {  # script, and a part of the reason
            "wrong_shape": ("save((n - 1, f), values[f:])\necho()\n",
                            "has shape (59, 7), must be (60, 7), cells in rows"),
            "flat": ("save((n * f, 1), values)\necho()\n", "has shape (420, 1)"),
            "transposed": (transposed, "it is transposed"),
            "permuted": ("save((n, f), values)\necho(names[:1] + names[:0:-1])\n", "the cells are in another order"),
            "not_finite": ("values[9] = float('nan')\n" + valid, "cell 1, column 2 (both from 0) is not finite"),
            "traceback": ("import traceback\ntry:\n    raise ValueError('frogs')\nexcept ValueError:\n"
                          "    traceback.print_exc()\n", "ValueError: frogs"),
            "memory": ("held = b'x' * 600000000\ntime.sleep(60)\n",
                       "needs more memory than limits.max_memory_bytes = 400000000"),
            "bad_losses": (valid + "open(target + '/losses.json', 'w').write('{\"a\": NaN}')\n", "losses.json:1"),
            "boasts": (valid + "open(target + '/timings.json', 'w').write('{\"fit\": 900}')\n",
                       "fit is 900 seconds, the whole run took")}
        for name, (text, _) in bad.items():
            self.add(name, text, python=True)
        bad_shell = {
            "no_echo": ('cp "$1/cells.npy" "$2/corrected.npy"\n', "wrote no cells.csv"),
            "no_output": ("echo nothing to say >&2\n",
                          "wrote no corrected.npy, its result; its output folder holds nothing"),
            "huge": (UNCHANGED + 'truncate -s 1G "$2/corrected.npy"\n', "more than the"),
            "pipe": (UNCHANGED + 'rm "$2/corrected.npy"; mkfifo "$2/corrected.npy"\n', "is no regular file"),
            "link": (UNCHANGED + 'rm "$2/corrected.npy"; ln -s "$1/cells.npy" "$2/corrected.npy"\n',
                     "cannot be read"),
            "prints": ("yes | head -c 100000000\necho the end\nexit 3\n",
                       "ended with exit code 3; it last printed:\ny\n"),
            "killed": ("kill -SEGV $$\n", "signal 11"),
            "interpreter": ("#!/no/such/interpreter\n", "the interpreter of its first line is missing"),
            "no_program": ("", "there is no program no-such-program-anywhere in the directories of $PATH")}
        for name, (text, _) in bad_shell.items():
            self.add(name, text)["params"]["command"] = {"interpreter": ["./interpreter.sh"],
                                                         "no_program": ["no-such-program-anywhere"]}.get(
                                                             name, ["sh", name + ".sh"])
        (self.folder / "interpreter.sh").chmod(0o755)
        self.add("good", UNCHANGED)
        self.add("no_frogs", "echo wants frogs; exit 99\n")
        self.add("children", UNCHANGED + f"setsid {SLEEP} &\n({SLEEP} &)\n"
                 f"setsid sh -c '{SLEEP} & exec setsid {SLEEP}' &\n")
        self.add("outside", UNCHANGED + 'echo x > "$1/cells.npy"; echo x > here; mkdir "$2/more"; chmod 0 .\n')
        self.add("last", UNCHANGED)

        output = self.run_config("--jobs", "2", "--threads", "2")
        self.assertEqual(output.returncode, 3, output.stderr)
        for name, (_, reason) in {**bad, **bad_shell}.items():
            with self.subTest(name):
                point = self.point("two." + name)
                self.assertEqual(point["status"], "failed")
                self.assertIn(reason, point["reason"])
                self.assertTrue(all(score["value"] is None for score in point["metrics"]))
        expected = self.point("two.Uncorrected")["metrics"][0]["value"]
        for name in ("good", "children", "outside", "last"):
            with self.subTest(name):
                point = self.point("two." + name)
                self.assertEqual(point["status"], "ok", point["reason"])
                self.assertAlmostEqual(point["metrics"][0]["value"], expected, places=5)
        self.assertEqual(self.point("two.no_frogs")["metrics"][0]["reason"], "wants frogs")
        self.assertIn("mean_shift,,lower,not_applicable", self.metrics())
        self.assertEqual(sleeping(), 0)
        self.assertEqual(list((self.folder / "tmp").iterdir()), [])
        self.assertIn("6 from an earlier run", self.run_config().stderr)  # the failed ones alone are tried again

    def test_what_succeeds_the_second_time_only_has_no_value_before(self):
        self.add("moody", '[ -e "$HOME/moody" ] || { touch "$HOME/moody"; exit 1; }\n' + UNCHANGED)
        self.assertEqual(self.run_config().returncode, 3)
        self.assertIn("mean_shift,,lower,failed", self.metrics())
        self.assertEqual(self.run_config().returncode, 0)
        self.assertNotIn("failed", self.metrics())

    def test_what_hangs_ends_with_its_time(self):
        self.add("hangs", f"setsid {SLEEP} &\n{SLEEP}\n")
        self.config["limits"] = {"max_seconds": 1.0}
        self.assertEqual(self.run_config().returncode, 3)
        self.assertIn("takes longer than limits.max_seconds = 1", self.point("two.hangs")["reason"])
        self.assertEqual(sleeping(), 0)

    def start(self):
        return subprocess.Popen([PROGRAM, "run", self.config_file(), "--allow-commands", "--out",
                                 str(self.folder / "out")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                env=self.environment(),
                                # a shell ignores it for what it runs in the background
                                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def test_what_prints_much_does_not_fill_the_memory(self):
        self.add("prints", "yes | head -c 400000000\n" + UNCHANGED)
        program = self.start()
        _, status, usage = os.wait4(program.pid, 0)
        program.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(program.returncode, 0)
        self.assertLess(usage.ru_maxrss * 1024, 300_000_000)

    def start_hanging(self):
        self.add("hangs", f"setsid {SLEEP} &\n{SLEEP}\n")
        program = self.start()
        self.assertTrue(wait_until(lambda: sleeping() >= 2))
        return program

    def test_what_hangs_ends_with_ctrl_c(self):
        program = self.start_hanging()
        program.send_signal(signal.SIGINT)
        self.assertEqual(program.wait(), 3)
        self.assertEqual(sleeping(), 0)

    def test_what_hangs_ends_with_a_program_that_is_killed(self):
        program = self.start_hanging()
        program.kill()
        program.wait()
        self.assertTrue(wait_until(lambda: sleeping() == 0))

    def test_a_run_that_was_killed_is_resumed_to_the_same_bytes(self):
        self.add("mine", "sleep 0.1\n" + UNCHANGED)["seeds"] = list(range(8))
        self.assertEqual(self.run_config().returncode, 0)
        undisturbed = self.metrics()
        shutil.rmtree(self.folder / "out")
        program = self.start()
        self.assertTrue(wait_until(lambda: len(list((self.folder / "out/points").glob("*.json"))) >= 3))
        program.kill()
        program.wait()
        self.assertFalse((self.folder / "out/metrics.csv").exists())
        output = self.run_config()
        self.assertEqual(output.returncode, 0, output.stderr)
        self.assertRegex(output.stderr, "9 of 9 points ok .[3-8] from an earlier run")
        self.assertEqual(self.metrics(), undisturbed)
        self.assertEqual(list((self.folder / "tmp").iterdir()), [])  # nor is anything left of the point in the middle

    def test_commands_must_be_allowed(self):
        self.add("mine", UNCHANGED)
        arguments = ("run", self.config_file(), "--quiet", "--out", str(self.folder / "out"))
        refused = self.program(*arguments)
        self.assertEqual(refused.returncode, 2)
        self.assertIn('/methods/1: runs a program: ["sh","mine.sh"]; allow it with --allow-commands', refused.stderr)
        self.assertEqual(self.program(*arguments, "--only", "*Uncorrected").returncode, 0)
        self.assertEqual(self.program(*arguments, BCBENCH_ALLOW_COMMANDS="0").returncode, 2)
        self.assertEqual(self.program(*arguments, BCBENCH_ALLOW_COMMANDS="1").returncode, 0)

    def test_cells_go_through_unchanged_to_the_byte(self):
        self.config["precision"] = "float32"
        self.config["outputs"]["embeddings"] = True
        self.add("mine", UNCHANGED)
        self.assertEqual(self.run_config().returncode, 0)
        self.assertEqual(self.embedding("two.mine"), self.embedding("two.Uncorrected"))

    def declare(self):
        self.write("mine.json", json.dumps({"contract": 1, "summary": "mine", "parameters": {
            "theta": {"type": "number", "default": 2, "range": [0, 10], "help": "larger mixes more"},
            "way": {"type": "string", "default": "a", "choices": ["a", "b"]}}}))

    def test_declared_parameters_are_parameters_like_any(self):
        mine = self.add("mine",
                        '[ "$4" = "{theta}" ] && grep -q "\\"theta\\": $3" "$1/params.json" || exit 1\n' + UNCHANGED)
        mine["params"]["command"] = ["sh", "mine.sh", "{input}", "{output}", "{theta}", "{{theta}}"]
        mine["seeds"] = [0, 5]
        mine["sweep"] = {"grid": {"theta": [1.5, 2]}}
        self.declare()
        output = self.run_config()
        self.assertEqual(output.returncode, 0, output.stderr)
        self.assertEqual(self.point("two.mine.theta=1.5.seed=5")["params"], '{"theta":1.5}')
        self.assertIn("a number in [0, 10]", self.program("describe", "mine.json").stdout)

    def test_faults_of_declared_parameters(self):
        mine = self.add("mine", UNCHANGED)
        self.declare()
        mine["sweep"] = {"grid": {"theta": [11]}}
        self.assertIn("/methods/1/sweep/grid/theta/0: is 11, must be a number in [0, 10]", self.fault())
        del mine["sweep"]
        mine["params"]["thata"] = 1
        self.assertIn('"thata"; did you mean "theta"?', self.fault())
        mine["params"] = {"command": ["sh", "mine.sh", "{teta}"]}
        self.assertIn("/methods/1/params/command: has {teta}", self.fault())
        mine["params"] = {"command": ["python3", "yours.py"]}
        self.assertIn("yours.py, which is no file beside the config", self.fault())
        mine["params"] = {"command": ["sh", "mine.sh"], "parameters": {"seed": {"type": "integer"}}}
        self.assertIn('/methods/1/params/parameters: declares "seed" whose name stands for something else',
                      self.fault())
        mine["params"]["parameters"] = {"k": {"type": "integer", "default": 0.5}}
        self.assertIn('declares "k" whose default is 0.5, must be an integer', self.fault())

    def test_types_are_told_to_those_who_need_them(self):
        wants_types = 'grep -q type "$1/obs.csv" || { echo no types; exit 99; }\n' + UNCHANGED
        self.add("blind", wants_types)
        self.add("told", wants_types, needs={"types": True})
        self.add("three", UNCHANGED, needs={"batches": 3})
        self.assertEqual(self.run_config().returncode, 0)
        self.assertEqual(self.point("two.blind")["metrics"][0]["reason"], "no types")
        self.assertIsNotNone(self.point("two.told")["metrics"][0]["value"])
        self.assertEqual(self.point("two.three")["metrics"][0]["reason"], "needs at least 3 batches, the dataset has 2")

    def test_a_point_stands_until_files_or_version_change_and_plan_runs_nothing(self):
        mine = self.add("mine", UNCHANGED + '. "$3"\n', version_command=["sh", "version.sh"])
        mine["params"]["command"] = ["sh", "mine.sh", "{input}", "{output}", "module.sh"]
        self.write("module.sh", ": one\n")
        self.write("version.sh", f'touch "{self.folder}/ran"; echo 1.0\n')
        for arguments in (("plan",), ("plan", "--format", "json"), ("validate",)):
            output = self.program(arguments[0], self.config_file(), *arguments[1:], BCBENCH_ALLOW_COMMANDS="1")
            self.assertIn("files mine.sh ", output.stdout)
        self.assertFalse((self.folder / "ran").exists())

        def resumed():
            output = self.run_config()
            self.assertEqual(output.returncode, 0, output.stderr)
            return "2 from an earlier run" in output.stderr

        self.assertFalse(resumed())
        self.assertTrue(resumed())
        for name, text in {"module.sh": ": two\n", "mine.sh": UNCHANGED, "version.sh": "echo 1.1\n"}.items():
            self.write(name, text)
            self.assertFalse(resumed(), name)
            self.assertTrue(resumed(), name)
        self.assertIn("1.1", self.point("two.mine")["outputs"]["command_identity"])

    def test_latent_cells_losses_traces_and_times(self):
        self.add("mine", UNCHANGED + """cp "$1/cells.npy" "$2/latent.npy"
echo '{"objective": 1.5, "mmd_loss": 2}' > "$2/losses.json"
echo '{"objective": [3, 2, 1.5]}' > "$2/traces.json"
echo '{"fit": 0.001}' > "$2/timings.json"
""")
        self.assertEqual(self.run_config().returncode, 0)
        self.assertIn("objective_loss,1.5,lower,ok", self.metrics())
        self.assertIn("mmd_loss,2,lower,ok", self.metrics())
        self.assertEqual(self.point("two.mine")["outputs"]["latent_shape"], [60, 7])
        self.assertEqual(self.point("two.mine")["traces"]["objective"], [3, 2, 1.5])
        self.assertIn("two.mine,fit_reported,0,0.001,", (self.folder / "out/timings.csv").read_text())

    def test_environment_and_folder(self):
        self.add("mine", '[ -z "$SECRET" ] && [ "$TOLD" = yes ] && [ "$OMP_NUM_THREADS" = 1 ] && [ -z "$(ls)" ] '
                 '&& [ -d "$TMPDIR" ] || exit 1\n' + UNCHANGED, environment=["TOLD"])
        output = self.run_config("--threads", "1", SECRET="1", TOLD="yes")
        self.assertEqual(output.returncode, 0, output.stderr)

    def test_gradients(self):
        self.config["datasets"][0]["params"] = {"n_cells_per_batch": 3, "n_features": 2, "n_types": 1}
        self.config["checks"] = ["gradient"]
        self.add("none", UNCHANGED)
        for name, adjoint in {"right": "corrected_bar", "wrong": "cells"}.items():
            self.add(name, f'[ "$3" = --vjp ] && cp "$1/{adjoint}.npy" "$2/cells_bar.npy" && exit 0\n' + UNCHANGED,
                     vjp=True)
        output = self.run_config("--jobs", "2", "--threads", "2")
        self.assertEqual(output.returncode, 1, output.stderr)
        for name, expected in {"none": None, "right": 1, "wrong": 0}.items():
            rows = {score["metric"]: score["value"] for score in self.point("two." + name)["metrics"]}
            self.assertEqual(rows["gradient"], expected, name)

    def test_embedding(self):
        self.config["outputs"]["embeddings"] = True
        self.assertEqual(self.run_config().returncode, 0)
        original = self.embedding("two.Uncorrected")
        (self.folder / "two.npy").write_bytes(original)
        self.write("cells.csv", "name,a,b\nc1,1,2\nc2,3,4\nc3,5,6\n")
        self.write("meta.csv", "cell,batch\nc1,x\nc2,y\nc3,y\n")
        self.write("other.csv", "cell,p,q,r\nc3,5,6,0\nc1,1,2,0\nc2,3,4,1\n")
        self.write("short.csv", "cell,p\nc3,5\nc1,1\n")
        params = {"cells": "cells.csv", "metadata": "meta.csv", "batch_column": "batch", "row_names": True}
        self.config["datasets"].append({"label": "named", "type": "table", "params": params})
        for label, file in {"npy": "{dataset}.npy", "csv": "other.csv", "short": "short.csv"}.items():
            self.config["methods"].append({"label": label, "type": "embedding", "params": {"file": file}})
        self.config["exclude"] = [{"match": match, "reason": "is of the other"}
                                  for match in ("two.csv", "two.short", "named.npy")]
        self.assertEqual(self.run_config().returncode, 3)
        self.assertEqual(self.embedding("two.npy"), original)
        self.assertIn("short.csv: has 2 rows, the dataset has 3 cells", self.point("named.short")["reason"])
        self.assertEqual(struct.unpack("<9d", self.embedding("named.csv")[-72:]), (1, 2, 0, 3, 4, 1, 5, 6, 0))
        self.config["methods"].append({"label": "none", "type": "embedding"})
        self.assertIn("one of the two must be given", self.fault())

    def test_new_method_and_check_method(self):
        self.assertEqual(self.program("new-method", "mine").returncode, 0)
        self.assertNotEqual(self.program("new-method", "mine").returncode, 0)
        self.assertIn("ok, 7 points", self.program("validate", "mine.config.json").stdout)
        self.assertEqual(self.program("check-method", "mine.config.json").returncode, 2)
        self.add("good", UNCHANGED)
        self.add("draws", "import random\nvalues[0] = random.random()\nsave((n, f), values)\necho()\n", python=True)
        output = self.program("check-method", self.config_file(), "--allow-commands")
        self.assertEqual(output.returncode, 1, output.stdout)
        good, draws = output.stdout.split("draws {}")
        self.assertNotIn("BROKEN", good)
        self.assertIn("seed 0 again: other values than before", draws)
        self.add("broken", "raise SystemExit('no such package')\n", python=True)
        output = self.program("check-method", self.config_file(), "--allow-commands")
        self.assertEqual(output.returncode, 1, output.stderr)
        output = output.stdout
        self.assertEqual(output.count("no such package"), 1, output)  # said once, not for every dataset
        self.assertIn("BROKEN  a single batch, seed 1: the same", output)


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
