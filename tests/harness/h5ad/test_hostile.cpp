// Files that are broken or mean harm: each is refused with one sentence that says where and why, and nothing outside
// the file is ever read.
#include <signal.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <limits>

#include "engine/core/checkpoint.hpp"
#include "tests/harness/h5ad/small.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

// The small file after `change`, and the message with which it is refused.
template <class Change>
std::string refused_after(Change change, const std::string& cells = "obsm/X_pca",
                          const std::vector<std::string>& labels = {"donor"}) {
    const TemporaryDirectory directory;
    const std::string path = directory.file("x.h5ad");
    {
        H5File file(path);
        write_small(file);
        change(file, directory);
    }
    return refusal(path, cells, labels);
}

const auto unchanged = [](H5File&, const TemporaryDirectory&) {};

// layers/s, sparse, of these arrays
std::string refused_sparse(const std::vector<std::int64_t>& starts, const std::vector<std::int64_t>& indices,
                           const std::vector<std::int64_t>& shape = {small_n_cells, small_n_features}) {
    return refused_after(
        [&](H5File& file, const TemporaryDirectory&) {
            file.group("layers");
            file.group("layers/s", "csr_matrix");
            file.attribute("layers/s", "shape", shape);
            file.integers("layers/s/indptr", starts);
            file.integers("layers/s/indices", indices);
            file.floats("layers/s/data", {indices.size()}, std::vector<float>(indices.size(), 1.0F));
        },
        "layers/s");
}

std::string of_bytes(const std::string& bytes) {
    const TemporaryDirectory directory;
    return refusal(directory.write("x.h5ad", bytes));
}

}  // namespace

TEST_CASE("h5ad: what is no HDF5 file is named", "[h5ad]") {
    const std::string expected = "; expected an .h5ad file as anndata writes it";
    CHECK(of_bytes("") == "is empty" + expected);
    CHECK(of_bytes("cell,batch\nc1,A\n") == "is no HDF5 file" + expected);
    CHECK(of_bytes("\x1f\x8b\x08") == "is compressed with gzip; gunzip it first" + expected);
    CHECK(of_bytes("PK\x03\x04....") == "is a zip archive; unzip it first" + expected);
    CHECK(of_bytes("<!DOCTYPE html>") == "is a web page or XML, not the data" + expected);
    CHECK(of_bytes("version https://git-lfs") ==
          "is a pointer of Git LFS; fetch the data first (git lfs pull)" + expected);
    CHECK(of_bytes("\x89HDF\r\n\x1a\n") == "the HDF5 library cannot open it: it is truncated, damaged or no HDF5 file");
    const TemporaryDirectory directory;
    CHECK(refusal(directory.file("absent.h5ad")) == "there is no such file");
    std::filesystem::create_directory(directory.file("store.zarr"));
    CHECK(refusal(directory.file("store.zarr")) == "is a directory, expected an .h5ad file");
    directory.write("store.zarr/.zgroup", "{}");
    CHECK(refusal(directory.file("store.zarr")) ==
          "is a zarr store, expected an .h5ad file; anndata.read_zarr(...).write_h5ad(...) makes one");
    REQUIRE(::mkfifo(directory.file("pipe.h5ad").c_str(), 0600) == 0);
    CHECK(refusal(directory.file("pipe.h5ad")) == "is no regular file");
}

TEST_CASE("h5ad: an HDF5 file of another kind is named", "[h5ad]") {
    const TemporaryDirectory directory;
    { const H5File empty(directory.file("x.h5ad")); }
    CHECK(refusal(directory.file("x.h5ad")) == "obs: is not in the file; expected an .h5ad file as anndata writes it");
}

TEST_CASE("h5ad: names that are not there are answered with the nearest", "[h5ad]") {
    CHECK(refused_after(unchanged, "obsm/X_pca", {"doner"}) ==
          "obs: there is no column 'doner' (did you mean 'donor'?); there are 'donor', 'kind', 'count'");
    CHECK(refused_after(unchanged, "obsm/X_pcs") ==
          "there is no matrix 'obsm/X_pcs' (did you mean 'obsm/X_pca'?); there are 'X', 'obsm/X_pca'");
    CHECK(refused_after(unchanged, "obsm/../X").find("there is no matrix 'obsm/../X'") == 0);
}

