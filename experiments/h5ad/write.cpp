#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "engine/core/check.hpp"
#include "engine/core/checkpoint.hpp"
#include "experiments/h5ad/h5ad.hpp"
#include "experiments/h5ad/transport.hpp"
#include "experiments/system/files.hpp"

namespace bcbench {

namespace {

void copy_bytes(const std::string& file, TemporaryFile& copy) {
    const h5ad::Descriptor source(open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (source.get() < 0) throw DataError(file + ": cannot be opened: " + std::strerror(errno));
    std::string block(std::size_t{1} << 20, '\0');
    while (true) {
        checkpoint();
        const ssize_t count = read(source.get(), block.data(), block.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw DataError(file + ": cannot be read: " + std::strerror(errno));
        if (count == 0) return;
        copy.append(std::string_view(block).substr(0, static_cast<std::size_t>(count)));
    }
}

void require_fitting(const H5adAdditions& additions) {
    std::set<std::string> keys;
    for (const H5adEmbedding& embedding : additions.embeddings) {
        require(!embedding.key.empty() && embedding.key.find('/') == std::string::npos && embedding.key != "." &&
                    embedding.key.find('\0') == std::string::npos,
                "the key of an embedding must not be empty, and must hold no '/'");
        if (!keys.insert(embedding.key).second) {
            throw std::invalid_argument("two embeddings have the key " + embedding.key);
        }
        require(embedding.cells.n_rows > 0, "an embedding needs at least one dimension");
        require(embedding.cells.n_cols == additions.embeddings.front().cells.n_cols,
                "all embeddings must have the same number of cells");
        require(additions.rows.empty() || embedding.cells.n_cols == additions.rows.size(),
                "an embedding must have as many cells as there are rows");
    }
    require(additions.unstructured.is_object(), "what goes into uns must be an object");
}

// The library adds to a damaged file without a word, and may break what was there: that it is still there is seen by
// reading it.
void require_unharmed(const std::string& file, const std::string& copy, const std::vector<std::string>& keys,
                      const H5adLimits& limits) {
    const H5adSummary before = describe_h5ad(file, limits);
    const H5adSummary after = describe_h5ad(copy, limits);
    const auto has = [&](const H5adArray& array) {
        return std::find(after.arrays.begin(), after.arrays.end(), array) != after.arrays.end();
    };
    const auto was_added = [&](const std::string& key) {
        return std::any_of(after.arrays.begin(), after.arrays.end(), [&](const H5adArray& array) {
            return array.path == "obsm/" + key && array.fault.empty() && array.n_rows == before.n_cells;
        });
    };
    if (after.n_cells == before.n_cells && after.n_features == before.n_features && after.columns == before.columns &&
        std::all_of(before.arrays.begin(), before.arrays.end(), has) &&
        std::all_of(keys.begin(), keys.end(), was_added))
        return;
    throw DataError(copy + ": does not hold what it held before; the file is damaged, and nothing can be added to it");
}

}  // namespace

std::string obsm_key(const std::string& label) {
    std::string key = "X_" + label;
    std::replace_if(
        key.begin(), key.end(), [](char c) { return c == '/' || (c >= 0 && c < ' '); }, '_');
    return key;
}

void write_h5ad(const std::string& file, const std::string& out, H5adAdditions additions, const H5adLimits& limits) {
    require_fitting(additions);
    h5ad::require_hdf5(file);
    std::error_code ignored;
    if (std::filesystem::equivalent(file, out, ignored)) {
        throw std::invalid_argument(out + " is the file that is copied; it is never changed, choose another name");
    }
    const std::size_t n_cells = additions.embeddings.empty() ? 0 : additions.embeddings.front().cells.n_cols;
    const h5ad::Descriptor memory = h5ad::shared_memory();
    h5ad::Outbox outbox(memory.get());
    nlohmann::json question = {{"kind", "write"},
                               {"n_cells", n_cells},
                               {"rows", nullptr},
                               {"embeddings", nlohmann::json::array()},
                               {"unstructured", additions.unstructured}};
    if (!additions.rows.empty()) {
        auto [rows, reference] = outbox.allocate<std::uint64_t>(additions.rows.size());
        std::copy(additions.rows.begin(), additions.rows.end(), rows);
        question["rows"] = std::move(reference);
    }
    for (H5adEmbedding& embedding : additions.embeddings) {
        auto [values, reference] = outbox.allocate<float>(embedding.cells.n_elem);
        std::copy(embedding.cells.begin(), embedding.cells.end(), values);
        question["embeddings"].push_back(
            {{"key", embedding.key}, {"n_columns", embedding.cells.n_rows}, {"values", std::move(reference)}});
        embedding.cells.reset();  // it is in the shared memory now
    }
    std::vector<std::string> keys;
    for (const H5adEmbedding& embedding : additions.embeddings) keys.push_back(embedding.key);
    TemporaryFile copy(out);
    copy_bytes(file, copy);
    try {
        h5ad::ask_worker(std::move(question), memory, copy.temporary_path().string(), limits);
        require_unharmed(file, copy.temporary_path().string(), keys, limits);
    } catch (const DataError& error) {
        // the copy's name means nothing to the reader
        const std::string temporary = copy.temporary_path().string();
        std::string message = error.what();
        if (message.starts_with(temporary)) message = file + message.substr(temporary.size());
        throw DataError(message);
    }
    copy.finish();
}

}  // namespace bcbench
