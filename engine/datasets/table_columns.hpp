// Columns of the files of a table: cells from those of numbers, labels from those that are called by name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/core/types.hpp"
#include "engine/datasets/table.hpp"
#include "engine/io/csv.hpp"

namespace bcbench::table {

std::string_view without_spaces(std::string_view text);

bool looks_like_number(std::string_view field);

/// What R and pandas write for a label that is not there; as a batch of its own it would be corrected.
bool stands_for_missing(std::string_view label);

/// Whether the first column of a file names its cells, by its title and its first field.
bool names_cells(const std::string& title, std::string_view field);

/// All cells, times `scale`. `names` receives the names of the cells, if they have any. Throws DataError.
Matrix<double> read_cells(DelimitedReader& reader, bool row_names, double scale, std::vector<std::string>& names);

/// The place of the column. Throws DataError if there is none such, or several.
std::size_t column_called(const DelimitedReader& reader, const std::string& name);

constexpr std::size_t none_incomplete = ~std::size_t{0};

/// The labels of these columns. They may be missing in the column names[incomplete]. Throws DataError.
LabelFile read_columns(DelimitedReader& reader, const std::vector<std::string>& names,
                       std::size_t incomplete = none_incomplete);

}  // namespace bcbench::table