TEST_CASE("h5ad: links and data outside the file are not followed", "[h5ad]") {
    const auto linked = [](const char* kind) {
        return refused_after([&](H5File& file, const TemporaryDirectory& directory) {
            small_file(directory.file("other.h5ad"));
            file.remove("obsm/X_pca");
            if (kind[0] == 's') H5Lcreate_soft("/obsm/X_pca", file.id(), "obsm/X_pca", H5P_DEFAULT, H5P_DEFAULT);
            if (kind[0] == 'e') {
                H5Lcreate_external(directory.file("other.h5ad").c_str(), "obsm/X_pca", file.id(), "obsm/X_pca",
                                   H5P_DEFAULT, H5P_DEFAULT);
            }
        });
    };
    const std::string rest =
        ", which is not followed; write the data itself with anndata: anndata.read_h5ad(...).write_h5ad(...)";
    CHECK(linked("soft") == "obsm/X_pca: is a soft link" + rest);
    CHECK(linked("external") == "obsm/X_pca: is a link to another file" + rest);
    CHECK(refused_after([](H5File& file, const TemporaryDirectory&) {
              file.remove("obs");
              H5Lcreate_soft("/obs2", file.id(), "obs", H5P_DEFAULT, H5P_DEFAULT);
          }) == "obs: is a soft link" + rest);
    // bytes of any file of the machine
    CHECK(refused_after(
              [](H5File& file, const TemporaryDirectory& directory) {
                  directory.write("secret", std::string(120, 'x'));
                  const hsize_t extents[2] = {small_n_cells, 3};
                  const Handle space = made(H5Screate_simple(2, extents, nullptr), H5Sclose);
                  const Handle creation = made(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
                  H5Pset_external(creation.get(), directory.file("secret").c_str(), 0, 120);
                  made(H5Dcreate2(file.id(), "obsm/e", H5T_IEEE_F32LE, space.get(), H5P_DEFAULT, creation.get(),
                                  H5P_DEFAULT),
                       H5Dclose);
              },
              "obsm/e") ==
          "obsm/e: has its data in another file (external storage), which is not read; write it with anndata");
    CHECK(refused_after(
              [](H5File& file, const TemporaryDirectory& directory) {
                  small_file(directory.file("other.h5ad"));
                  const hsize_t extents[2] = {small_n_cells, small_n_dimensions};
                  const Handle space = made(H5Screate_simple(2, extents, nullptr), H5Sclose);
                  const Handle creation = made(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
                  H5Pset_virtual(creation.get(), space.get(), directory.file("other.h5ad").c_str(), "obsm/X_pca",
                                 space.get());
                  made(H5Dcreate2(file.id(), "obsm/v", H5T_IEEE_F32LE, space.get(), H5P_DEFAULT, creation.get(),
                                  H5P_DEFAULT),
                       H5Dclose);
              },
              "obsm/v") ==
          "obsm/v: is put together from other files (a virtual dataset), which are not read; write it with anndata");
}

TEST_CASE("h5ad: a hard link back to the root is a group like any other", "[h5ad]") {
    CHECK(refused_after(
              [](H5File& file, const TemporaryDirectory&) {
                  H5Lcreate_hard(file.id(), "/", file.id(), "obsm/loop", H5P_DEFAULT, H5P_DEFAULT);
              },
              "obsm/loop") == "obsm/loop: has the encoding 'anndata', expected a dense or sparse (csr, csc) matrix");
}

TEST_CASE("h5ad: sizes that cannot be are refused before anything is allocated", "[h5ad]") {
    const auto shaped = [](hsize_t rows, hsize_t columns, const H5Storage& storage) {
        return refused_after(
            [&](H5File& file, const TemporaryDirectory&) {
                file.array("obsm/big", H5T_IEEE_F32LE, {rows, columns}, nullptr, storage);
            },
            "obsm/big");
    };
    constexpr hsize_t huge = hsize_t{1} << 60;
    CHECK(shaped(huge, 1, {{1 << 20, 1}}) == "obsm/big: has 1,152,921,504,606,846,976 rows, but obs has 10 cells");
    CHECK(shaped(10, huge / 64, {{1, 1 << 20}}) == "obsm/big: would take 720.6 PB of memory, the limit is 1.1 GB");
    CHECK(shaped(10, 20'000'000, {{10, 20'000}}) ==
          "obsm/big: the chunk at row 0, column 0 was never written, or the file is damaged");
    CHECK(shaped(10, 20'000'000, {{1, 2}}).find("obsm/big: would have 100,000,000 chunks, the file has ") == 0);
    CHECK(shaped(10, 3, {{4, 2}}) ==
          "obsm/big: the chunk at row 0, column 0 was never written, or the file is damaged");
    CHECK(shaped(10, 3, {}) == "obsm/big: was never written; the file holds its shape only");
    CHECK(refused_after(
              [](H5File& file, const TemporaryDirectory&) {
                  file.array("obsm/big", H5T_IEEE_F32LE, {10, 3}, nullptr, {{1 << 14, 1 << 15}});
              },
              "obsm/big") == "obsm/big: has chunks of 2.1 GB, at most 1.1 GB are read");
}

TEST_CASE("h5ad: a chunk that inflates beyond the memory it may take is refused", "[h5ad]") {
    // 40 MB of zeros in 40 kB of gzip: legal, but not with a limit of 20 MB
    const TemporaryDirectory directory;
    const std::string path = directory.file("x.h5ad");
    {
        H5File file(path);
        write_small(file);
        const std::vector<float> zeros(10 * 1'000'000);
        file.floats("obsm/bomb", {10, 1'000'000}, zeros, {{10, 1'000'000}, true});
    }
    H5adRequest request = small_request("obsm/bomb");
    request.limits.memory = 20'000'000;
    CHECK(error_of([&] { read_h5ad<double>(path, request); }) ==
          path + ": obsm/bomb: would take 40.0 MB of memory, the limit is 20.0 MB");
    request.limits.memory = 0;
    CHECK(read_h5ad<float>(path, request).cells.n_elem == 10'000'000);
}

TEST_CASE("h5ad: a chunk shorter than its shape is refused, also without filters", "[h5ad]") {
    const TemporaryDirectory directory;
    const std::string path = small_file(directory.file("x.h5ad"), {}, {{4, 2}});
    std::string bytes = contents(path);
    const std::string node = {'T', 'R', 'E', 'E',
                              1};  // the index of chunks; 24 bytes on, the size of the first: 4 x 2 x 4
    const std::size_t at = bytes.find(node);
    REQUIRE(bytes[at + 24] == 32);
    bytes[at + 24] = 20;
    CHECK(of_bytes(bytes) == "obsm/X_pca: a chunk does not have the size it must have; the file is damaged");
}

TEST_CASE("h5ad: arrays that do not fit together are refused", "[h5ad]") {
    CHECK(refused_after(
              [](H5File& file, const TemporaryDirectory&) {
                  file.floats("obsm/short", {9, 3}, small_cells(9, 3));
              },
              "obsm/short") == "obsm/short: has 9 rows, but obs has 10 cells");
    CHECK(refused_after(
              [](H5File& file, const TemporaryDirectory&) { file.floats("obsm/flat", {10}, small_cells(10, 1)); },
              "obsm/flat") == "obsm/flat: has 1 dimension, expected 2: one row per cell");
    CHECK(refused_after(
              [](H5File& file, const TemporaryDirectory&) {
                  file.floats("obsm/cube", {10, 3, 2}, small_cells(10, 6));
              },
              "obsm/cube") == "obsm/cube: has 3 dimensions, expected 1 or 2");
    CHECK(refused_after(
              [](H5File& file, const TemporaryDirectory&) {
                  file.remove("obs/kind");
                  file.texts("obs/kind", {"a", "b"});
              },
              "obsm/X_pca", {"kind"}) == "obs/kind: has 2 elements, expected 10");
    CHECK(refused_after([](H5File& file, const TemporaryDirectory&) { file.remove("obs/kind"); }, "obsm/X_pca",
                        {"kind"}) == "obs/kind: is listed as a column, but is not in the file; it is damaged");
    CHECK(refused_after(
              [](H5File& file, const TemporaryDirectory&) {
                  file.remove("var/_index");
                  file.texts("var/_index", {"g0", "g1", "g2"});
              },
              "X") == "X: has 4 columns, but there are names of 3 features");
    CHECK(refused_after([](H5File& file, const TemporaryDirectory&) {
              file.remove("obsm/X_pca");
              file.texts("obsm/X_pca", std::vector<std::string>(10, "1.5"));
          }) == "obsm/X_pca: has 1 dimension, expected 2: one row per cell");
    CHECK(
        refused_after([](H5File& file, const TemporaryDirectory&) { file.group("obsm/df", "dataframe"); }, "obsm/df") ==
        "obsm/df: is a data frame, expected a matrix; in Python: adata.obsm[...] = adata.obsm[...].to_numpy()");
}

TEST_CASE("h5ad: codes and numbers that stand for nothing are refused", "[h5ad]") {
    const auto with_codes = [](std::int64_t code) {
        return refused_after([&](H5File& file, const TemporaryDirectory&) {
            file.remove("obs/donor");
            file.categorical("obs/donor", {0, 1, 0, 1, 0, 1, 0, 1, 0, code}, {"A", "B"});
        });
    };
    CHECK(with_codes(2) == "obs/donor/codes: row 9 has the code 2, but there are 2 categories; the file is damaged");
    CHECK(with_codes(-2) == "obs/donor/codes: row 9 has the code -2, but there are 2 categories; the file is damaged");
    CHECK(refused_after(
              [](H5File& file, const TemporaryDirectory&) {
                  std::vector<float> cells = small_cells(10, 3);
                  cells[16] = std::numeric_limits<float>::quiet_NaN();
                  file.floats("obsm/nan", {10, 3}, cells);
              },
              "obsm/nan") ==
          "obsm/nan: has the value nan at cell 5, column 1 (both from 0); all values must be finite");
    CHECK(refused_after(
              [](H5File& file, const TemporaryDirectory&) {
                  const std::vector<std::int64_t> large(10, (std::int64_t{1} << 53) + 1);
                  file.array("obsm/large", H5T_NATIVE_INT64, {10, 1}, large.data());
              },
              "obsm/large") == "obsm/large: holds the integer 9007199254740993, which no float holds exactly");
    CHECK(refused_after(
              [](H5File& file, const TemporaryDirectory&) {
                  file.remove("obs/kind");
                  const std::vector<float> numbers(10, 1.5F);
                  file.floats("obs/kind", {10}, numbers);
              },
              "obsm/X_pca", {"kind"}) ==
          "obs/kind: holds the number 1.5 at row 0; labels are texts, categories, booleans or whole numbers");
    CHECK(refused_after(
              [](H5File& file, const TemporaryDirectory&) {
                  file.remove("obs/kind");
                  file.texts("obs/kind", std::vector<std::string>(10, "caf\xe9"));
              },
              "obsm/X_pca", {"kind"}) == "obs/kind: holds 'caf\\xe9', which is no UTF-8 text");
    CHECK(refused_after(
              [](H5File& file, const TemporaryDirectory&) {
                  file.remove("obs/kind");
                  const Handle type = h5_boolean_type();
                  const signed char values[10] = {0, 1, 0, 1, 7, 0, 0, 0, 0, 0};
                  file.array("obs/kind", type.get(), {10}, values);
              },
              "obsm/X_pca", {"kind"}) == "obs/kind: holds 7, expected a boolean, 0 or 1; the file is damaged");
}

TEST_CASE("h5ad: a double beyond the range of a float is refused where floats are asked for", "[h5ad]") {
    const TemporaryDirectory directory;
    const std::string path = directory.file("x.h5ad");
    {
        H5File file(path);
        write_small(file);
        std::vector<double> values(10, 1.0);
        values[7] = 1e200;
        file.array("obsm/wide", H5T_NATIVE_DOUBLE, {10, 1}, values.data());
        file.group("obsm/sparse", "csr_matrix");
        file.attribute("obsm/sparse", "shape", std::vector<std::int64_t>{10, 2});
        file.integers("obsm/sparse/indptr", {0, 0, 1, 1, 3, 3, 3, 3, 3, 3, 3});
        file.integers("obsm/sparse/indices", {0, 0, 1});
        const double entries[] = {1.0, -1e200, 1.0};
        file.array("obsm/sparse/data", H5T_NATIVE_DOUBLE, {3}, entries);
    }
    const auto message = [&](const char* cells) {
        return error_of([&] { read_h5ad<float>(path, small_request(cells)); }).substr(path.size());
    };
    CHECK(message("obsm/wide") == ": obsm/wide: has a value at cell 7 that is beyond the range of float32");
    CHECK(message("obsm/sparse") == ": obsm/sparse: has a value at cell 3 that is beyond the range of float32");
    CHECK(read_h5ad<double>(path, small_request("obsm/wide")).cells(0, 7) == 1e200);
}

TEST_CASE("h5ad: sparse matrices whose arrays lie are refused", "[h5ad]") {
    const std::vector<std::int64_t> starts = {0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2};
    CHECK(refused_sparse(starts, {0, 4}) == "layers/s/indices: entry 1 has the index 4, expected 0 to 3");
    CHECK(refused_sparse(starts, {-1, 3}) == "layers/s/indices: entry 0 has the index -1, expected 0 to 3");
    CHECK(refused_sparse(starts, {0, (std::int64_t{1} << 32) + 1}) ==
          "layers/s/indices: entry 1 has the index 4294967297, expected 0 to 3");
    CHECK(refused_sparse({0, 2, 1, 2, 2, 2, 2, 2, 2, 2, 2}, {0, 1}) ==
          "layers/s/indptr: decreases from 2 to 1 at cell 1");
    CHECK(refused_sparse({1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}, {0, 1}) == "layers/s/indptr: begins with 1, expected 0");
    CHECK(refused_sparse({0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3}, {0, 1}) ==
          "layers/s/indptr: ends with 3, but there are 2 entries");
    CHECK(refused_sparse({0, 2}, {0, 1}) == "layers/s/indptr: has 2 elements, expected 11");
    CHECK(refused_sparse(starts, {0, 1}, {small_n_cells, std::int64_t{1} << 62}) ==
          "layers/s: has 4611686018427387904 columns, more than can be read");
    CHECK(refused_sparse(starts, {0, 1}, {-10, 4}) ==
          "layers/s: needs an attribute 'shape' of two numbers; the file is damaged");
}

TEST_CASE("h5ad: filters that are not supported are named with a remedy", "[h5ad]") {
    // a filter of the number of blosc that does nothing
    const H5Z_class2_t nothing = {
        H5Z_CLASS_T_VERS,
        32001,
        1,
        1,
        "nothing",
        nullptr,
        nullptr,
        [](unsigned, std::size_t, const unsigned*, std::size_t bytes, std::size_t*, void**) { return bytes; }};
    REQUIRE(H5Zregister(&nothing) >= 0);
    CHECK(refused_after(
              [](H5File& file, const TemporaryDirectory&) {
                  const hsize_t extents[2] = {10, 3};
                  const Handle space = made(H5Screate_simple(2, extents, nullptr), H5Sclose);
                  const Handle creation = made(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
                  H5Pset_chunk(creation.get(), 2, extents);
                  H5Pset_filter(creation.get(), 32001, 0, 0, nullptr);
                  const Handle array = made(H5Dcreate2(file.id(), "obsm/b", H5T_IEEE_F32LE, space.get(), H5P_DEFAULT,
                                                       creation.get(), H5P_DEFAULT),
                                            H5Dclose);
                  H5Dwrite(array.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, small_cells(10, 3).data());
              },
              "obsm/b") ==
          "obsm/b: is compressed with the filter blosc, which is not supported (gzip, lzf and zstd are); rewrite the "
          "file: anndata.read_h5ad(...).write_h5ad(..., compression=\"gzip\")");
}

TEST_CASE("h5ad: a worker that dies or stands still is a sentence", "[h5ad]") {
    const TemporaryDirectory directory;
    const std::string file = small_file(directory.file("x.h5ad"));
    const auto with_worker = [&](const std::string& script, unsigned stall_seconds) {
        const std::string program = directory.write("worker", "#!/bin/sh\n" + script + "\n");
        std::filesystem::permissions(program, std::filesystem::perms::owner_all);
        H5adRequest request = small_request();
        request.limits.program = program;
        request.limits.stall_seconds = stall_seconds;
        return error_of([&] { read_h5ad<double>(file, request); }).substr(file.size());
    };
    CHECK(with_worker("kill -SEGV $$", 5) == ": damaged: the HDF5 library stopped with signal 11 (Segmentation fault)");
    CHECK(with_worker("kill -ALRM $$", 5) == ": damaged: the HDF5 library made no progress for 5 seconds");
    CHECK(with_worker("kill -KILL $$", 5) ==
          ": the process reading it was killed, most likely because the machine is out of memory");
    CHECK(with_worker("exit 7", 5) == ": damaged: the process reading it ended with code 7 and gave no answer");
    CHECK(with_worker("printf 'nonsense' >&6", 5) ==
          ": damaged: the process reading it ended with code 0 and gave no answer");
    // eight bytes of length, then JSON without what must be in it
    CHECK(with_worker("printf '\\002\\000\\000\\000\\000\\000\\000\\000{}' >&6", 5).find("makes no sense") !=
          std::string::npos);
}

TEST_CASE("h5ad: a fault while the worker runs ends it", "[h5ad]") {
    struct Stop {};
    const TemporaryDirectory directory;
    const std::string file = small_file(directory.file("x.h5ad"));
    const std::string program =
        directory.write("worker", "#!/bin/sh\necho $$ > '" + directory.file("id") + "'\nexec sleep 60\n");
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    H5adRequest request = small_request();
    request.limits.program = program;
    {
        const CheckpointScope scope([&] {
            if (contents(directory.file("id")).ends_with("\n")) throw Stop();
        });
        CHECK_THROWS_AS(read_h5ad<double>(file, request), Stop);
    }
    const int id = std::stoi(contents(directory.file("id")));
    CHECK(::kill(id, 0) != 0);
}
