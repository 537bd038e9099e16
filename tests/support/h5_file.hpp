// Small HDF5 files written with the library itself: as AnnData lays them out, and wrong ones.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "experiments/h5ad/worker/hdf.hpp"

namespace bcbench::testing {

using h5ad::Handle;

inline Handle made(hid_t id, herr_t (*close)(hid_t)) {
    if (id < 0) throw std::runtime_error("the test's own file cannot be written");
    return {id, close};
}

inline Handle h5_text_type() {
    Handle type = made(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(type.get(), H5T_VARIABLE);
    H5Tset_cset(type.get(), H5T_CSET_UTF8);
    return type;
}

inline Handle h5_boolean_type() {
    Handle type = made(H5Tenum_create(H5T_STD_I8LE), H5Tclose);
    const signed char no = 0, yes = 1;
    H5Tenum_insert(type.get(), "FALSE", &no);
    H5Tenum_insert(type.get(), "TRUE", &yes);
    return type;
}

/// How an array is stored.
struct H5Storage {
    std::vector<hsize_t> chunk;  // empty: in one piece
    bool gzip = false, shuffle = false, fletcher32 = false, compact = false;
};

/// A file being written; closed at the end of its life.
class H5File {
  public:
    explicit H5File(const std::string& path, bool latest = false)
        : access_(made(H5Pcreate(H5P_FILE_ACCESS), H5Pclose)), file_(create(path, latest)) {}

    hid_t id() const { return file_.get(); }

    void group(const std::string& path, const std::string& encoding = "") {
        const Handle group = made(H5Gcreate2(id(), path.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
        if (!encoding.empty()) attribute(path, "encoding-type", {encoding});
    }

    /// One text, or a list of them.
    void attribute(const std::string& path, const char* name, const std::vector<std::string>& texts) {
        const Handle object = made(H5Oopen(id(), path.c_str(), H5P_DEFAULT), H5Oclose);
        const Handle type = h5_text_type();
        const hsize_t count = texts.size();
        const Handle space =
            made(texts.size() == 1 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &count, nullptr), H5Sclose);
        const Handle attribute =
            made(H5Acreate2(object.get(), name, type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
        std::vector<const char*> pointers;
        for (const std::string& text : texts) pointers.push_back(text.c_str());
        H5Awrite(attribute.get(), type.get(), pointers.data());
    }

    void attribute(const std::string& path, const char* name, const std::vector<std::int64_t>& values) {
        const Handle object = made(H5Oopen(id(), path.c_str(), H5P_DEFAULT), H5Oclose);
        const hsize_t count = values.size();
        const Handle space = made(H5Screate_simple(1, &count, nullptr), H5Sclose);
        const Handle attribute =
            made(H5Acreate2(object.get(), name, H5T_STD_I64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
        H5Awrite(attribute.get(), H5T_NATIVE_INT64, values.data());
    }

    /// `values` are of the type `memory`, which is also that on disk unless `disk` is given; nullptr: only the shape.
    void array(const std::string& path, hid_t memory, const std::vector<hsize_t>& extents, const void* values,
               const H5Storage& storage = {}, hid_t disk = H5I_INVALID_HID) {
        // chunks larger than the array are for arrays that may grow
        std::vector<hsize_t> most = extents;
        for (std::size_t i = 0; i < storage.chunk.size(); ++i) {
            if (storage.chunk[i] > extents[i]) most[i] = H5S_UNLIMITED;
        }
        const Handle space =
            made(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), most.data()), H5Sclose);
        const Handle creation = made(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
        if (!storage.chunk.empty()) {
            H5Pset_chunk(creation.get(), static_cast<int>(storage.chunk.size()), storage.chunk.data());
        }
        if (storage.shuffle) H5Pset_shuffle(creation.get());
        if (storage.gzip) H5Pset_deflate(creation.get(), 4);
        if (storage.fletcher32) H5Pset_fletcher32(creation.get());
        if (storage.compact) H5Pset_layout(creation.get(), H5D_COMPACT);
        const Handle array = made(H5Dcreate2(id(), path.c_str(), disk < 0 ? memory : disk, space.get(), H5P_DEFAULT,
                                             creation.get(), H5P_DEFAULT),
                                  H5Dclose);
        if (values != nullptr && H5Dwrite(array.get(), memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) {
            throw std::runtime_error("the test's own array cannot be written");
        }
    }

    void floats(const std::string& path, const std::vector<hsize_t>& extents, const std::vector<float>& values,
                const H5Storage& storage = {}) {
        array(path, H5T_NATIVE_FLOAT, extents, values.data(), storage, H5T_IEEE_F32LE);
    }

    void integers(const std::string& path, const std::vector<std::int64_t>& values, hid_t disk = H5T_STD_I64LE,
                  const H5Storage& storage = {}) {
        array(path, H5T_NATIVE_INT64, {values.size()}, values.data(), storage, disk);
    }

    void texts(const std::string& path, const std::vector<std::string>& values, const H5Storage& storage = {}) {
        std::vector<const char*> pointers;
        for (const std::string& text : values) pointers.push_back(text.c_str());
        const Handle type = h5_text_type();
        H5Storage without_checksum = storage;  // the library gives texts none
        without_checksum.fletcher32 = false;
        array(path, type.get(), {values.size()}, pointers.data(), without_checksum);
    }

    void categorical(const std::string& path, const std::vector<std::int64_t>& codes,
                     const std::vector<std::string>& categories, const H5Storage& storage = {}) {
        group(path, "categorical");
        integers(path + "/codes", codes, H5T_STD_I8LE, storage);
        texts(path + "/categories", categories, storage);
    }

    void remove(const std::string& path) { H5Ldelete(id(), path.c_str(), H5P_DEFAULT); }

  private:
    Handle create(const std::string& path, bool latest) {
        if (latest) H5Pset_libver_bounds(access_.get(), H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
        return made(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access_.get()), H5Fclose);
    }
    Handle access_;
    Handle file_;
};

/// Cells of the small file: value(i, j) = i + j / 8, cell i, dimension j.
inline std::vector<float> small_cells(std::size_t n_cells, std::size_t n_dimensions) {
    std::vector<float> values;
    for (std::size_t i = 0; i < n_cells; ++i) {
        for (std::size_t j = 0; j < n_dimensions; ++j) {
            values.push_back(static_cast<float>(i) + static_cast<float>(j) / 8.0F);
        }
    }
    return values;
}

inline constexpr std::size_t small_n_cells = 10, small_n_dimensions = 3, small_n_features = 4;

/// 10 cells c0..c9 of donors B, A, B, A, ... ("A", "B", and "C", which does not occur), with obs columns donor
/// (categorical), kind (texts, t0 or t1), count (integers, 10 i); obsm/X_pca [10 x 3]; X [10 x 4] sparse (csr), cell i
/// has i + 1 at feature i % 4; var g0..g3.
inline void write_small(H5File& file, const H5Storage& vectors = {}, const H5Storage& matrices = {}) {
    std::vector<std::int64_t> donors, counts, starts = {0}, features;
    std::vector<std::string> names, kinds;
    std::vector<float> values;
    for (std::size_t i = 0; i < small_n_cells; ++i) {
        const auto number = static_cast<std::int64_t>(i);
        names.push_back("c" + std::to_string(i));
        kinds.push_back(i < 4 ? "t0" : "t1");
        donors.push_back(i % 2 == 0 ? 1 : 0);
        counts.push_back(10 * number);
        starts.push_back(number + 1);
        features.push_back(number % static_cast<std::int64_t>(small_n_features));
        values.push_back(static_cast<float>(i + 1));
    }
    file.attribute("/", "encoding-type", std::vector<std::string>{"anndata"});
    file.group("obs", "dataframe");
    file.attribute("obs", "_index", std::vector<std::string>{"_index"});
    file.attribute("obs", "column-order", std::vector<std::string>{"donor", "kind", "count"});
    file.texts("obs/_index", names, vectors);
    file.categorical("obs/donor", donors, {"A", "B", "C"}, vectors);
    file.texts("obs/kind", kinds, vectors);
    file.integers("obs/count", counts, H5T_STD_I64LE, vectors);
    file.group("var", "dataframe");
    file.attribute("var", "_index", std::vector<std::string>{"_index"});
    file.texts("var/_index", {"g0", "g1", "g2", "g3"}, vectors);
    file.group("obsm", "dict");
    file.floats("obsm/X_pca", {small_n_cells, small_n_dimensions}, small_cells(small_n_cells, small_n_dimensions),
                matrices);
    file.group("X", "csr_matrix");
    file.attribute("X", "shape", std::vector<std::int64_t>{small_n_cells, small_n_features});
    file.integers("X/indptr", starts, H5T_STD_I32LE, vectors);
    file.integers("X/indices", features, H5T_STD_I32LE, vectors);
    file.floats("X/data", {small_n_cells}, values, vectors);
}

inline std::string small_file(const std::string& path, const H5Storage& vectors = {}, const H5Storage& matrices = {},
                              bool latest = false) {
    H5File file(path, latest);
    write_small(file, vectors, matrices);
    return path;
}

}  // namespace bcbench::testing
