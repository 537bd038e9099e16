"""Who stands for a method, what a row is about, and that labels stay apart."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from bcbench_report.scatter import mixed_layers
from bcbench_report.style import distinct
from conftest import run_report
from pages import Page
from sample import Sample


def page_of(sample: Sample, directory: Path) -> Page:
    outcome = run_report(sample.write(directory))
    assert outcome.returncode == 0, outcome.stderr
    return Page(directory / "report" / "report.html")


def swept(sample: Sample, keys: dict[str, list[float]]) -> list[str]:
    return [
        sample.point(
            "two",
            "Harmony",
            {"mean_shift": 1.0 + place / 8, "reconstruction_loss": 2.0},
            {key: value},
            suffix=f"{key}={value}",
        )
        for key, values in keys.items()
        for place, value in enumerate(values)
    ]


def test_the_run_says_which_point_stands_for_a_method(tmp_path: Path) -> None:
    sample = Sample()
    points = swept(sample, {"n_iterations": [1, 5, 10]})
    sample.point("two", "Other", {"mean_shift": 9.0})
    sample.manifest["base_points"] = [points[2], "two.Other"]
    table = page_of(sample, tmp_path / "results").table("Batch means")
    assert table.column("method") == ["Harmony (n_iterations = 10)", "Other"]
    assert table.column("mean_shift") == ["1.2500 ★", "9.0000"]


def test_a_swept_method_is_not_left_out_for_another_of_its_type(tmp_path: Path) -> None:
    sample = Sample()
    sample.method("MMD", "mmd_autoencoder")
    sample.method("MMD trained", "mmd_autoencoder")
    base = sample.point("two", "MMD", {"mean_shift": 2.0})
    trained = []
    for weight in (1, 2):
        params = {"train.mmd_weight": weight}
        trained.append(sample.point("two", "MMD trained", {"mean_shift": 1.0}, params, suffix=f"w={weight}"))
    sample.manifest["base_points"] = [base, trained[1]]
    table = page_of(sample, tmp_path / "results").table("Batch means")
    assert table.column("method") == ["MMD", "MMD trained (train.mmd_weight = 2)"]


def test_random_networks_are_called_so(tmp_path: Path) -> None:
    sample = Sample()
    sample.point("two", "Harmony", {"batch_mixing_entropy": 0.1})
    sample.point("two", "MMD", {"batch_mixing_entropy": 0.4, "reconstruction_loss": 2.0})
    trained = sample.point("two", "MMD trained", {"batch_mixing_entropy": 0.5, "reconstruction_loss": 1.0})
    sample.points[trained]["method"]["train"] = {"steps": 9}
    text = page_of(sample, tmp_path / "results").text
    assert text.count("Not trained: MMD. A random network corrects nothing") == 2


def test_a_parameter_that_a_part_of_a_sweep_leaves_alone_has_its_value(tmp_path: Path) -> None:
    sample = Sample()
    for point in swept(sample, {"sigma": [0.2, 0.3], "n_iterations": [4, 5]}):
        params = {"sigma": 0.1, "n_iterations": 10}
        sample.points[point]["method"]["params"] = params | sample.points[point]["method"]["params"]
    page = page_of(sample, tmp_path / "results")
    table = next(table for table in page.tables if "sigma" in table.columns)
    assert table.column("sigma") == ["0.2", "0.3", "0.1", "0.1"]
    assert table.column("n_iterations") == ["10", "10", "4", "5"]
    assert "but no figure" not in page.text


def test_every_setting_of_a_dataset_has_its_row(tmp_path: Path) -> None:
    sample = Sample()
    for cells in (100, 60):
        outputs = {"shape": [cells, 30], "batch_distribution": [cells // 2] * 2}
        sample.point(
            "two", "Harmony", {"mean_shift": 1.0}, {"dataset.n": cells}, suffix=f"n={cells}", outputs=outputs
        )
    table = page_of(sample, tmp_path / "results").table("Data")
    assert table.column("dataset") == ["two (n = 100)", "two (n = 60)"]
    assert table.column("shape (cells, features)") == ["(100, 30)", "(60, 30)"]


def test_a_dataset_that_could_not_be_read_has_no_shape(tmp_path: Path) -> None:
    sample = Sample()
    point = sample.point("lost", "Harmony", {"mean_shift": None}, status="failed")
    for key in ("n_cells", "n_features", "batches", "types"):
        del sample.points[point]["dataset"][key]
    assert page_of(sample, tmp_path / "results").table("Data").column("shape (cells, features)") == ["–"]


def test_a_count_of_0_is_no_check_that_fails(tmp_path: Path) -> None:
    sample = Sample()
    sample.point("two", "Harmony", {"gradient_finite": 1.0, "gradient_coordinates_skipped": 0.0})
    table = page_of(sample, tmp_path / "results").table("Checks")
    assert table.column("gradient_finite") == ["True"]
    assert table.column("gradient_coordinates_skipped") == ["0"]


@pytest.mark.parametrize("labels", [["a" * 50 + end for end in ("1", "2")], ["b" * 20 + "c" * 30] * 2])
def test_labels_of_a_figure_stay_apart(labels: list[str]) -> None:
    shown = distinct(labels, 30)
    assert len(set(shown)) == 2 and all(len(text) <= 34 for text in shown)


def test_lines_that_are_cut_alike_keep_their_rows(tmp_path: Path) -> None:
    sample = Sample()
    for temperature in (1.25, 1.5):
        for clusters in (5, 10):
            for steps in (1, 2):
                params = {"a_long_name_of_it": clusters, "temperature": temperature, "n_iterations": steps}
                value = clusters + temperature + steps / 8
                suffix = ".".join(f"{key}={value}" for key, value in params.items())
                sample.point("two", "Harmony", {"mean_shift": value}, params, suffix=suffix)
    page_of(sample, tmp_path / "results")
    (figure,) = (tmp_path / "results" / "report" / "figures").glob("sweep*n-iterations*.csv")
    with figure.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert len({(row["line"], row["metric"], row["n_iterations"]) for row in rows}) == 8


def test_cells_are_drawn_in_an_order_that_is_not_that_of_their_batches() -> None:
    layers = mixed_layers(1000)
    assert sorted(cell for layer in layers for cell in layer.tolist()) == list(range(1000))
    assert all(0.2 < (layer < 500).mean() < 0.8 for layer in layers)  # of two batches each layer has both


def test_real_data_have_no_documented_axes_and_say_what_is_suspected_of_them(tmp_path: Path) -> None:
    sample = Sample()
    names = [f"donor{index}" for index in range(20)]
    point = sample.point(
        "real",
        "Uncorrected",
        {f"batch_mean_{index}": float(index) for index in range(20)} | {"mean_shift": 1.0},
        outputs={"shape": [100, 30], "batch_distribution": [5] * 20},
    )
    sample.cells(point, 100, 1.0)
    sample.manifest["warnings"] = [{"dataset": "real", "warning": "column 'barcode' makes 20 batches"}]
    sample.write(tmp_path)
    file = tmp_path / "points" / f"{point}.json"
    about = json.loads(file.read_text())
    about["dataset"] |= {"type": "table", "batches": {"names": names, "sizes": [5] * 20}}
    file.write_text(json.dumps(about))
    assert run_report(tmp_path).returncode == 0
    page = Page(tmp_path / "report" / "report.html")
    assert page.table("Data that may not be what is meant").rows[0][1].kind == "warn"
    means = [cell.text for cell in page.table("Means of the batches").rows[0]]
    assert means[-3:] == ["0.0000", "9.5000", "19.0000"]
    assert "20 labels: smallest 5 (donor0)" in page.table("Data").rows[0][2].text
    figures = {figure.stem for figure in (tmp_path / "report" / "figures").glob("*.svg")}
    assert "pca-batch-real" in figures
    assert "pca-batch-documented-real" not in figures


def test_two_swept_numbers_have_a_map_and_a_long_table_folds(tmp_path: Path) -> None:
    sample = Sample()
    for sigma in (0.1, 0.2, 0.3, 0.4):
        for steps in (1, 2, 4, 8):
            sample.point(
                "two",
                "Harmony",
                {"mean_shift": sigma * steps},
                {"sigma": sigma, "n_iterations": steps},
                suffix=f"sigma={sigma},n={steps}",
            )
    run_report(sample.write(tmp_path))
    assert [file.name for file in (tmp_path / "report" / "figures").glob("sweep-map-*.svg")]
    html = (tmp_path / "report" / "report.html").read_text()
    assert '<summary>Values <span class="hint">(16 rows)</span></summary>' in html
