// Arbitrary bytes as a table: either a DataError, or a dataset that is consistent.
// The input is one byte of options, then the cells, a 0x01 byte, and the metadata.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/core/check.hpp"
#include "engine/datasets/table.hpp"

using namespace bcbench;

static void check_labels(const Labels& labels, std::size_t n_cells) {
    if (labels.code.size() != n_cells || labels.names.empty()) std::abort();
    std::uint32_t next = 0;  // labels are numbered in order of their first appearance
    for (const std::uint32_t code : labels.code) {
        if (code > next) std::abort();
        if (code == next) ++next;
    }
    if (next != labels.names.size()) std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t cut = std::min(text.find('\x01'), text.size());

    table::Options options;
    options.cells = "cells";
    options.metadata = "metadata";
    options.batch_column = "b";
    options.row_names = data[0] & 1;
    if (data[0] & 2) options.type_column = "t";
    try {
        const Dataset<double> read =
            table::parse(text.substr(0, cut), text.substr(std::min(cut + 1, text.size())), options);
        require_valid(read);
        if (!read.cells.is_finite()) std::abort();
        check_labels(read.batch, read.cells.n_cols);
        if (data[0] & 2) check_labels(read.type, read.cells.n_cols);
    } catch (const DataError&) {
    }
    return 0;
}
