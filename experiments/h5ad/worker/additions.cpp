#include "experiments/h5ad/worker/additions.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "experiments/h5ad/sizes.hpp"
#include "experiments/h5ad/worker/columns.hpp"

namespace bcbench::h5ad {

namespace {

constexpr const char* cannot_write = "cannot be written; the file is damaged, or the disk is full";

Handle checked(Handle handle, const std::string& path) {
    if (!handle.valid()) fail(path, cannot_write);
    return handle;
}

// Texts of variable length in UTF-8, as h5py writes them.
Handle text_type() {
    Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(type.get(), H5T_VARIABLE);
    H5Tset_cset(type.get(), H5T_CSET_UTF8);
    return type;
}

void set_attribute(const Handle& object, const char* name, const std::string& value, const std::string& path) {
    const Handle type = text_type();
    const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    const Handle attribute =
        checked({H5Acreate2(object.get(), name, type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose}, path);
    const char* text = value.c_str();
    if (H5Awrite(attribute.get(), type.get(), &text) < 0) fail(path, cannot_write);
}

void set_encoding(const Handle& object, const char* type, const char* version, const std::string& path) {
    set_attribute(object, "encoding-type", type, path);
    set_attribute(object, "encoding-version", version, path);
}

Handle new_group(hid_t parent, const std::string& name, const std::string& path) {
    Handle group = checked({H5Gcreate2(parent, name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose}, path);
    set_encoding(group, "dict", "0.1.0", path);
    return group;
}

void new_array(hid_t parent, const std::string& name, const Handle& type, const std::vector<hsize_t>& extents,
               const void* values, const char* encoding, const std::string& path) {
    const Handle space(extents.empty() ? H5Screate(H5S_SCALAR)
                                       : H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr),
                       H5Sclose);
    const Handle array = checked(
        {H5Dcreate2(parent, name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Dclose},
        path);
    const bool empty = std::find(extents.begin(), extents.end(), hsize_t{0}) != extents.end();
    if (!empty && H5Dwrite(array.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
        fail(path, cannot_write);
    set_encoding(array, encoding, "0.2.0", path);
}

Handle number_type(hid_t native) { return {H5Tcopy(native), H5Tclose}; }

// FALSE and TRUE over int8, as h5py writes booleans.
Handle boolean_type() {
    Handle type(H5Tenum_create(H5T_STD_I8LE), H5Tclose);
    const signed char no = 0, yes = 1;
    H5Tenum_insert(type.get(), "FALSE", &no);
    H5Tenum_insert(type.get(), "TRUE", &yes);
    return type;
}

void write_list(hid_t parent, const std::string& name, const nlohmann::json& list, const std::string& path) {
    const std::vector<hsize_t> extents = {list.size()};
    const auto all = [&](bool (nlohmann::json::*is)() const noexcept) {
        return std::all_of(list.begin(), list.end(), [&](const nlohmann::json& value) { return (value.*is)(); });
    };
    if (!list.empty() && all(&nlohmann::json::is_string)) {
        const auto texts = list.get<std::vector<std::string>>();
        std::vector<const char*> pointers;
        for (const std::string& text : texts) pointers.push_back(text.c_str());
        return new_array(parent, name, text_type(), extents, pointers.data(), "string-array", path);
    }
    if (!list.empty() && all(&nlohmann::json::is_number_integer)) {
        const auto numbers = list.get<std::vector<std::int64_t>>();
        return new_array(parent, name, number_type(H5T_STD_I64LE), extents, numbers.data(), "array", path);
    }
    if (!all(&nlohmann::json::is_number))
        fail(path, "is a list of several kinds; texts alone or numbers alone can be written");
    const auto numbers = list.get<std::vector<double>>();
    new_array(parent, name, number_type(H5T_IEEE_F64LE), extents, numbers.data(), "array", path);
}

std::string link_name(std::string name) {
    std::replace(name.begin(), name.end(), '/', '_');
    return name.empty() || name == "." || name == ".." ? "_" : name;
}

void write_value(hid_t parent, const std::string& key, const nlohmann::json& value, const std::string& place) {
    const std::string name = link_name(key), path = place + "/" + name;
    if (value.is_object()) {
        const Handle group = new_group(parent, name, path);
        for (const auto& [inner, inner_value] : value.items()) write_value(group.get(), inner, inner_value, path);
    } else if (value.is_array()) {
        write_list(parent, name, value, path);
    } else if (value.is_string()) {
        const auto text = value.get<std::string>();
        const char* pointer = text.c_str();
        new_array(parent, name, text_type(), {}, &pointer, "string", path);
    } else if (value.is_boolean()) {
        const signed char number = value.get<bool>() ? 1 : 0;
        new_array(parent, name, boolean_type(), {}, &number, "numeric-scalar", path);
    } else if (value.is_number_integer()) {
        const auto number = value.get<std::int64_t>();
        new_array(parent, name, number_type(H5T_STD_I64LE), {}, &number, "numeric-scalar", path);
    } else if (value.is_number()) {
        const auto number = value.get<double>();
        new_array(parent, name, number_type(H5T_IEEE_F64LE), {}, &number, "numeric-scalar", path);
    }  // null: nothing to say
}

// The group of that name in the root, made if there is none.
Handle root_group(const File& file, const std::string& name) {
    const ObjectKind kind = kind_of(file, name);
    if (kind == ObjectKind::absent) return new_group(file.id(), name, name);
    if (kind != ObjectKind::group) {
        fail(name,
             "is one table, as AnnData wrote it until version 0.6, and takes no more entries; "
             "anndata.read_h5ad(...).write_h5ad(...) brings the file up to date");
    }
    return open_object(file, name);
}

// The rows of the file that the embeddings' rows belong to.
std::vector<std::size_t> rows_of(const nlohmann::json& question, const Inbox& enclosed, std::size_t n_cells) {
    const std::size_t count = question.at("n_cells");
    std::vector<std::size_t> rows(count);
    std::iota(rows.begin(), rows.end(), std::size_t{0});
    if (!question.at("rows").is_null()) {
        const auto* given = enclosed.array<std::uint64_t>(question.at("rows"), count);
        std::copy_n(given, count, rows.begin());
    } else if (count != n_cells && !question.at("embeddings").empty()) {
        fail("obs", "has " + count_text(n_cells) + " cells, but the embeddings have " + count_text(count));
    }
    for (const std::size_t row : rows) {
        if (row >= n_cells && !question.at("embeddings").empty()) {
            fail("obs", "has " + count_text(n_cells) + " cells, none with the row number " + std::to_string(row));
        }
    }
    return rows;
}

// The library puts what is new where the file ends by its own account: before its real end that would be over old data.
void require_end(const File& file) {
    haddr_t end = 0;
    if (H5Fget_eoa(file.id(), &end) >= 0 && end == file.size()) return;
    fail("", "says that it has " + count_text(end) + " bytes, and has " + count_text(file.size()) +
                 "; it is damaged, and nothing can be added to it");
}

}  // namespace

nlohmann::json add_to(const File& file, const nlohmann::json& question, const Inbox& enclosed) {
    require_end(file);
    const std::size_t n_cells = Table(file, "obs").n_rows();
    const std::vector<std::size_t> rows = rows_of(question, enclosed, n_cells);
    const Handle obsm = root_group(file, "obsm");
    for (const nlohmann::json& embedding : question.at("embeddings")) {
        const std::string key = embedding.at("key"), path = "obsm/" + key;
        if (H5Lexists(obsm.get(), key.c_str(), H5P_DEFAULT) > 0)
            fail(path, "is in the file already; choose another label");
        const std::size_t n_columns = embedding.at("n_columns");
        const auto* values = enclosed.array<float>(embedding.at("values"), rows.size() * n_columns);
        file.require_memory({n_cells, n_columns, sizeof(float)}, path);
        std::vector<float> all(n_cells * n_columns, std::numeric_limits<float>::quiet_NaN());  // [n x L], row by row
        for (std::size_t i = 0; i < rows.size(); ++i) {
            std::copy_n(values + i * n_columns, n_columns, all.data() + rows[i] * n_columns);
        }
        new_array(obsm.get(), key, number_type(H5T_IEEE_F32LE), {n_cells, n_columns}, all.data(), "array", path);
        file.progress();
    }
    if (!question.at("unstructured").empty()) {
        const Handle uns = root_group(file, "uns");
        const bool there = H5Lexists(uns.get(), "bcbench", H5P_DEFAULT) > 0;
        if (there && H5Ldelete(uns.get(), "bcbench", H5P_DEFAULT) < 0) fail("uns/bcbench", cannot_write);
        write_value(uns.get(), "bcbench", question.at("unstructured"), "uns");
    }
    if (H5Fflush(file.id(), H5F_SCOPE_GLOBAL) < 0) fail("", cannot_write);
    return {{"written", true}};
}

}  // namespace bcbench::h5ad
